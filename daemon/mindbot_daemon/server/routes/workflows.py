"""Workflows: how they are, tests and runs by hand, off and on, what they did."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import anyio
from fastapi import APIRouter, Query

from mindbot.api import models, workflow_models
from mindbot.domain.errors import TimedOut
from mindbot.domain.shapes.daemon import CheckJson
from mindbot.domain.shapes.workflows import (
    DecisionJson,
    ShadowJson,
    WorkflowDayJson,
    WorkflowJson,
    WorkflowRunJson,
)
from mindbot_daemon.server.deps import OPERATOR, VIEWER, RoutingDep, WorkflowsDep

T = TypeVar("T")

router = APIRouter(prefix="/workflows", tags=["workflows"])


@router.get("", response_model=list[workflow_models.WorkflowView], dependencies=VIEWER)
async def list_workflows(workflows: WorkflowsDep) -> list[WorkflowJson]:
    """Every configured workflow: state, replicas and their breakers, runs and cost today, late errors."""
    return await workflows.workflows()


@router.get("/stats", response_model=list[workflow_models.WorkflowDayView], dependencies=VIEWER)
async def workflow_stats(
    workflows: WorkflowsDep,
    days: Annotated[int, Query(ge=1, le=400, description="how many, today the last")] = 7,
) -> list[WorkflowDayJson]:
    """What each did by day, the newest first: runs, failures, recoveries, times, ratings, cost."""
    return await workflows.stats(days)


@router.get("/shadows", response_model=list[workflow_models.ShadowView], dependencies=VIEWER)
async def list_shadows(
    workflows: WorkflowsDep,
    workflow: Annotated[str, Query(max_length=256, description="only what this one would have said")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> list[ShadowJson]:
    """What workflows would have answered in the shadow, beside what the user got, the newest first."""
    return await workflows.shadows(workflow, limit)


@router.post("/compare", response_model=list[workflow_models.WorkflowRunView], dependencies=OPERATOR)
async def compare_workflows(
    asked: workflow_models.CompareWorkflows, workflows: WorkflowsDep
) -> list[WorkflowRunJson]:
    """Run one text with several workflows, side by side; no user sees it. This costs what the apps cost."""
    return await _within(asked.timeout, workflows.compare(asked.names, asked.text))


@router.post("/classify", response_model=workflow_models.DecisionView, dependencies=OPERATOR)
async def classify_text(asked: workflow_models.ClassifyText, routing: RoutingDep) -> DecisionJson:
    """Which workflow a text means by itself: no rule, user or conversation counts. This costs what an
    embedder and a judge cost."""
    return await routing.classify(asked.text)


@router.get("/{name}", response_model=workflow_models.WorkflowView, dependencies=VIEWER)
async def get_workflow(name: str, workflows: WorkflowsDep) -> WorkflowJson:
    """One workflow."""
    return await workflows.workflow(name)


@router.post("/{name}/test", response_model=list[models.PlatformCheck], dependencies=OPERATOR)
async def test_workflow(name: str, workflows: WorkflowsDep) -> list[CheckJson]:
    """Prove step by step that its apps can be asked, without a run."""
    return await workflows.test(name)


@router.post("/{name}/run", response_model=workflow_models.WorkflowRunView, dependencies=OPERATOR)
async def run_workflow(
    name: str, asked: workflow_models.RunWorkflow, workflows: WorkflowsDep
) -> WorkflowRunJson:
    """Run a text by hand and tell how each node went; no user sees it. This costs what the app costs."""
    return await _within(asked.timeout, workflows.run(name, asked.text, asked.user, asked.inputs))


@router.post("/{name}/enable", response_model=workflow_models.WorkflowView, dependencies=OPERATOR)
async def enable_workflow(name: str, workflows: WorkflowsDep) -> WorkflowJson:
    """Switch it on again; open breakers are tried again."""
    return await workflows.switch(name, on=True)


@router.post("/{name}/disable", response_model=workflow_models.WorkflowView, dependencies=OPERATOR)
async def disable_workflow(name: str, workflows: WorkflowsDep) -> WorkflowJson:
    """Switch it off until it is switched on again, also over restarts; others of its chain answer."""
    return await workflows.switch(name, on=False)


async def _within(timeout: float, run: Awaitable[T]) -> T:
    try:
        with anyio.fail_after(timeout):
            return await run
    except TimeoutError:
        raise TimedOut(f"it did not end within {timeout:g}s", hint="give it longer with timeout") from None
