"""The file of golden conversations: what was said, who answered what, and what has to come of it.

YAML, so that people read and change it; its version stands first. See docs/golden.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from mindbot.config import tree
from mindbot.config.sections import Section
from mindbot.config.source import MAX_BYTES
from mindbot.config.tree import Finding, Node
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.rehearsal.reading import read_as

#: What this program writes, and the only one it reads.
VERSION = 1
_WIDTH = 110


class GoldenAnswer(Section):
    """What a model or a workflow answered; ``failed`` is why it did not."""

    workflow: str = Field("", description="Whose answer it is; empty: a model's.")
    text: str = Field("", description="What it says.")
    failed: str = Field("", description="Why it failed; it fails in the test too.")


class GoldenRoute(Section):
    """Where a turn went; what is absent was not."""

    runner: str = Field("", description="The runner that answered.")
    workflow: str = Field("", description="The workflow that answered.")
    rule: str = Field("", description="The rule of `routes:` that decided.")
    together: tuple[str, ...] = Field((), description="Workflows that were asked side by side.")
    then: tuple[str, ...] = Field((), description="Workflows that worked on the answer.")


class GoldenPrompt(Section):
    """What the model was asked besides the message itself."""

    model: str = Field("", description="The model that was named; empty: the provider's first.")
    instructions: str = Field("", description="The lines of the system.")
    history: int | None = Field(None, ge=0, description="How many lines of before it was shown.")


class GoldenEnd(Section):
    """What has to come of a message."""

    state: Literal["answered", "dropped", "failed", "dead"] = Field(
        "answered", description="How the turn ends."
    )
    reason: str = Field("", description="The kind of reason why it was dropped or failed.")
    route: GoldenRoute = GoldenRoute()
    asked: tuple[str, ...] = Field((), description="The workflows that were asked, with what came of each.")
    prompt: GoldenPrompt | None = Field(None, description="Absent: no model was asked.")
    stages: tuple[str, ...] = Field((), description="The stages it went through, the outermost first.")
    reply: str = Field("", description="What the user was answered.")


class GoldenTurn(Section):
    """A message. With ``skip``, which says why, it is not played."""

    text: str = Field("", description="What the user says.")
    skip: str = Field("", description="Why it cannot be played; empty: it can.")
    answers: tuple[GoldenAnswer, ...] = Field((), description="What models and workflows answer.")
    expect: GoldenEnd = GoldenEnd()

    @model_validator(mode="after")
    def _said(self) -> GoldenTurn:
        if not self.skip and not self.text:
            raise ValueError("has no text. Say in `text` what the user says, or in `skip` why it says none")
        return self


class GoldenTalk(Section):
    """A conversation of one user with one bot; its turns follow each other."""

    name: str = Field("", description="What the report calls it.")
    platform: str = Field(min_length=1, description="Where it was had.")
    bot: str = Field("default", min_length=1, description="With which bot.")
    user: str = Field(min_length=1, description="Who writes.")
    group: str = Field("", description="The group it was had in.")
    turns: tuple[GoldenTurn, ...] = Field(min_length=1, description="The messages, in order.")


class GoldenFile(Section):
    """A whole file."""

    golden: int = Field(description="The version of the format.")
    conversations: tuple[GoldenTalk, ...] = Field(min_length=1, description="What is played.")

    def turns(self) -> Iterator[tuple[GoldenTalk, int, GoldenTurn]]:
        """Yield every turn with its conversation and its place in it, from 1."""
        for talk in self.conversations:
            for n, turn in enumerate(talk.turns, 1):
                yield talk, n, turn


def read(path: Path) -> GoldenFile:
    """Read a file.

    Raises:
        ConfigError: ``problems`` has a line for every finding, each with its place and mend.
    """
    return read_as(
        GoldenFile,
        path,
        begins="golden",
        what="the golden conversations",
        see="see docs/golden.md; `mindbot record` writes such files",
        also=_other_version,
    )


def _other_version(root: Node, file: GoldenFile) -> list[Finding]:
    if file.golden == VERSION:
        return []
    origin = tree.find(root, ("golden",))[0].origin
    mend = "Record it again" if file.golden < VERSION else "Use the MindBot that wrote it, or a newer one"
    return [Finding(origin, f"golden: the format {file.golden} is not {VERSION}, which is read here. {mend}")]


class _Dumper(yaml.SafeDumper):
    """Writes lists of words in one line, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _in_one_line(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    words = all(isinstance(each, str) for each in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=words)


_Dumper.add_representer(list, _in_one_line)


def dumped(file: GoldenFile) -> str:
    """Return a file as text, without what is as it would be without it.

    Raises:
        Invalid: it is larger than a file may be that is read.
    """
    data: Json = {"golden": file.golden, **_short(file)}
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise Invalid(f"that is more than {MAX_BYTES} bytes", hint="record fewer turns into one file")
    return text


def _short(file: GoldenFile) -> Json:
    short: Json = file.model_dump(mode="json", exclude_defaults=True)
    return short


def write(path: Path, file: GoldenFile, *, new: bool) -> None:
    """Write a file, for oneself alone where it is ``new``; one that is there is replaced as a whole.

    Raises:
        Invalid: it exists already and should not, or cannot be written.
    """
    text = dumped(file)
    try:
        if new:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # people's words
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            return
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except FileExistsError as error:
        raise Invalid(f"{path} exists already", hint="give another name") from error
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}") from error
