"""Log lines: one shape for structlog and the standard library, masked, and told to the journal properly."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from mindbot.telemetry import logging as logs
from mindbot.telemetry.redaction import Redactor

SECRET = "planted-secret-4711"


@pytest.fixture
def masks() -> Redactor:
    found = Redactor()
    found.register(SECRET)
    return found


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook)
    yield
    root.handlers[:], level, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    for name in ("mindbot.x", "mindbot"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def start(restored: None, masks: Redactor) -> Callable[..., io.StringIO]:
    def begin(level: str = "info", format: Any = "json", **options: Any) -> io.StringIO:
        out = io.StringIO()
        logs.setup(level, format, stream=out, environ={}, secrets=masks, **options)
        return out

    return begin


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_both_kinds_of_loggers_write_json(start: Callable[..., io.StringIO]) -> None:
    out = start()
    structlog.get_logger("mindbot.x").info("hello", turn="T1", n=3)
    logging.getLogger("other").warning("%s items", 2)
    first, second = lines(out)
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "hello", "level": "info", "logger": "mindbot.x", "turn": "T1", "n": 3}
    assert (second["event"], second["level"], second["logger"]) == ("2 items", "warning", "other")


def test_levels_change_while_it_runs(start: Callable[..., io.StringIO]) -> None:
    out = start("warning", levels={"mindbot.x": "error"})
    log = structlog.get_logger("mindbot.x")
    log.warning("not yet")
    logs.set_level("mindbot.x", "debug")
    log.debug("now")
    logging.getLogger("mindbot.y").info("still quiet")
    assert [line["event"] for line in lines(out)] == ["now"]
    assert logs.levels()["mindbot.x"] == "debug" and logs.levels()[""] == "warning"
    logs.set_level("mindbot.x", "")
    assert "mindbot.x" not in logs.levels()
    with pytest.raises(ValueError, match="no log level 'loud'"):
        logs.set_level("mindbot.x", "loud")


class Rude:
    def __repr__(self) -> str:
        return f"<Rude {SECRET}>"


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_planted_secret_reaches_no_line(start: Callable[..., io.StringIO], format: str) -> None:
    out = start("debug", format)
    log = structlog.get_logger("mindbot.x")
    log.info(f"event {SECRET}", field=SECRET, nested={"a": [SECRET]}, thing=Rude(), **{f"k{SECRET}": 1})
    log.info("positional %s", SECRET)
    log.info("by name", api_key="not-registered", headers={"Authorization": "Bearer not-registered"})
    logging.getLogger("std").error("args %s %r", SECRET, Rude())
    logging.getLogger("std").info("url https://h/?access_token=not-registered")
    log.info("of platforms", response_code="not-registered", part={"aeskey": "not-registered"})
    log.info("xml", body="<ResponseCode><![CDATA[not-registered]]></ResponseCode>")
    log.info("json", body='{"welcome_code": "not-registered", "msg_code": "not-registered"}')
    log.info(
        "answers", to={"webhook": "https://h/s?session=not-registered", "response_url": "not-registered"}
    )
    try:
        try:
            raise ValueError(f"inner {SECRET}")
        except ValueError as error:
            raise RuntimeError(f"outer {SECRET}") from error
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("std").exception("failed too")
    with structlog.contextvars.bound_contextvars(bot=SECRET):
        log.info("context")
    text = out.getvalue()
    assert SECRET not in text and "not-registered" not in text
    assert "inner ********" in text and "outer ********" in text
    assert "Traceback" in text


def test_what_nobody_caught_is_masked_too(start: Callable[..., io.StringIO]) -> None:
    out = start()
    sys.excepthook(ValueError, ValueError(f"main {SECRET}"), None)

    def fail() -> None:
        raise ValueError(f"thread {SECRET}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    first, second = lines(out)
    assert "main ********" in first["exception"] and "thread ********" in second["exception"]


def test_a_record_that_cannot_be_written_is_told_without_its_text(start: Callable[..., io.StringIO]) -> None:
    out = start()
    logging.getLogger("std").info("%d", SECRET)
    assert out.getvalue() == "a log record of std was lost: TypeError\n"


def test_the_journal_gets_priorities_and_no_times(tmp_path: Path, restored: None, masks: Redactor) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        found = os.fstat(stream.fileno())
        for environ in ({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, {"JOURNAL_STREAM": "1:1"}, {}):
            logs.setup("debug", "console", stream=stream, environ=environ, secrets=masks)
            structlog.get_logger("mindbot.x").warning("first", exception="second")
        logs.setup("debug", "json", stream=stream, environ={"JOURNAL_STREAM": "x"}, secrets=masks)
        structlog.get_logger("mindbot.x").error("json")
        stream.seek(0)
        first, second, *others = stream.read().splitlines()
    assert first.startswith("<4>[warning") and second.startswith("<4>second")
    assert not [line for line in others if line.startswith("<")]
    assert others[0][:2] == "20"
    assert "timestamp" in json.loads(others[-1])


@pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("error", 3), ("critical", 2)])
def test_priorities(tmp_path: Path, restored: None, level: str, priority: int) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        logs.setup("debug", "json", stream=stream, environ=environ)
        getattr(logging.getLogger("mindbot.x"), level)("hello")
        stream.seek(0)
        assert stream.read().startswith(f'<{priority}>{{"event":"hello"')
