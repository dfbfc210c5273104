"""The nodes of a run: one after the other, side by side, again and again, or waiting for a person.

Source: Service API, "Streaming events"; langgenius/dify, `workflow_response_converter.py`. A run is paused
when all that goes on in it waits for forms, and goes on with the first of them that is filled in.
"""

from __future__ import annotations

from typing import Any

import anyio

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import SimNode, speaking
from mindbot.sim.dify.forms import FormDesk, WaitingForm
from mindbot.sim.dify.runs import DifyRun
from mindbot.sim.dify.words import speak


class NodeBroken(Exception):
    """A node has failed, and with it the run."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class GraphWalk:
    """Walks through the nodes of a run, and sends what happens."""

    def __init__(self, run: DifyRun, forms: FormDesk) -> None:
        self._run = run
        self._forms = forms
        self._speaker = speaking(run.app.nodes)
        self._before = ""
        self._going = 1  # strands that do not wait for a form
        self._waiting: list[WaitingForm] = []
        self._broken: NodeBroken | None = None

    async def walk(self, nodes: tuple[SimNode, ...], **where: Any) -> None:
        """Do nodes one after the other; ``where``: inside of which iteration.

        Raises:
            NodeBroken: one has failed.
        """
        for node in nodes:
            if node.branches:
                await self._side_by_side(node.branches, where)
            else:
                await self._node(node, where)

    async def _side_by_side(self, branches: tuple[tuple[SimNode, ...], ...], where: Json) -> None:
        self._going += len(branches) - 1
        async with anyio.create_task_group() as strands:
            for branch in branches:
                strands.start_soon(self._strand, branch, where, strands.cancel_scope)
        if self._broken:
            raise self._broken
        self._going += 1

    async def _strand(self, nodes: tuple[SimNode, ...], where: Json, all_strands: anyio.CancelScope) -> None:
        try:
            await self.walk(nodes, **where)
        except NodeBroken as broken:
            self._broken = broken
            all_strands.cancel()
        self._going -= 1
        self._maybe_pause()

    async def _node(self, node: SimNode, where: Json) -> None:
        run = self._run
        run.steps += 1
        data = self._data(node, where)
        run.emit("node_started", data=data)
        speaks = node is self._speaker
        if speaks:
            await anyio.sleep(run.think)
        await anyio.sleep(node.ms / 1000)
        error = node.fails
        if run.trouble.node and data["title"] == run.trouble.node:
            error = run.trouble.error
        for number in range(node.retries):
            run.emit("node_retry", data=self._ended(data, "retry", error or "try again", retry_index=number))
        if error:
            run.emit(
                "node_finished",
                "closing",
                data=self._ended(data, "exception" if node.excused else "failed", error),
            )
            if not node.excused:
                raise NodeBroken(error)
            run.excused = True
            return
        await self._inside(node, data)
        if speaks:
            await speak(run, "message" if run.mode == "advanced-chat" else "text_chunk", data["node_id"])
        outputs = node.outputs if node.outputs is not None else ({"text": run.said} if speaks else {})
        run.emit("node_finished", data=self._ended(data, "succeeded", None, outputs=outputs))
        self._before = data["node_id"]

    async def _inside(self, node: SimNode, data: Json) -> None:
        """Do what a node holds: tools of an agent, an iteration, a form."""
        for number, tool in enumerate(node.tools, 1):
            log = {
                "id": f"{data['id']}-{number}",
                "node_execution_id": data["id"],
                "node_id": data["node_id"],
            }
            shown = {
                "label": "tool",
                "parent_id": None,
                "error": None,
                "status": "success",
                "data": {},
                **tool,
            }
            self._run.emit("agent_log", data={**log, **shown})
        if node.each:
            await self._again_and_again(node, data)
        if node.form is not None:
            await self._form(node, data)

    async def _again_and_again(self, node: SimNode, data: Json) -> None:
        run, shown = self._run, {name: data[name] for name in ("id", "node_id", "node_type", "title")}
        kind = "loop" if node.type == "loop" else "iteration"
        run.emit(f"{kind}_started", data={**shown, "created_at": data["created_at"], "inputs": {}})
        for number in range(node.times):
            run.emit(f"{kind}_next", data={**shown, "index": number})
            await self.walk(node.each, **{f"{kind}_id": data["node_id"]})
        ended: Json = {"outputs": {}, "status": "succeeded", "error": None, "steps": node.times}
        run.emit(f"{kind}_completed", data={**shown, **ended, "total_tokens": 0})

    async def _form(self, node: SimNode, data: Json) -> None:
        """Ask a person, and wait."""
        assert node.form is not None
        form = self._forms.ask(self._run, node.title, data["node_id"], node.form)
        self._waiting.append(form)
        self._run.emit("human_input_required", data=form.required())
        self._going -= 1
        self._maybe_pause()
        await form.answered.wait()
        self._waiting.remove(form)
        self._going += 1
        self._resume()
        name = "human_input_form_timeout" if form.expired else "human_input_form_filled"
        filled = {"node_id": form.node_id, "node_title": form.node, "action_id": form.action}
        self._run.emit(
            name, "head", data={**filled, "action_text": form.title, "rendered_content": form.action}
        )

    def _maybe_pause(self) -> None:
        run = self._run
        if self._going or not self._waiting or self._broken:
            return
        run.status = "paused"
        reasons = [{"TYPE": "human_input_required", **form.required()} for form in self._waiting]
        paused = {"workflow_run_id": run.workflow_run, "paused_nodes": [f.node_id for f in self._waiting]}
        detail = run.detail()
        more = {name: detail[name] for name in ("status", "outputs", "created_at", "elapsed_time")}
        run.emit("workflow_paused", "closing", data={**paused, "reasons": reasons, **more})

    def _resume(self) -> None:
        run = self._run
        run.resumed = True
        if run.status != "paused":
            return
        run.status = "running"
        started = {"id": run.workflow_run, "workflow_id": run.workflow, "inputs": run.inputs}
        data = {**started, "created_at": int(run.created), "reason": "resumption"}
        run.emit("workflow_started", "head", data=data)

    def _data(self, node: SimNode, where: Json) -> Json:
        run, number = self._run, self._run.steps
        renamed = run.trouble.node and node is self._speaker and not self._has(run.trouble.node)
        return {
            "id": f"{run.workflow_run}-{number}",
            "node_id": f"{node.type}-{number}",
            "node_type": node.type,
            "title": run.trouble.node if renamed else node.title,
            "index": number,
            "predecessor_node_id": self._before or None,
            "inputs": {},
            "created_at": int(run.clock()),
            "extras": {},
            **where,
        }

    def _has(self, title: str) -> bool:
        return any(node.title == title for node in self._run.app.nodes)

    def _ended(self, data: Json, status: str, error: str | None, **more: Any) -> Json:
        usage = {"total_tokens": self._run.tokens} if data["node_type"] == "llm" else {}
        ended: Json = {
            "process_data": {},
            "outputs": None,
            "status": status,
            "error": error,
            "elapsed_time": 0.1,
        }
        return {**data, **ended, "execution_metadata": usage, "finished_at": data["created_at"], **more}
