"""The pages agree with the program and with each other: commands, options, links, kinds of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import shown
from shown import PAGES, ROOT

from mindbot import registry
from mindbot.domain import errors
from mindbot.pipeline.onion import ordered
from mindbot_daemon.server.errors import status_of

#: Programs of a system. What pages say of them in blocks is run on a Debian of its own (tests/system).
SYSTEM = (
    "apt-get|cat|cd|chmod|chown|df|install|journalctl|ln|ls|mkdir|mv|pip|python3|rm|scp|setfacl|ss|stat|systemctl|"
    "systemd-sysusers|systemd-tmpfiles|timedatectl|userdel|usermod|openssl|du|sqlite3|sysctl|grep"
)
#: Of another machine, or words between commands.
ELSEWHERE = r"scp -r dist root@SERVER:"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_exist_as_they_are_shown(page: Path) -> None:
    wrong = []
    for command in shown.commands(page):
        for arguments in shown.words(command.line):
            try:
                shown.parse(arguments, whole=command.whole)
            except Exception as error:  # noqa: BLE001 - typer has a copy of click's own, which it does not show
                wrong.append((command.where, command.line, str(error)))
    assert not wrong


def test_a_command_that_does_not_exist_is_found() -> None:
    for line in (
        "mindbot nothing",
        "mindbot dlq lost",
        "mindbot send hello --loud",
        "mindbot turns --limit many",
        "mindbot trace",
        "mindbot secret list NAME",
    ):
        with pytest.raises(Exception, match=r"No such|Missing|unexpected|valid integer"):
            shown.parse(shown.words(line)[0])


def test_options_that_sentences_name_exist() -> None:
    known = shown.options()
    foreign = {"--hash", "--require-hashes"}  # of other programs
    named = [
        (shown.named(page, line), code.split()[0].partition("=")[0])
        for page in PAGES
        for line, code in shown.inline(page)
        if code.startswith("--")
    ]
    assert not [(where, option) for where, option in named if option not in known | foreign]


def test_blocks_of_commands_say_so() -> None:
    """A command in a block without a language would be checked by nobody."""
    program = re.compile(rf"(?:\$ )?(?:mindbotd?|make|curl|{SYSTEM}) ")
    assert not [
        shown.named(page, number)
        for page in PAGES
        for block in shown.blocks(page)
        if block.language != "sh"
        for number, line in block.lines
        if program.match(line)
    ]


def test_every_command_is_run_or_read_somewhere() -> None:
    """In blocks stand our own commands, calls of the API, make, and steps that tests/system runs."""
    ours = re.compile(r"(?:\S*/)?mindbot |make [a-z]|curl --unix-socket ")
    assert not [
        (shown.named(page, number), line)
        for page in PAGES
        for block, number, line in shown.shell(page)
        if not (block.step or ours.match(line) or re.match(ELSEWHERE, line))
    ]


def test_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = [line for page in PAGES for _, _, line in shown.shell(page)]
    lines += [code for page in PAGES for _, code in shown.inline(page)]
    named = [re.match(r"make ([a-z][a-z -]*?)(?: *#|$)", line) for line in lines]
    assert not {target for match in named if match for target in match[1].split()} - targets


def links() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text):
            if "://" not in target:
                yield str(page), target, anchor


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    known: dict[str, set[str]] = {}
    for page, target, anchor in links():
        there = (ROOT / page).parent / target if target else ROOT / page
        if not there.exists():
            broken.append((page, target))
        elif anchor:
            path = str(there.resolve())
            found = known.setdefault(path, shown.anchors(there))
            if anchor not in found:
                broken.append((page, f"{target}#{anchor}"))
    assert not broken


def test_the_page_on_architecture_tells_the_stages_in_their_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.search(r"outermost first: `([^`]+)`", page)
    kinds = {name: registry.load("stages", name) for name in registry.names("stages")}
    assert told and re.split(r"\s*→\s*", told[1]) == ordered(kinds)


def kinds(of: type[errors.MindBotError] = errors.MindBotError) -> Iterator[type[errors.MindBotError]]:
    yield of
    for each in of.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from kinds(each)


#: What a server says itself, without an error of ours behind it.
OF_HTTP = {"too_large": 413}


def test_the_api_page_tells_every_kind_of_error_and_its_status() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE))
    expected = {each.kind: int(status_of(each("x"))) for each in kinds()}
    assert {kind: int(status) for kind, status in table.items()} == expected | OF_HTTP


def test_the_page_on_providers_tells_every_failure_of_a_vendor() -> None:
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    section = page.partition("## Failures")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert told == {each.kind for each in kinds(errors.VendorError)} - {errors.VendorError.kind}
