"""`mindbot workflow dataset` and the calls behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_here import Run
from daemon_here import Running

from mindbot.api import workflow_calls as calls
from mindbot.domain.errors import NotFound

pytestmark = pytest.mark.anyio


async def test_they_are_listed_with_their_documents(run: Run) -> None:
    table = (await run("workflow", "dataset", "list", terminal=True)).out
    assert table.split()[:3] == ["DATASET", "TITLE", "DOCUMENTS"]
    assert (await run("workflow", "dataset", "list")).objects[0]["name"] == "handbook"
    assert "leave.txt" in (await run("workflow", "dataset", "documents", "handbook", terminal=True)).out
    assert (await run("workflow", "dataset", "documents", "handbook")).objects[0]["status"] == "available"


async def test_one_is_asked(run: Run) -> None:
    shown = (await run("workflow", "dataset", "query", "handbook", "leave", terminal=True)).out
    assert shown == "0.50  leave.txt\n  about leave\n"
    assert (await run("workflow", "dataset", "query", "handbook", "leave")).objects[0]["score"] == 0.5
    missing = await run("workflow", "dataset", "query", "nobody", "leave")
    assert missing.code == 1 and "handbook" in missing.err


async def test_a_file_is_put_into_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.txt"
    file.write_text("be kind")
    made = await run("workflow", "dataset", "upload", "handbook", str(file), terminal=True)
    assert made.out == "rules.txt: indexing\n"


async def test_clients_are_told_which_there_are(up: Running) -> None:
    with pytest.raises(NotFound) as caught:
        await up.client.ask(calls.dataset_documents("nobody"))
    assert caught.value.hint == "there are: handbook"
    assert (await up.client.ask(calls.put_document("handbook", "f1", "a.txt"))).status == "indexing"
    assert up.runtime.resources.datasets.put_in == [{"dataset": "handbook", "file": "f1", "title": "a.txt"}]
