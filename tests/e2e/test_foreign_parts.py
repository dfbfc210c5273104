"""A package of somebody else brings a platform, a provider, a stage, a runner and a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import processes
from mindbot.testing.waiting import wait_for

pytestmark = pytest.mark.full

PARTS = '''
import time
from pathlib import Path
import anyio, typer
from pydantic import Field
from mindbot.config.bots import BotSettings, Clash
from mindbot.config.models import ProviderSettings
from mindbot.config.sections import Section
from mindbot.config.types import Duration, Secret
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Sent
from mindbot.domain.message import Message, text_part


class PigeonSettings(BotSettings):
    """The `pigeon:` section: post by bird."""
    about = "Pigeons"
    loft: str = Field(min_length=1, description="Folder the birds fly to.")
    whistle: Secret | None = Field(None, description="Calls them back.")
    rest: Duration = Field(1.0, description="Between two flights.")

    def clash(self, other):
        return Clash("share a loft", "Build another") if self.loft == other.loft else None


class Pigeons:
    Settings = PigeonSettings
    name = "pigeon"
    idempotent = False

    def __init__(self, settings, bot):
        self.bot, self.loft = bot, Path(settings.loft)

    @classmethod
    def build(cls, settings, bot, host):
        return cls(settings, bot)

    async def run(self, receive, report):
        report("ok", "")
        while True:
            for file in sorted(self.loft.glob("*.in")):
                part = text_part(file.read_text())
                at = (f"pigeon:{self.bot}:{file.stem}", "ann", "text", (part,), {"to": "ann"})
                await receive(Message(self.name, self.bot, file.stem, *at, received=time.time()))
                file.unlink()
            await anyio.sleep(0.05)

    def plan(self, parts):
        return [list(parts)] if parts else []

    def address(self, user):
        return {"to": user}

    async def send(self, delivery):
        text = "".join(part.text for part in delivery.parts)
        (self.loft / f"{delivery.id}.part").write_text(text)
        (self.loft / f"{delivery.id}.part").rename(self.loft / f"{delivery.id}.out")
        return Sent()


class ParrotSettings(ProviderSettings):
    """An entry of the type `parrot`."""
    word: str = Field("polly", description="What it says first.")


class Parrot:
    Settings = ParrotSettings

    def __init__(self, name, word):
        self.name, self.word = name, word

    @classmethod
    def build(cls, name, settings, http, secrets):
        return cls(name, settings.word)

    async def chat(self, request):
        yield Chunk(f"{self.word}: {request.messages[-1].content}")
        yield Chunk(finish="stop")


class StampSettings(Section):
    """The `stamp:` section."""
    mark: str = Field("*", description="Put before each answer.")


class Stamp:
    Settings = StampSettings
    after, before = "errors", "access"

    def __init__(self, services):
        self.mark = services.config.part("stamp", StampSettings).mark

    async def __call__(self, turn, call_next):
        await call_next(turn)
        said = turn.reply.parts[0]
        turn.reply.parts[0] = text_part(f"{self.mark}{said.text}")


class Abacus:
    def __init__(self, services):
        pass

    def takes(self, turn):
        return "it is a sum" if turn.message.text.startswith("sum ") else ""

    async def run(self, turn):
        yield Chunk(str(sum(map(int, turn.message.text.split()[1:]))), finish="stop")


app = typer.Typer()

@app.callback(invoke_without_command=True)
def coo() -> None:
    print("coo")
'''

POINTS = """
[mindbot.platforms]
pigeon = far_parts:Pigeons
ghost = far_nowhere:Ghost
store = far_parts:Pigeons
[mindbot.providers]
parrot = far_parts:Parrot
mute = far_parts:Mute
[mindbot.stages]
stamp = far_parts:Stamp
smudge = far_parts:Smudge
[mindbot.runners]
abacus = far_parts:Abacus
sundial = far_nowhere:Sundial
[mindbot.commands]
coo = far_parts:app
"""


@pytest.fixture
def far(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which the package is installed."""
    place = tmp_path / "site"
    info = place / "far_parts-1.2.dist-info"
    info.mkdir(parents=True)
    (place / "far_parts.py").write_text(PARTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-parts\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    return {"PYTHONPATH": str(place)}


def run(environ: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mindbot.cli.main", *map(str, words)]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, timeout=120)


def answers(loft: Path, at_least: int) -> list[str]:
    wait_for(lambda: len(list(loft.glob("*.out"))) >= at_least)
    return sorted(file.read_text() for file in loft.glob("*.out"))


def config(loft: Path) -> dict[str, Any]:
    return {
        "pigeon": {"loft": str(loft)},
        "ghost": {"whatever": 1},
        "providers": {"parrot": {"word": "rrk"}, "mute": {"enabled": True}},
        "stamp": {"mark": "> "},
    }


@pytest.mark.full
def test_its_parts_answer_and_broken_ones_take_no_other_down(tmp_path: Path, far: dict[str, str]) -> None:
    loft = tmp_path / "loft"
    loft.mkdir()
    (loft / "one.in").write_text("hello")
    (loft / "two.in").write_text("sum 4 5")
    with processes.daemon(tmp_path, config(loft), far) as daemon:
        assert answers(loft, 2) == ["> 9", "> rrk: hello"]
        told = run(far, "--socket", daemon.socket, "daemon", "status", "--json").stdout
        for part in ("ghost", "smudge", "sundial"):
            assert part in told
        assert "far-parts 1.2" in told
        turns = run(far, "--socket", daemon.socket, "turns", "--json").stdout
        assert '"abacus"' in turns or "abacus" in turns
    assert run(far, "coo").stdout == "coo\n"
    assert "coo" in run(far, "--help").stdout


def test_its_settings_are_checked_with_their_place(tmp_path: Path, far: dict[str, str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "pigeon:\n  - {name: a, loft: /x, lotf: y}\n  - {name: b, rest: soon}\n"
        "providers:\n  parrot: {wrod: hi}\n  scripted: {word: hi}\nstamp: {mark: [1]}\n"
    )
    found = json.loads(run(far, "config", "check", file, "--json").stdout)
    shown = "\n".join(line.removeprefix(str(tmp_path) + "/") for line in found["problems"])
    for line in (
        "a.yaml:2:25: pigeon[0].lotf is no known key. Did you mean loft?",
        "a.yaml:3:5: pigeon[1].loft is missing (Folder the birds fly to). Add `loft: …`",
        "a.yaml:3:21: pigeon[1].rest is no duration",
        "a.yaml:5:12: providers.parrot.wrod is no known key. Did you mean word?",
        "a.yaml:6:20: providers.scripted.word is for the type parrot, and this is scripted",
        "a.yaml:7:15: stamp.mark should be text",
    ):
        assert line in shown
    file.write_text("pigeon:\n  - {name: a, loft: /x}\n  - {name: b, loft: /x}\nproviders: {parrot: {}}\n")
    assert "pigeon/b and pigeon/a" in run(far, "config", "check", file).stdout


def test_broken_parts_are_named_with_their_package(tmp_path: Path, far: dict[str, str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("ghost: {}\nproviders:\n  mute: {}\n  scripted: {}\n")
    found = run(far, "config", "check", file)
    assert found.returncode == 1
    for line in (
        f"{file}:1:1: the platform 'ghost' of the package far-parts 1.2 cannot be used: ModuleNotFoundError",
        f"{file}:3:3: the provider 'mute' of the package far-parts 1.2 cannot be used: AttributeError",
        "the stage 'smudge' of the package far-parts 1.2",
        "the runner 'sundial' of the package far-parts 1.2",
        "the platform 'store' of the package far-parts 1.2 cannot be used: it has no section",
    ):
        assert line in found.stdout


@pytest.mark.full
def test_schema_and_documentation_list_them(tmp_path: Path, far: dict[str, str]) -> None:
    schema = json.loads(run(far, "config", "schema", "--json").stdout)
    assert {"pigeon", "stamp", "wecom"} <= schema["properties"].keys()
    assert "Calls them back." in json.dumps(schema) and "What it says first." in json.dumps(schema)
    page = tmp_path / "page.md"
    page.write_text("<!-- sections: written by make docs -->\n<!-- end of sections -->\n")
    command = [sys.executable, "-m", "mindbot.config.schema", str(page)]
    subprocess.run(command, env=os.environ | far, check=True, timeout=120)
    text = page.read_text()
    assert "### `pigeon`" in text and "### `stamp`" in text and "### `providers.NAME (parrot)`" in text


def test_names_import_nothing(far: dict[str, str]) -> None:
    script = (
        "import sys\nfrom mindbot import registry\nfrom mindbot.config.load import load\n"
        "assert 'pigeon' in registry.names('platforms')\nload([], environ={})\n"
        "bad = [m for m in sys.modules if m.startswith(('far_', 'mindbot.platforms', 'mindbot.runtime'))]\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", script], env=os.environ | far, check=True, timeout=120)
