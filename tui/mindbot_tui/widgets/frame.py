"""The frame: where one is, how the daemon is, which keys there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from rich.cells import cell_len
from textual import events

from mindbot_tui.cells import age, clean, clock, fit, size
from mindbot_tui.commands.catalog import find
from mindbot_tui.keymap import NUMBERED, Key
from mindbot_tui.state.numbers import lately
from mindbot_tui.widgets.line import Line, both_ends, fitting
from mindbot_tui.widgets.offers import OfferInput
from mindbot_tui.widgets.paint import Piece


class Crumbs(Line):
    """The way here, and at which machine one is."""

    def pieces(self, width: int) -> list[Piece]:
        console = self.console
        *before, here = console.crumbs
        left: list[Piece] = [(" MindBot ", "chip"), (" ", "text")]
        for title in before:
            left += [(clean(title), "dim"), (" › ", "dim")]
        left.append((clean(here), "strong"))
        right: list[Piece] = []
        if console.environment:
            right.append((f" {console.environment.upper()} ", "warn"))
        if console.state.paused:
            right.append(
                (self.words(" screen held, {key} goes on ", key=console.keymap.first("pause")), "wait")
            )
        if width >= 60 and console.host:
            right.append((f" {clean(console.host)} ", "dim"))
        return both_ends(left, right, width)


class Banner(Line):
    """Says that the daemon is away, or that what is shown is old; takes no room while neither is so."""

    def sync(self) -> None:
        state, stale = self.console.state, self.console.view.stale
        self.display = bool(stale) or (state.link.phase == "detached" and bool(len(state.turns)))
        if self.display:
            super().sync()

    def pieces(self, width: int) -> list[Piece]:
        state, stale = self.console.state, self.console.view.stale
        if state.link.phase != "detached":
            return [(fit(f" {stale}", width), "bad")]
        gone = age(state.clock() - state.link.since)
        text = self.words(
            " detached for {gone}: {reason}; attaching again by itself", gone=gone, reason=state.link.reason
        )
        return [(fit(f" {stale} ·{text}" if stale else text, width), "bad")]


class CallLine(Line):
    """The command line that does what was just done: it teaches the CLI."""

    def pieces(self, width: int) -> list[Piece]:
        calls = self.console.state.calls
        return [(" $ ", "dim"), (fit(calls[-1], width - 3), "dim")] if calls else []


class StatusBar(Line):
    """What is wrong, the link, rates, what runs, how busy the daemon's loop is, what was lost on its way.

    A click on what is wrong leads to its cause, one on what is parked to the debugger.
    """

    def pieces(self, width: int) -> list[Piece]:
        chips = [(text, style) for text, style, _ in self._chips(width - 1)]
        left = width - 1 - sum(cell_len(text) for text, _ in chips)
        groups = fitting(self._groups(), left - 1 if chips else left)
        return [(" ", "text"), *chips, *([(" ", "text")] if chips and groups else []), *groups]

    def _chips(self, width: int) -> list[tuple[str, str, str]]:
        """Return what stands still and what is wrong, what matters most first, as texts with their style and
        the command that a click on them is.

        What has no room is counted; the first is cut where even that has none.
        """
        parked = self._parked()
        return [*parked, *self._troubles(width - sum(cell_len(text) for text, _, _ in parked))]

    def _parked(self) -> list[tuple[str, str, str]]:
        """Return how many turns are parked, and when the first of them goes on by itself."""
        state = self.console.state
        if not len(state.stops):
            return []
        n, left = len(state.stops), state.stops.left(state.clock())
        return [(f" ‖ {n:,} · {left}s ", "chip", "debugger")]

    def _troubles(self, width: int) -> list[tuple[str, str, str]]:
        state = self.console.state
        found = state.health.troubles if state.link.attached and state.health.known else []
        style = "alarm" if state.health.alarm else "wait"
        chips: list[tuple[str, str, str]] = []
        left = width - 1  # a blank ends them
        for n, trouble in enumerate(found):
            text = f"{' · ' if n else ' ✗ '}{clean(trouble.say(self.words))}"
            after = len(found) - n - 1
            room = left - (len(f" +{after}") if after else 0)
            if n and cell_len(text) > room:
                chips.append((f" +{after + 1}", style, "culprit"))
                break
            text = fit(text, min(cell_len(text), room))
            chips.append((text, style, f"culprit {trouble.about}"))
            left -= cell_len(chips[-1][0])
        return [*chips, (" ", style, "culprit")] if chips else []

    def on_click(self, event: events.Click) -> None:
        at = 1
        for text, _, command in self._chips(self.size.width - 1):
            if at <= event.x < at + cell_len(text):
                self.console.run_command(command)
                return
            at += cell_len(text)

    def _link(self) -> list[Piece]:
        """Attached is green only where nothing is wrong, and that is known."""
        state, words = self.console.state, self.words
        link, health = state.link, state.health
        mark = {"attached": "ok", "connecting": "wait", "detached": "bad"}[link.phase]
        if link.attached and (not health.known or health.troubles):
            mark = "text"
        said: list[Piece] = [("● ", mark), (words(link.phase), mark)]
        told = link.detached and state.numbers.known  # by the numbers
        return said if told else [*said, (f" {clock(link.since)}", "dim")]

    def _groups(self) -> Iterator[list[Piece]]:
        state, words = self.console.state, self.words
        link, numbers = state.link, state.numbers
        yield self._link()
        rows = self.console.view.rows
        if rows is not None and len(rows.marks):
            yield [(words("marked "), "dim"), (f"{len(rows.marks):,}", "accent")]
        if link.lost:
            yield [(words("gaps "), "dim"), (f"{link.gaps} ({link.lost:,})", "bad")]
        if intercepted := state.stops.intercepts[0]:
            yield [(words("stops "), "dim"), (clean(intercepted), "wait")]
        if state.readonly:
            yield [(words("read-only"), "wait")]
        elif state.role == "viewer":  # half of the keys are off
            yield [(state.role, "wait")]
        if not link.detached:
            yield from self._numbers()
        elif numbers.known:
            # What was last known stays, and does not look as if it were so now.
            yield [(words("as of {time}", time=clock(link.since)), "dim")]
            yield from ([(text, "dim") for text, _ in group] for group in self._numbers())

    def _numbers(self) -> Iterator[list[Piece]]:
        state, words = self.console.state, self.words
        link, numbers = state.link, state.numbers
        yield [(words("in "), "dim"), (f"{lately(numbers.received):.1f}/s", "text")]
        yield [(words("out "), "dim"), (f"{lately(numbers.answered):.1f}/s", "text")]
        yield [
            (words("run "), "dim"),
            (str(numbers.running), "text"),
            (words(" queue "), "dim"),
            (str(numbers.queued), "wait" if numbers.queued > 100 else "text"),
        ]
        lag = numbers.lag
        yield [(words("lag "), "dim"), (f"{lag:.1f}ms", "bad" if lag > 100 else "text")]
        yield [] if link.lost else [(words("gaps "), "dim"), (str(link.gaps), "text")]
        if state.role and state.role != "viewer":
            yield [(state.role, "dim")]
        if numbers.rss:
            yield [(words("mem "), "dim"), (size(numbers.rss), "text")]
        yield [(_bars(list(numbers.received)[-20:]), "bar")]


def _bars(counts: list[float]) -> str:
    """Return the counts as little bars; nothing when there is nothing."""
    most = max(counts, default=0)
    return "".join(" ▁▂▃▄▅▆▇█"[ceil(count * 8 / most)] for count in counts) if most else ""


class Hints(Line):
    """The keys that matter here; those that are off are grey. A click does what the key does.

    The views' keys come last, each with its name where there is room, else all as one.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = sorted((key for key in keys if key.hint and key.keys), key=lambda key: key.hint)
        self._door = [key for key in keys if key.id == "debugger_view" and key.keys]
        self._views = [key for key in keys if key.id in NUMBERED and key.keys]
        self._laid: tuple[object, list[tuple[Key, int, int]]] = (None, [])

    def pieces(self, width: int) -> list[Piece]:
        out: list[Piece] = []
        if isinstance(self.screen.focused, OfferInput):
            for key, label in TYPING:
                out += [(" ", "text"), (key, "key"), (" ", "text"), (self.words(label), "dim"), (" ", "text")]
            return out
        for hint, _, _ in self._placed(width):
            off = hint.command != "palette" and bool(_refused(self, hint))
            out += [(" ", "text"), (hint.first, "off" if off else "key")]
            out += [(" ", "text"), (self._label(hint), "off" if off else "dim"), (" ", "text")]
        return out

    def _label(self, key: Key) -> str:
        return self.words(LABELS.get(key.id, key.id))

    def _cells(self, key: Key) -> int:
        return cell_len(key.first) + cell_len(self._label(key)) + 3

    def _placed(self, width: int) -> list[tuple[Key, int, int]]:
        """Return the keys that fit, with the cells they take."""
        stops, view = self.console.state.stops, self.console.view
        asked = width, self.words.language, bool(stops), stops.has(view.turn)
        if self._laid[0] != asked:
            self._laid = asked, list(self._lay(width))
        return self._laid[1]

    def _now(self) -> Iterator[Key]:
        """Yield the keys that are worth showing: the debugger's while turns are parked."""
        stops, view = self.console.state.stops, self.console.view
        if stops and view.view != "debugger":
            yield from self._door
        here = stops.has(view.turn)
        yield from (key for key in self._keys if here or key.context not in STOPPED)

    def _lay(self, width: int) -> Iterator[tuple[Key, int, int]]:
        views = self._views
        keys = list(self._now())
        if views and sum(map(self._cells, (*keys, *views))) > width:
            views = [_all(views)]
        left = width - sum(map(self._cells, views))
        at = 0
        for key in keys:
            size = self._cells(key)
            if at + size <= left:
                yield key, at, at + size
                at += size
        for key in views:
            size = self._cells(key)
            if at + size <= width:
                yield key, at, at + size
                at += size

    def on_click(self, event: events.Click) -> None:
        for key, start, end in self._placed(self.size.width):
            if start <= event.x < end:
                self.console.run_command(key.command)


def _all(views: Sequence[Key]) -> Key:
    """Return the keys of views as one."""
    first = [key.first for key in views]
    shown = f"{first[0]}-{first[-1]}" if "".join(first) in "123456789" else "".join(each[0] for each in first)
    return Key("views", shown, "everywhere", "palette", "all keys")


def _refused(line: Line, key: Key) -> str:
    command, _ = find(key.command)
    return command.refused(line.console) if command else ""


#: Contexts of keys that are for parked turns alone.
STOPPED = ("stopped", "parked")

TYPING = (("tab", "complete"), ("↑↓", "choose"), ("enter", "done"), ("esc", "leave"))

LABELS = {
    "give_up": "give up",
    "log_level": "level",
    "debugger_view": "debugger",
    "step_over": "step",
    "step_in": "step in",
    "step_out": "step out",
    "resume_all": "all",
    "would_send": "phone",
    "scope_next": "part",
    "break_new": "break",
    "jury_pick": "answer",
    "jury_next": "next",
    "jury_teach": "teach",
    "diff_next": "part",
    "unbreak": "clear",
    "break_off": "disable",
    "break_on": "enable",
    "log_turn": "turn",
    "bundle_retry": "retry",
    "bundle_turns": "turns",
    "flow_view": "turns",
    "platforms_view": "platforms",
    "sessions_view": "sessions",
    "dead_view": "dead",
    "config_view": "config",
    "logs_view": "logs",
    "providers_view": "providers",
    "workflows_view": "workflows",
    "routes_view": "routes",
    "part_next": "part",
    "help": "keys",
    "find_key": "find",
    "compose": "write",
    "prompt": "command",
    "session_turns": "turns",
    "take_over": "take over",
    "take_here": "take over",
    "hand_back": "hand back",
    "conversation_turns": "turns",
    "transfer": "hand over",
    "provider_test": "test",
    "provider_turns": "turns",
    "tab_next": "list",
    "workflow_test": "test",
    "workflow_run": "run",
    "workflow_turns": "turns",
    "workflow_disable": "disable",
    "workflow_enable": "enable",
    "workflow_compare": "compare",
}
