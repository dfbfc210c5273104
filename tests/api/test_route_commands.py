"""`mindbot route`: with a daemon and without, for people and pipes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_here import Run

pytestmark = pytest.mark.anyio

RULES = """\
router: {embedder: hashed}
workflows:
  code: {dify_api_key: app-fake, task_patterns: [python]}
  data: {dify_api_key: app-fake, task_patterns: [chart]}
routes:
  - {name: vip, user: boss, workflow: data}
"""


@pytest.mark.slow
async def test_a_message_is_explained_by_the_daemon(run: Run) -> None:
    found = (await run("route", "explain", "write python", "--user", "lin")).objects[0]
    assert found["workflow"] == "code"
    shown = await run("route", "explain", "write python", terminal=True)
    assert shown.code == 0 and shown.out.startswith("to code, ")


async def test_without_a_daemon_the_configuration_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"{RULES}state_dir: {tmp_path / 'state'}\n", encoding="utf-8")
    monkeypatch.delenv("MINDBOT_SOCKET", raising=False)
    alone = ("--socket", str(tmp_path / "nobody.sock"), "--config", str(file), "route", "explain")
    found = (await run(*alone, "python", "--user", "boss")).objects[0]
    assert (found["workflow"], found["rule"], found["chain"]) == ("data", "vip", ["data"])
    found = (await run(*alone, "python", "--user", "lin")).objects[0]
    assert (found["workflow"], found["runner"]) == ("code", "workflow")
    assert found["rules"] == ["✗ vip: wants user boss; the user is lin"]
    shown = await run(*alone, "python", terminal=True)
    assert "── which rules matched ──\n✗ vip" in shown.out


async def test_the_rules_are_a_table_under_the_router(run: Run) -> None:
    shown = (await run("route", "list", terminal=True)).out
    assert "compared by" in shown and "RULE" in shown
    assert (await run("route", "list")).objects[0]["rules"]


@pytest.mark.slow
async def test_corrections_are_made_listed_and_reviewed(run: Run) -> None:
    told = (await run("route", "learn", "plot it", "--workflow", "code")).objects[0]
    assert (told["text"], told["workflow"]) == ("plot it", "code")
    none = (await run("route", "learn", "lunch?", "--workflow", "none")).objects[0]
    assert none["workflow"] is None
    listed = (await run("route", "learn", "--list")).objects
    assert told["id"] in [each["id"] for each in listed]
    reverted = await run("route", "learn", "--revert", str(told["id"]), terminal=True)
    assert reverted.code == 0 and "reverted" in reverted.out
    assert (await run("route", "learn", "--suggest", terminal=True)).code == 0


async def test_what_is_asked_for_in_no_way_or_two_is_usage(run: Run) -> None:
    assert (await run("route", "learn")).code == 2
    assert (await run("route", "learn", "x", "--list")).code == 2
    where = await run("route", "learn", "x")
    assert where.code == 2 and "--workflow" in where.err


async def test_another_configuration_is_compared(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(RULES, encoding="utf-8")
    shown = await run("route", "diff", str(file), terminal=True)
    assert shown.code == 0 and "→" in shown.out
    file.write_text("routes: [{tme: x}]", encoding="utf-8")
    refused = await run("route", "diff", str(file))
    assert refused.code == 1 and "other.yaml:1:11" in refused.err
