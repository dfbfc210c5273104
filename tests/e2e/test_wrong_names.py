"""What is typed wrongly is told by what it was meant to be, with what there is instead: every command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from mindbot.testing import processes
from mindbot.testing.processes import Daemon

pytestmark = pytest.mark.full

#: Arguments, the exit code, and what is said: what is wrong, and what would be right.
CASES: list[tuple[str, int, tuple[str, ...]]] = [
    ("trace nosuch", 1, ("no turn 'nosuch'", "mindbot turns")),
    ("trace 0000000000000", 1, ("no turn 0000000000000", "mindbot turns")),
    ("trace 07", 1, ("no turn '07'", "at least 4")),
    ("trace", 2, ("Missing argument 'TURN'",)),
    ("turns --before nosuch", 1, ("no turn 'nosuch'",)),
    ("turns 'statte == 1'", 2, ("unknown field statte", "did you mean state?")),
    ("turns 'state == loud'", 2, ("state is never", "answered, dropped")),
    ("turns --limit many", 2, ("'--limit'", "integer")),
    ("turns --limit 0", 2, ("'--limit'", "greater than")),
    ("tail --topic loud", 1, ("no topic 'loud'", "topics: turn, delivery")),
    ("tail 'took >'", 2, ("expected a value for took",)),
    ("dlq show nosuch", 1, ("no dead letter 'nosuch'", "mindbot dlq list")),
    ("dlq retry nosuch", 1, ("no dead letter 'nosuch'",)),
    ("dlq retry 0000000000000", 1, ("no dead letter '0000000000000'",)),
    ("dlq discard nosuch", 1, ("no dead letter 'nosuch'",)),
    ("dlq restore nosuch", 1, ("no dead letter 'nosuch'",)),
    ("dlq retry", 2, ("Invalid value for ID", "--all")),
    ("dlq list --filter 'age >'", 2, ("expected a value for age",)),
    ("log level loud", 2, ("Invalid value for LEVEL", "'loud'", "debug, info, warning, error")),
    ("log level ''", 2, ("Invalid value for LEVEL", "no logger is named")),
    ("log show 'levle == info'", 2, ("unknown field levle",)),
    ("platform show nosuch", 1, ("no bot 'nosuch'", "bots: console/default")),
    ("platform show console/nosuch", 1, ("no bot console/nosuch", "console/default")),
    ("platform restart nosuch", 1, ("no bot 'nosuch'",)),
    ("platform start nosuch", 1, ("no bot 'nosuch'",)),
    ("platform stop nosuch", 1, ("no bot 'nosuch'",)),
    ("platform test nosuch", 1, ("no bot 'nosuch'",)),
    ("platform push nosuch hi --user u", 1, ("no bot 'nosuch'",)),
    ("platform take-back nosuch", 1, ("no turn 'nosuch'",)),
    ("provider show nosuch", 1, ("no provider named 'nosuch'", "scripted")),
    ("provider test nosuch", 1, ("no provider named 'nosuch'", "scripted")),
    ("provider enable nosuch", 1, ("no provider named 'nosuch'", "scripted")),
    ("provider disable nosuch", 1, ("no provider named 'nosuch'", "scripted")),
    ("provider models nosuch", 1, ("no provider named 'nosuch'", "scripted")),
    ("provider usage --by nosuch", 1, ("'nosuch'", "user, group, bot")),
    ("workflow show nosuch", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow test nosuch", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow run nosuch hi", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow run research hi --input x", 1, ("'x' is no input", "name=value")),
    ("workflow compare nosuch", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow enable nosuch", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow disable nosuch", 1, ("no workflow named 'nosuch'", "research")),
    ("workflow dataset documents nosuch", 1, ("no dataset named 'nosuch'", "dify_datasets")),
    ("workflow dataset query nosuch hi", 1, ("no dataset named 'nosuch'",)),
    ("session transfer nosuch pool", 1, ("no session 'nosuch'", "session list")),
    ("session clear nosuch", 1, ("no session 'nosuch'", "session list")),
    ("session list --before nosuch", 1, ("no turn 'nosuch'",)),
    ("route learn hi --workflow nosuch", 1, ("no workflow named 'nosuch'", "none is for none")),
    ("route learn --turn nosuch --workflow none", 1, ("no turn 'nosuch'",)),
    ("route learn --accept nosuch", 1, ("no correction 'nosuch'", "route learn --list")),
    ("route learn --list --state nosuch", 2, ("Invalid value for --state", "pending, accepted")),
    ("route diff /nowhere", 1, ("/nowhere", "cannot be read")),
    ("route eval /nowhere", 1, ("/nowhere",)),
    ("send hi --bot nosuch", 1, ("no bot console/nosuch", "console/default")),
    ("send --file /nowhere", 2, ("'--file'", "/nowhere")),
    ("config check /nowhere", 1, ("/nowhere: cannot be read",)),
    ("config show nosuch", 1, ("nothing is called nosuch", "config schema")),
    ("config diff /nowhere", 1, ("/nowhere: cannot be read",)),
    ("secret get nosuch", 1, ("no secret named 'nosuch'", "secret set nosuch")),
    ("secret delete nosuch", 1, ("no secret named 'nosuch'", "secret list")),
    ("rehearse /nowhere", 1, ("/nowhere: cannot be read",)),
    ("rehearse --fault nosuch", 2, ("Invalid value for --fault", "NAME=FAULT")),
    ("sim nosuch", 2, ("Invalid value for NAME", "'nosuch'", "wecombot")),
    ("sim wecom --fault loud", 2, ("Invalid value for --fault", "'loud'")),
    ("sim openai --face nosuch", 2, ("Invalid value for --face", "'nosuch'", "azure")),
    ("bench nosuch", 2, ("Invalid value for NAME", "'nosuch'", "pipeline")),
    ("db check --file /nowhere", 1, ("no database at /nowhere",)),
    ("completion csh", 2, ("'SHELL'", "'csh'", "'zsh'")),
    ("daemon nosuch", 2, ("No such command 'nosuch'", "there are run, status, stop, reload")),
    ("nosuch", 2, ("No such command 'nosuch'", "up, tui, daemon")),
    ("dlq retyr X", 2, ("No such command 'retyr'", "'retry'")),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = {
        "providers": {"scripted": {}},
        "workflows": {
            "research": {
                "dify_endpoint": "http://127.0.0.1:9/v1/chat-messages",
                "dify_api_key": "app-research",
            }
        },
    }
    with processes.daemon(tmp_path_factory.mktemp("wrong"), config) as running:
        yield running


def test_every_command_says_what_is_wrong_and_what_would_be_right(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINDBOT_CONFIG", str(daemon.config_file))
    failed = []
    for line, code, told in CASES:
        done = daemon.run(*shlex.split(line))
        said = done.stdout + done.stderr
        shown = all(words in said for words in told) and "Traceback" not in said and "/v1" not in said
        if done.returncode != code or not shown:
            failed.append((line, done.returncode, said[-400:]))
    assert not failed
