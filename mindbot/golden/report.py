"""What a test of golden conversations tells, and what it writes into their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mindbot.domain.message import Json
from mindbot.golden.file import GoldenFile, write
from mindbot.golden.testing import GoldenCheck, GoldenOutcome

_SAID = 60  # characters of a message that are shown


def shown(outcome: GoldenOutcome, updated: Sequence[Path] = ()) -> Iterator[str]:
    """Yield the lines that people read: what drifted, what could not be told, and how many there are."""
    before = ""
    for each in outcome.checks:
        if each.ok and not each.turn.skip:
            continue
        head = f"{each.file}  {each.talk.name}  {each.talk.platform}/{each.talk.bot}"
        if head != before:
            yield head
            before = head
        yield from _lines(each)
    yield from (f"✗ {error}" for error in outcome.errors)
    yield from (f"written: {path}" for path in updated)
    counts = _counts(outcome)
    skipped = f", {counts['skipped']} not played" if counts["skipped"] else ""
    verdict = "ok" if outcome.ok else "drifted" if only_drifted(outcome) else "failed"
    yield (
        f"{verdict}: {counts['turns']} turns, {counts['drifted']} drifted, {counts['failed']} failed"
        f"{skipped}, {outcome.took:.1f} s"
    )


def _lines(each: GoldenCheck) -> Iterator[str]:
    said = " ".join(each.turn.text.split())
    yield f"  › {said if len(said) <= _SAID else said[: _SAID - 1] + '…'}"
    if each.turn.skip:
        yield f"    - not played: {each.turn.skip}; turn {each.n}"
    if each.failed:
        yield f"    ✗ {each.failed}; turn {each.n}"
    yield from (f"    ≠ {drift}; turn {each.n}" for drift in each.drifts)


def tap(outcome: GoldenOutcome) -> Iterator[str]:
    """Yield the Test Anything Protocol (testanything.org, version 13): a line a turn."""
    yield "TAP version 13"
    yield f"1..{len(outcome.checks)}"
    for n, each in enumerate(outcome.checks, 1):
        name = f"{each.file.name} {each.talk.name} turn {each.n}".replace("#", "")
        skip = f" # SKIP {each.turn.skip}" if each.turn.skip else ""
        yield f"{'ok' if each.ok else 'not ok'} {n} - {name}{skip}"
        yield from (f"# {why}" for why in filter(None, (each.failed, *map(str, each.drifts))))
    yield from (f"Bail out! {error}" for error in outcome.errors)


def as_json(outcome: GoldenOutcome, updated: Sequence[Path] = ()) -> Json:
    """Return all of it as data."""
    rows = [_row(each) for each in outcome.checks if not each.ok or each.turn.skip]
    return {
        "ok": outcome.ok,
        **_counts(outcome),
        "errors": outcome.errors,
        "updated": [str(path) for path in updated],
        "took_s": round(outcome.took, 3),
        "not_as_it_was": [row for row in rows if not row["skip"]],
        "not_played": [row for row in rows if row["skip"]],
    }


def _row(each: GoldenCheck) -> Json:
    return {
        "file": str(each.file),
        "conversation": each.talk.name,
        "platform": each.talk.platform,
        "bot": each.talk.bot,
        "turn": each.n,
        "text": each.turn.text,
        "skip": each.turn.skip,
        "failed": each.failed,
        "drifts": [
            {"stage": drift.stage, "field": drift.field, "was": drift.was, "now": drift.now}
            for drift in each.drifts
        ],
    }


def _counts(outcome: GoldenOutcome) -> dict[str, int]:
    checks = outcome.checks
    return {
        "turns": len(checks),
        "drifted": sum(bool(each.drifts) for each in checks),
        "failed": sum(bool(each.failed) for each in checks),
        "skipped": sum(bool(each.turn.skip) for each in checks),
    }


def only_drifted(outcome: GoldenOutcome) -> bool:
    """Tell whether all that is wrong is drift."""
    return not outcome.errors and not any(each.failed for each in outcome.checks)


def update(files: Sequence[tuple[Path, GoldenFile]], outcome: GoldenOutcome) -> list[Path]:
    """Write what came of turns that drifted into their files; return those that changed. Raises Invalid."""
    changed: list[Path] = []
    for path, file in files:
        fresh = {
            id(each.turn): each.turn.model_copy(update={"expect": each.now})
            for each in outcome.checks
            if each.file == path and each.drifts and each.now is not None
        }
        if not fresh:
            continue
        talks = [
            talk.model_copy(update={"turns": tuple(fresh.get(id(turn), turn) for turn in talk.turns)})
            for talk in file.conversations
        ]
        write(path, file.model_copy(update={"conversations": tuple(talks)}), new=False)
        changed.append(path)
    return changed
