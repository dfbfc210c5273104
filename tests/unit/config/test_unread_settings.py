"""A setting works, or a check says that nothing reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from mindbot.config import schema
from mindbot.config.load import Loaded
from mindbot.config.parts import whole
from mindbot.config.unread import instead_of

HOUSE = Path(__file__).parents[3]


def sources() -> str:
    """Return all code but the definitions of settings."""
    settings = re.compile(r"config/(models|model|features|sections|bots)\.py|settings\.py")
    files = [*HOUSE.glob("mindbot/**/*.py"), *HOUSE.glob("daemon/**/*.py")]
    return "\n".join(f.read_text(encoding="utf-8") for f in files if not settings.search(str(f)))


def expected_to_be_read(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield (section, name) of every setting without the mark, and below none with it."""
    for name, info in model.model_fields.items():
        if not instead_of(info):
            yield model.__name__, name
            for _, below in schema._inner(info.annotation, ""):
                yield from expected_to_be_read(below)


def test_what_nothing_reads_is_marked() -> None:
    code = sources()
    read = set(re.findall(r"(?:\.|\"|')([a-z_]+)\b", code))
    sections = {"workflow_id"}  # what the type dify, which has no part here, will ask for
    sections |= {"judge_model", "judge_timeout"}  # the judge of the router will
    unread = {(s, n) for s, n in expected_to_be_read(whole()) if n not in read and n not in sections}
    assert not unread


def test_a_warning_says_what_happens_instead(load_text: Callable[[str], Loaded]) -> None:
    text = "providers: {scripted: {}}\nchromadb: {chunk_size: 10}\n"
    told = [warning.rpartition("a.yaml:")[2] for warning in load_text(text).warnings]
    assert told == [
        "2:11: chromadb is not read by this version. Nothing is looked up for an answer",
    ]


def test_what_is_marked_stands_in_the_tables() -> None:
    (line,) = [line for line in schema.tables().splitlines() if line.startswith("| `chromadb`")]
    assert "Not read by this version." in line
