"""Commands against a daemon: what people see, what pipes get, what the exit code says."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import anyio
import pytest
from cli_here import Done, Run
from daemon_here import Running

from mindbot.domain.message import Json

pytestmark = pytest.mark.anyio


async def test_send_shows_the_reply_to_people(run: Run) -> None:
    done = await run("send", "hello", terminal=True)
    assert (done.code, done.out) == (0, "you said hello\n")
    assert "answered in 12.5 ms" in done.err


async def test_send_prints_one_object_for_machines(run: Run, up: Running) -> None:
    for done in (await run("send", "hello"), await run("send", "hello", "--json", terminal=True)):
        [turn] = done.objects
        assert (done.code, turn["state"], turn["reply"], turn["took_ms"]) == (
            0,
            "answered",
            "you said hello",
            12.5,
        )
        assert turn["turn"] in up.runtime.turns


async def test_send_as_somebody(run: Run, up: Running) -> None:
    to = ["--platform", "wecom", "--bot", "b", "--user", "alice", "--session", "s1"]
    assert (await run("send", "hi", *to, "--yes")).code == 0
    [turn] = up.runtime.turns.values()
    assert [turn[k] for k in ("platform", "bot", "user", "session")] == ["wecom", "b", "alice", "s1"]


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_send_asks_before_somebody_gets_the_answer(
    run: Run, up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def typing(keys: io.StringIO, *more: str) -> Done:
        monkeypatch.setattr(sys, "stdin", keys)
        return await run("send", "hi", "--platform", "wecom", "--bot", "b", "--user", "alice", *more)

    done = await typing(io.StringIO("y\n"))
    assert done.code == 2 and not up.runtime.turns, "a script has to say so"
    said = " ".join(re.sub(r"[^\w/,.-]+", " ", done.err).split())
    assert "--platform" not in said
    assert "alice on wecom/b will receive the answer" in said and "--yes" in said and "--dry-run" in said
    assert (await typing(Keyboard("n\n"))).code != 0 and not up.runtime.turns
    done = await typing(Keyboard("y\n"))
    assert done.code == 0 and "alice on wecom/b will receive the answer. Send it?" in done.err
    assert done.objects[0]["reply"] == "you said hi"


async def test_a_dry_run_asks_nobody_and_says_what_it_is(run: Run, up: Running) -> None:
    done = await run("send", "hi", "--platform", "wecom", "--user", "alice", "--dry-run", terminal=True)
    assert done.code == 0 and "you said hi" in done.out
    assert "a dry run: nobody gets this answer" in done.err and "history" not in done.err
    assert [turn["dry_run"] for turn in up.runtime.turns.values()] == [True]


@pytest.mark.parametrize(
    ("to", "whose"),
    [
        (["--session", "console:default:operator"], ""),
        (
            ["--session", "wecom:hr:alice"],
            "of wecom:hr:alice, as if said there; `mindbot session clear wecom:",
        ),
        (["--platform", "wecom", "--session", "console:default:me"], ""),
        (["--platform", "wecom", "--session", "wecom:hr:alice", "--no-wait"], "of wecom:hr:alice, as if"),
        (["--platform", "wecom", "--user", "alice", "--no-wait"], "of alice on wecom, as if said there\n"),
        (["--no-wait"], ""),
    ],
)
async def test_send_says_whose_history_it_enters(run: Run, up: Running, to: list[str], whose: str) -> None:
    if "--no-wait" in to:
        up.runtime.finish = anyio.Event()
    done = await run("send", "hi", *to, "--yes")
    assert (f"part of the history {whose}" in done.err) if whose else ("history" not in done.err)


async def test_what_was_dropped_enters_no_history(run: Run) -> None:
    assert "history" not in (await run("send", "drop me", "--session", "wecom:hr:alice")).err


@pytest.mark.parametrize(("text", "code"), [("drop me", 5), ("fail me", 1)])
async def test_the_exit_code_says_what_became_of_the_turn(run: Run, text: str, code: int) -> None:
    assert (await run("send", text)).code == code


async def test_send_to_a_bot_that_is_not_there_names_those_that_are(run: Run) -> None:
    done = await run("send", "hi", "--platform", "nowhere", "--yes")
    assert (done.code, done.out) == (1, "") and "bots: console/default" in done.err


async def test_send_without_waiting(run: Run, up: Running) -> None:
    up.runtime.finish = anyio.Event()
    done = await run("send", "hi", "--no-wait")
    assert done.code == 0 and done.objects[0]["state"] == "queued"


async def test_send_that_takes_too_long_exits_4(run: Run, up: Running) -> None:
    up.runtime.finish = anyio.Event()
    for extra in ([], ["--stream"]):
        done = await run("send", "hi", "--timeout", "0.1", *extra)
        assert done.code == 4 and "mindbot trace" in done.err


async def test_a_streamed_reply_arrives_in_pieces(run: Run) -> None:
    done = await run("send", "hi", "--stream", terminal=True)
    assert (done.code, done.out) == (0, "you said hi \n")
    piped = await run("send", "hi", "--stream")
    assert [o["type"] for o in piped.objects] == ["accepted", "chunk", "chunk", "chunk", "done"]
    assert piped.objects[-1]["reply"] == "you said hi"


def on_screen(written: str, columns: int, lines: int = 24) -> list[str]:
    """Return what a terminal shows of it; knows line ends, \\r, cursor up and erase below."""
    rows, y, x = [""], 0, 0
    for sign in re.findall(r"\x1b\[\d*[A-Z]|.", written, re.DOTALL):
        if sign == "\n":
            y, x = y + 1, 0
        elif sign == "\r":
            x = 0
        elif sign.endswith("A") and sign.startswith("\x1b"):
            y = max(0, len(rows) - lines, y - int(sign[2:-1]))
        elif sign == "\x1b[J":
            rows[y:] = [rows[y][:x]]
        else:
            if x == columns:
                y, x = y + 1, 0
            rows += [""] * (y + 1 - len(rows))
            rows[y] = rows[y][:x] + sign + rows[y][x + 1 :]
            x += 1
        rows += [""] * (y + 1 - len(rows))
    return rows


@pytest.mark.parametrize("thought", ["the user", "a plan\n\nof lines\n", "w" * 200, "w" * 240 + "\n", "\n"])
async def test_what_turns_out_to_be_thinking_is_taken_back(
    run: Run, up: Running, thought: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    up.runtime.thoughts = [thought[:5], thought[5:]]
    done = await run("send", "hi", "--stream", terminal=True)
    assert on_screen(done.out, 120) == ["you said hi ", ""]
    piped = await run("send", "hi", "--stream")
    assert [o.get("afresh") for o in piped.objects] == [None, None, None, True, None, None, None]
    assert piped.objects[-1]["reply"] == "you said hi"


@pytest.mark.parametrize("term", ["dumb", "xterm"])
async def test_what_cannot_be_taken_back_is_told_to_be_thinking(
    run: Run, up: Running, term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("LINES", "10")
    up.runtime.thoughts = ["a plan\n" * (1 if term == "dumb" else 30)]
    done = await run("send", "hi", "--stream", terminal=True)
    assert done.out.endswith("a plan\n\n(what stands above was thinking; the answer:)\nyou said hi \n")


async def test_turns_are_a_table_or_lines(run: Run) -> None:
    assert (await run("turns", terminal=True)).out == "no turns yet\n"
    await run("send", "one")
    await run("send", "two")
    table = (await run("turns", terminal=True)).out.splitlines()
    assert table[0].split()[:3] == ["TURN", "RECEIVED", "STATE"]
    assert table[1].endswith("two → you said two") and table[2].endswith("one → you said one")
    assert [o["text"] for o in (await run("turns", "--limit", "1")).objects] == ["two"]
    assert [o["text"] for o in (await run("turns", "one")).objects] == ["one"]


async def test_turns_are_looked_for_until_there_are_enough_and_what_was_not_looked_at_is_said(
    run: Run, up: Running
) -> None:
    for text in ("rare one", "two", "three", "four", "five"):
        await run("send", text)
    up.runtime.slowly = True
    done = await run("turns", "rare")
    assert (done.code, [turn["text"] for turn in done.objects]) == (0, ["rare one"])
    assert (await run("turns", "nothing", terminal=True)).out == "no turns match\n"
    done = await run("turns", "rare", "--seconds", "0", terminal=True)
    assert done.code == 4 and done.out == ""
    newest = list(up.runtime.turns)[-1]
    assert "not all turns were looked at: after 0s back to " in done.err and f"--before {newest}" in done.err
    assert (await run("turns", "rare", "--before", newest, "--limit", "1")).objects[0]["text"] == "rare one"


async def test_an_answer_that_was_cut_is_marked_among_the_turns(run: Run, up: Running) -> None:
    await run("send", "one")
    (turn,) = up.runtime.turns.values()
    turn["reason"] = "cut short: a limit of length or time was reached"
    shown = (await run("turns", terminal=True)).out
    assert "one → you said one" in shown and "    cut short: a limit of length or time was reached\n" in shown
    assert "cut short: a limit" in (await run("trace", turn["id"], terminal=True)).out


async def test_an_answer_that_did_not_arrive_is_told(run: Run, up: Running) -> None:
    await run("send", "one")
    (turn,) = up.runtime.turns.values()
    turn |= {
        "delivery": "undelivered",
        "undelivered": True,
        "delivery_error": "48002: no right",
        "origin": "test",
    }
    for shown in (
        (await run("turns", terminal=True)).out,
        (await run("trace", turn["id"], terminal=True)).out,
    ):
        assert "answered, undelivered" in shown and "(test)" in shown
        assert "  not delivered: 48002: no right\n" in shown


async def test_trace_draws_the_spans(run: Run) -> None:
    turn = str((await run("send", "hi")).objects[0]["turn"])
    shown = (await run("trace", turn, terminal=True)).out.splitlines()
    assert shown[0].startswith(f"{turn}  answered in 12.5 ms  console/default")
    assert shown[2].startswith("└─ stage deliver") and shown[3].startswith("   └─ model scripted")
    (whole,) = (await run("trace", turn, "--json")).objects
    assert (whole["id"], whole["reply"]) == (turn, "you said hi")
    assert [each["name"] for each in whole["spans"]] == ["deliver", "scripted"]  # type: ignore[attr-defined]
    missing = await run("trace", "X")
    assert missing.code == 1 and "no turn X" in missing.err


async def test_a_turn_is_exported_to_a_new_file(run: Run, tmp_path: Path) -> None:
    turn = str((await run("send", "hi")).objects[0]["turn"])
    whole = json.loads((await run("export", turn)).out)
    assert (whole["id"], whole["reply"]) == (turn, "you said hi")
    file = tmp_path / "turn.md"
    done = await run("export", turn, "--as", "markdown", "--output", str(file))
    assert done.code == 0 and f"# Turn {turn}\n" in file.read_text()
    again = await run("export", turn, "--output", str(file))
    assert again.code == 1 and "exists already" in again.err and "# Turn" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0, "people's words are nobody else's"
    assert "no turn X" in (await run("export", "X")).err


async def test_platforms(run: Run) -> None:
    assert "console/default" in (await run("platform", "list", terminal=True)).out
    assert (await run("platform", "list")).objects[0]["state"] == "ok"


async def test_dead_letters(run: Run) -> None:
    assert "letter-1" in (await run("dlq", "list", terminal=True)).out
    assert "refused" in (await run("dlq", "show", "letter-1", terminal=True)).out
    assert (await run("dlq", "show", "letter-2")).code == 1
    assert (await run("dlq", "retry", "letter-1")).code == 0
    assert (await run("dlq", "list", terminal=True)).out == "no dead letters\n"
    assert (await run("dlq", "discard", "letter-1")).code == 1
    assert "sent" in (await run("dlq", "list", "--settled", terminal=True)).out
    done = await run("dlq", "restore", "letter-1", "letter-2")
    assert done.code == 0 and [o["done"] for o in done.objects] == [True, True]
    done = await run("dlq", "retry", "letter-2", "letter-9", "letter-1")
    assert done.code == 1 and "1 of 3" in done.err
    assert [o["done"] for o in done.objects] == [True, False, True], "one that fails ends nothing"
    assert (await run("dlq", "discard", "--all")).code == 2, "it is not asked for on a pipe"
    await run("dlq", "restore", "letter-1")
    assert "letter-1" in (await run("dlq", "discard", "--all", "--yes", terminal=True)).out


@pytest.mark.full
async def test_failures_are_shown_by_their_cause_and_tried_again(run: Run, up: Running) -> None:
    shown = (await run("failures", terminal=True)).out
    assert "12 turns" in shown and "9 people wait" in shown
    assert "openai: overloaded: 500: the server had an error" in shown
    assert (await run("failures", "--hours", "1")).objects[0]["id"] == "b1"
    one = (await run("failures", "b1", terminal=True)).out
    assert "mindbot turns 'error == \"overloaded\"'" in one and "wecom/hr" in one and "waits" in one
    assert (await run("failures", "b1")).objects[0]["who"][0]["user"] == "lin"
    assert (await run("failures", "b2")).code == 1
    assert (await run("failures", "--retry")).code == 2
    assert "--yes" in (await run("failures", "b1", "--retry")).err
    done = await run("failures", "b1", "--retry", "--yes", terminal=True)
    assert done.code == 1, "one of them could not be tried again"
    assert done.out.splitlines() == [
        "1 of 2 tried again",
        "3 left alone: nobody waits for them",
        "01U is answered, neither failed nor dead",
        "1 answered, 0 failed again, 0 still running",
        "lin · 01T: answered",
    ]
    [done_json] = (await run("failures", "b1", "--retry", "--yes")).objects
    assert done_json["ended"] and [each["outcome"] for each in done_json["reruns"]] == ["answered"]
    left = await run("failures", "b1", "--retry", "--yes", "--no-wait")
    assert left.code == 1 and "reruns" not in left.objects[0]
    up.runtime.dead.clear()
    assert (await run("failures", terminal=True)).out == "nothing failed in the last 6 hours\n"


async def test_daemon_status_exits_0_only_when_ready(run: Run, up: Running) -> None:
    done = await run("daemon", "status", terminal=True)
    assert done.code == 0 and done.out.startswith("running, pid ") and "a.yaml" in done.out
    assert (await run("daemon", "status")).objects[0]["a_field_of_tomorrow"] is True
    assert "letter-1" in done.out
    assert "health" not in done.out, "a daemon that does not say how it is, is not said to be well"
    up.runtime.dead.clear()
    done = await run("daemon", "status", terminal=True)
    assert "degraded" not in done.out and (await run("daemon", "status")).objects[0]["not_ok"] == []
    up.runtime.store_state = "degraded"
    assert "degraded store:" in (await run("daemon", "status", terminal=True)).out
    assert (await run("daemon", "status")).objects[0]["not_ok"][0]["component"] == "store"
    up.runtime.store_state = "failed"
    done = await run("daemon", "status", terminal=True)
    assert done.code == 1 and "failed   store:" in done.out and not done.err
    up.daemon.phase = "draining"
    assert (await run("daemon", "status")).code == 1


async def test_daemon_status_names_the_dead_letters_of_each_bot(run: Run, up: Running) -> None:
    async def dead(limit: int = 100, filter: str = "", *, settled: bool = False) -> list[Json]:
        one = {"kind": "delivery", "platform": "wecom", "bot": "a", "error": "rejected: \x1b[2J48002"}
        return [one | {"id": "01T-0"}, one | {"id": "01S-0"}, one | {"id": "01R-0", "bot": "b"}]

    up.runtime.list_dead_letters = dead  # type: ignore[method-assign]
    first, second = (await run("daemon", "status")).objects[0]["not_ok"]  # type: ignore[misc]
    assert [first["component"], second["component"]] == ["dead letters of wecom/a", "dead letters of wecom/b"]
    assert first["reason"].startswith("2 given up on, the last 01T-0: rejected")
    assert first["reason"].endswith("(see: mindbot dlq list)")
    shown = await run("daemon", "status", terminal=True)
    assert shown.code == 0 and "\x1b" not in shown.out
    assert "degraded dead letters of wecom/a: 2 given up on" in shown.out


async def test_config_show_asks_the_daemon_what_is_in_force(run: Run, up: Running) -> None:
    done = await run("config", "show", terminal=True)
    assert done.code == 0 and done.out.split() == ["log.level", '"info"', "a.yaml:2:3"]


async def test_config_check_names_what_waits_for_a_restart(run: Run, up: Running) -> None:
    done = await run("config", "check", terminal=True)
    assert done.code == 0 and "only a restart of the daemon applies: log.level\n" in done.out
    done = await run("config", "check", "--json")
    assert done.objects[0]["restart"] == ["log.level"]


async def test_config_check_secrets_asks_the_daemon_where_it_runs(run: Run, up: Running) -> None:
    async def missing(_: object) -> list[str]:
        return ["a.yaml:3:5: wecom.secret: no secret named 'x'"]

    up.runtime.unreadable_secrets = missing  # type: ignore[method-assign]
    done = await run("config", "check", "--secrets", terminal=True)
    assert done.code == 1 and "error: a.yaml:3:5: wecom.secret: no secret named 'x'" in done.out


@pytest.mark.parametrize(
    "command", [["send", "hi"], ["platform", "push", "console/default", "hi", "--user", "u"]]
)
async def test_what_is_no_regular_file_is_refused_in_words(run: Run, command: list[str]) -> None:
    done = await run(*command, "--file", "/dev/zero")
    assert done.code == 2 and "/dev/zero is no regular file" in done.err


async def test_daemon_reload_explains_a_bad_configuration(run: Run, up: Running) -> None:
    done = await run("daemon", "reload", terminal=True)
    assert done.code == 0
    assert done.out.splitlines()[-3:] == [  # before them what the daemon, in this process, logs
        "generation 2 is in use",
        "warning: a.yaml:2: a plain secret",
        "changed, but only a restart applies: store.file",
    ]
    up.configuration.broken = True
    done = await run("daemon", "reload")
    assert done.code == 1
    assert "a.yaml:3: no such key" in done.err and "a.yaml:9: bad" in done.err


async def test_a_bot_is_stopped_started_and_tested(run: Run, up: Running) -> None:
    assert (await run("platform", "stop", "console")).code == 0
    assert (await run("platform", "start", "console")).code == 0
    assert up.runtime.restarted == ["stop console/default", "console/default"]
    done = await run("platform", "test", "console", terminal=True)
    assert done.code == 1 and "enter the URL" in done.out
    assert (await run("platform", "test", "nobody/x")).code == 1


async def test_a_bot_speaks_of_its_own_accord_with_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4")
    done = await run("platform", "push", "console", "hello", "--user", "li", "--file", str(file))
    assert done.code == 0 and done.objects[0]["state"] == "answered"
    assert (await run("platform", "push", "console", "x", "--user", "li", "--file", "/nowhere")).code == 2


async def test_a_push_says_what_became_of_it(run: Run) -> None:
    sent = await run("platform", "push", "console", "x", "--user", "li", terminal=True)
    assert sent.code == 0 and sent.out.startswith("sent    ")
    refused = await run("platform", "push", "console", "x", "--user", "nobody", terminal=True)
    assert refused.code == 1 and refused.out.startswith("refused ") and "no user nobody" in refused.out
    waits = await run("platform", "push", "console", "x", "--user", "slow")
    assert waits.code == 4 and waits.objects[0]["deliveries"][0]["state"] == "pending"


async def test_a_reply_that_the_platform_refuses_is_said(run: Run) -> None:
    done = await run("send", "hi", "--user", "nobody", terminal=True)
    assert done.code == 1 and "not delivered: no user nobody" in done.err
    assert "answered, undelivered in " in done.err
    lost = (await run("send", "hi", "--user", "nobody")).objects[0]
    assert lost["undelivered"] is True and lost["delivery_error"] == "no user nobody"
    arrived = (await run("send", "hi", "--user", "li")).objects[0]
    assert arrived["undelivered"] is False and arrived["delivery_error"] == ""


async def test_a_misspelt_bot_is_guessed(run: Run) -> None:
    done = await run("platform", "show", "consol")
    assert done.code == 1 and "did you mean console?" in done.err


async def test_a_bot_is_shown_in_words(run: Run) -> None:
    shown = (await run("platform", "show", "console", terminal=True)).out.splitlines()
    assert shown[0] == "console/default"
    assert shown[1].split()[:3] == ["state", "ok", "for"]
    assert shown[2].split() == ["messages", "0"]


async def test_a_session_is_handed_over(run: Run) -> None:
    assert (await run("session", "transfer", "s", "anna", terminal=True)).out == "s is with a person: anna\n"
    assert (await run("session", "transfer", "other", "pool")).code == 1
    slashes = "a:b:cid/x==:y/transfer"
    assert (await run("session", "transfer", slashes, "pool", terminal=True)).code == 0


async def test_a_session_is_taken_over_and_handed_back(run: Run) -> None:
    taken = await run("session", "take", "s", terminal=True)
    lines = "s is yours, and the bot is mute in it\nthe answer of draft becomes a draft\n"
    assert (taken.code, taken.out) == (0, lines), taken.err
    assert [line["session"] for line in (await run("session", "taken")).objects] == ["s"]
    said = await run("session", "say", "s", "it comes today", terminal=True)
    assert (said.code, said.out.split()[0]) == (0, "sent"), said.err
    assert (await run("session", "say", "s", " ")).code == 2
    assert (await run("session", "say", "other", "hello")).code == 1
    back = await run("session", "hand-back", "s", "--to", "pool", terminal=True)
    assert (back.code, back.out) == (0, "s is handed over: pool\n")
    assert (await run("session", "hand-back", "s")).code == 1


async def test_what_was_said_in_a_session_is_forgotten(run: Run) -> None:
    said = "the bot has forgotten what was said in s\n"
    assert (await run("session", "clear", "s", terminal=True)).out == said
    assert (await run("session", "clear", "s")).objects == [{"session": "s"}]
    assert (await run("session", "clear", "a:b:cid/x==:y/transfer")).code == 0
    assert (await run("session", "clear", "other")).code == 1


async def test_what_a_turn_sent_is_taken_back_and_what_stays_is_told(run: Run) -> None:
    turn = (await run("send", "hi")).objects[0]["turn"]
    done = await run("platform", "take-back", turn, terminal=True)
    assert done.code == 1  # some of it stays
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["gone", f"{turn}-1"],
        ["stays", f"{turn}-0:"],
    ]
    assert "more than a day ago" in done.out
    found = (await run("platform", "take-back", turn)).objects
    assert [each["taken_back"] for each in found] == [True, False]
    assert (await run("platform", "take-back", "01T")).code == 1


async def test_a_file_alone_can_be_sent(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG")
    assert (await run("send", "--file", str(file))).code == 0
    assert (await run("send")).code == 2


async def test_two_turns_are_held_against_each_other(run: Run) -> None:
    one, two = [(await run("send", text, "--json")).objects[0]["turn"] for text in ("hello", "bye")]
    shown = (await run("diff", one, two, terminal=True)).out
    assert all(said in shown for said in ("- hello", "+ bye", "- you said hello", "+ you said bye"))
    assert (await run("diff", one, two, "--json", terminal=True)).objects[0]["same"] is False
    assert "the same but for steps" in (await run("diff", one, one, terminal=True)).out


async def test_the_request_of_a_model_is_printed_as_it_was_sent(run: Run, up: Running) -> None:
    turn = (await run("send", "hello", "--json")).objects[0]["turn"]
    asked = {"messages": [{"role": "user", "content": "hello", "origin": "message"}]}
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    up.runtime.turns[turn]["spans"][1]["data"] = {
        "request": asked,
        "sent": [{"path": "/v1/chat/completions", "body": body, "provider": "acme"}],
    }
    assert (await run("trace", turn, "--request", "1")).out == json.dumps(body, separators=(",", ":")) + "\n"
    shown = (await run("trace", turn, "--requests", terminal=True)).out
    assert "model acme" in shown and "user message" in shown and "/v1/chat/completions" in shown
    missing = await run("trace", turn, "--request", "2")
    assert missing.code == 1 and "it has: 1" in missing.err
