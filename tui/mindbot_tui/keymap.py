"""Every key of the console: one table that makes the bindings, the hints, the help and the documentation.

A key is never code: it names a command, with its argument. Ids are stable, so that keys can be given away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from textual.binding import Binding
from textual.keys import key_to_character


@dataclass(frozen=True, slots=True)
class Key:
    """``context`` is a view's name, ``list`` for views whose lines open, ``live`` for those that follow,
    ``text`` for pages and views about a text, or ``everywhere``.

    ``keys`` are Textual's names, separated by commas; ``hint`` puts it on the last line, lower ones first.
    """

    id: str
    keys: str
    context: str
    command: str
    help: str
    hint: int = 0

    @property
    def shown(self) -> str:
        """The keys as people write them; empty where there is none."""
        return " ".join(key_shown(key) for key in self.keys.split(",") if key)

    @property
    def first(self) -> str:
        return self.shown.split(" ")[0]


_SHOWN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "space": "space",
    "minus": "-",
    "exclamation_mark": "!",
    "full_stop": ".",
    "comma": ",",
    "left": "←",
    "right": "→",
}
_SHOWN = {"escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓", "space": "space", "tab": "tab"}
_SHOWN |= {"slash": "/", "minus": "-"}  # Unicode calls them otherwise
_SHOWN |= {"backspace": "backspace", "delete": "delete"}  # characters that nobody sees


def key_shown(key: str) -> str:
    """Return one of Textual's names of keys as people write it."""
    *held, last = key.split("+")
    shown = _SHOWN.get(last) or key_to_character(last) or last
    return "".join("^" if each == "ctrl" else f"{each}+" for each in held) + shown


KEYS: tuple[Key, ...] = (
    Key("open", "enter", "list", "open", "open the selected line", 1),
    Key("mark", "space", "filtered", "mark", "mark the line, to act on all that are marked"),
    Key("mark_all", "asterisk", "filtered", "mark all", "mark all lines that are shown, or none"),
    Key("mark_down", "shift+down", "filtered", "mark down", "mark the line and the next one"),
    Key("mark_up", "shift+up", "filtered", "mark up", "mark the line and the one above"),
    Key("sort", "o", "filtered", "sort", "sort by the next column; a live list has its own order"),
    Key("sort_turn", "O", "filtered", "sort reverse", "turn the order"),
    Key("narrower", "less_than_sign", "filtered", "width narrower", "the column narrower"),
    Key("wider", "greater_than_sign", "filtered", "width wider", "and wider"),
    Key("filter", "slash", "filtered", "filter", "filter the list", 2),
    Key("unfilter", "backspace", "filtered", "clear", "show everything again"),
    Key("clear", "x", "flow", "clear", "show everything again"),
    Key("clear_sessions", "x", "sessions", "clear", "show everything again"),
    Key("clear_dead", "x", "dead", "clear", "show everything again"),
    Key("clear_config", "x", "config", "clear", "show everything again"),
    Key("jump", "T", "live", "jump", "to a time: 12:30, -2h, 2026-11-30"),
    Key("log_level", "L", "logs", "log-level", "how much the selected line's logger writes", 3),
    Key("log_turn", "t", "logs", "its-turn", "the turn that the line is about", 4),
    Key("clear_logs", "x", "logs", "clear", "show everything again"),
    Key("faults", "e", "flow", "faults", "only what failed, and back", 4),
    Key("explain", "w", "flow", "explain", "why the selected turn is in the filter, or would not be"),
    Key("compose", "s", "flow", "compose", "write a test message", 3),
    Key("follow", "f", "live", "follow", "follow the end of the list, or stand still", 6),
    Key("pause", "p", "everywhere", "pause", "hold the screen still; nothing is lost"),
    Key("copy", "c", "everywhere", "copy", "copy the turn's id"),
    Key("copy_call", "y", "everywhere", "copy-command", "copy the last command line"),
    Key("step", "enter", "turn", "part step", "what the selected step did", 1),
    Key("next", "full_stop", "turn", "next", "the next turn of the list", 3),
    Key("previous", "comma", "turn", "previous", "the turn before", 4),
    Key("part_next", "right", "turn", "part next", "the next part", 2),
    Key("part_previous", "left", "turn", "part previous", "the part before"),
    Key("phone", "v", "turn", "phone", "the phone: what the user sees now, and back", 5),
    Key("fold", "space", "turn", "fold", "fold the step's inside away, or show it"),
    Key("pane", "tab", "turn", "pane", "from the steps to the text and back"),
    Key("export", "X", "turn", "export", "take the turn elsewhere: JSON, curl, Markdown"),
    Key("search", "slash", "text", "search", "search in the text", 6),
    Key("hit_next", "n", "text", "hit next", "the next hit"),
    Key("hit_previous", "N", "text", "hit previous", "the hit before"),
    Key("copy_text", "C", "text", "copy-text", "copy the whole text"),
    Key("write_text", "W", "text", "write-text", "write the whole text to a file"),
    Key("open_outside", "ctrl+o", "text", "open-outside", "open it in your editor or pager"),
    Key("render", "m", "text", "render", "as it is, or rendered: JSON set out, Markdown without its marks"),
    Key("test", "t", "platforms", "test", "let the bot prove that it works", 1),
    Key("restart", "r", "platforms", "restart", "stop the bot's adapter and start it again", 2),
    Key("push", "m", "platforms", "push", "let the bot write to somebody", 3),
    Key("stop", "x", "platforms", "stop", "stop the bot; what it has to send waits", 4),
    Key("start", "s", "platforms", "start", "start the bot again", 5),
    Key("session_turns", "t", "sessions", "turns-of", "only the turns of this conversation", 2),
    Key("take_over", "T", "sessions", "take", "answer in the bot's place", 4),
    Key("take_here", "T", "conversation", "take", "answer in the bot's place", 1),
    Key("speak", "s", "conversation", "say", "speak", 2),
    Key("hand_back", "h", "conversation", "hand-back", "let the bot answer again", 3),
    Key("conversation_turns", "t", "conversation", "turns-of", "its turns in the live list", 4),
    Key("transfer", "h", "sessions", "transfer", "hand the conversation over", 3),
    Key("retry", "r", "dead", "retry", "send it again, or run the turn again", 2),
    Key("discard", "d", "dead", "discard", "put it away for good", 3),
    Key("ask", "i", "database", "ask", "write a question in SQL", 2),
    Key("hasten", "r", "queue", "hasten", "try it again now", 2),
    Key("give_up", "d", "queue", "give-up", "give it up: it is a dead letter then", 3),
    Key("reload", "r", "config", "reload", "let the daemon read its configuration again", 2),
    Key("provider_test", "t", "providers", "test-provider", "ask it really; this costs some tokens", 2),
    Key(
        "provider_turns",
        "f",
        "providers",
        "turns-by",
        "what it answered, or failed at last",
        3,
    ),
    Key("disable", "x", "providers", "disable", "switch the provider off, also over restarts", 4),
    Key("enable", "s", "providers", "enable", "switch it on; refused and cooling keys are tried again", 5),
    Key("models", "m", "providers", "models", "its models and what they can do"),
    Key("models_ask", "M", "providers", "models ask", "its models, those of its vendor too"),
    Key("usage", "u", "providers", "usage", "tokens and money of the last days", 6),
    Key("workflow_test", "t", "workflows", "test-workflow", "whether its apps can be asked", 2),
    Key("workflow_run", "r", "workflows", "run", "run a text by hand and see its nodes; no user sees it", 3),
    Key("workflow_turns", "f", "workflows", "turns-of-workflow", "what it answered, or failed at last", 4),
    Key(
        "workflow_disable",
        "x,d",
        "workflows",
        "disable-workflow",
        "switch the workflow off, also over restarts",
        5,
    ),
    Key(
        "workflow_enable", "s,e", "workflows", "enable-workflow", "switch it on; breakers are tried again", 6
    ),
    Key("workflow_compare", "C", "workflows", "compare", "run a text with several, one beside the other", 7),
    Key("why", "w", "routes", "why", "where a text would go, and why; nothing is sent", 2),
    Key("tab_next", "right", "routes", "tab next", "the next list", 3),
    Key("tab_previous", "left", "routes", "tab previous", "the list before"),
    Key("teach", "t", "routes", "teach", "say where the selected turn's message belongs", 4),
    Key("accept", "a", "routes", "accept", "let the selected correction count", 5),
    Key("reject", "x", "routes", "reject", "keep the selected correction from counting", 6),
    Key("revert", "u", "routes", "revert", "let an accepted correction count no longer", 7),
    Key("break", "b", "turns", "break", "stop turns like this one: a form", 9),
    Key("intercept", "i", "turns", "intercept", "stop messages that a filter lets through"),
    Key("resume", "a", "parked", "resume", "let the parked turn go on", 3),
    Key("resume_all", "A", "parked", "resume all", "let all that are parked go on"),
    Key("step_in", "S", "stopped", "step-in", "on to the next call of a model, tool or node", 4),
    Key("step_out", "O", "stopped", "step-out", "on to where the stage ends"),
    Key("edit", "e", "stopped", "edit", "change the parked turn", 2),
    Key("drop", "x", "stopped", "drop", "end the parked turn: nothing is answered", 8),
    Key("answer", "w", "stopped", "answer", "write its answer oneself", 6),
    Key("restart_stage", "r", "stopped", "restart-stage", "begin the stage again"),
    Key("step_over", "space,n", "debugger", "step", "on to the next stage", 1),
    Key("would_send", "v", "debugger", "phone", "the phone: what would be sent, and back", 5),
    Key("scope_next", "right", "debugger", "tab next", "the next part of it", 7),
    Key("scope_previous", "left", "debugger", "tab previous", "the part before"),
    Key("debugger_pane", "tab", "debugger", "pane", "from the turns to the text and back"),
    Key("replay", "R", "turns", "replay", "make it again, and hold both against each other"),
    Key("jury", "equals_sign", "stopped", "jury", "ask others what they would answer", 9),
    Key("jury_pick", "enter", "jury", "pick", "answer with it", 1),
    Key("jury_next", "right,tab", "jury", "pane", "the next answer", 2),
    Key("jury_teach", "t", "jury", "teach", "teach the router where such messages belong", 3),
    Key("diff_next", "right", "diff", "tab next", "the next part of it", 1),
    Key("diff_previous", "left", "diff", "tab previous", "the part before"),
    Key("break_new", "b", "breakpoints", "break", "set another like the selected one", 1),
    Key("unbreak", "d", "breakpoints", "unbreak", "clear it", 2),
    Key("break_off", "x", "breakpoints", "break-off", "switch it off, and keep it", 3),
    Key("break_on", "s", "breakpoints", "break-on", "switch it on", 4),
    Key("refresh", "ctrl+r", "everywhere", "refresh", "ask the daemon again"),
    Key("flow_view", "1", "everywhere", "flow", "live turns"),
    Key("platforms_view", "2", "everywhere", "platforms", "bots and their platforms"),
    Key("sessions_view", "3", "everywhere", "sessions", "conversations"),
    Key("dead_view", "4", "everywhere", "dead", "what was given up on"),
    Key("config_view", "5", "everywhere", "config", "the configuration in use"),
    Key("logs_view", "6", "everywhere", "logs", "what the daemon writes"),
    Key("providers_view", "7", "everywhere", "providers", "models' providers"),
    Key("workflows_view", "8", "everywhere", "workflows", "workflows"),
    Key("routes_view", "9", "everywhere", "routes", "where messages go"),
    Key("history_back", "left_square_bracket", "everywhere", "history back", "where one was before"),
    Key(
        "history_forth",
        "right_square_bracket",
        "everywhere",
        "history forth",
        "forward, after going back",
    ),
    Key("view_before", "minus", "everywhere", "history last", "the view before, and back to this one"),
    Key("culprit", "exclamation_mark", "everywhere", "culprit", "the cause of what is wrong"),
    Key("bundles_view", "B", "everywhere", "bundles", "what fails, by its cause"),
    Key("bundle_retry", "r", "bundles", "retry-bundle", "try again what its people wait for", 2),
    Key("bundle_turns", "f", "bundles", "turns-of-bundle", "its turns in the live list", 3),
    Key("debugger_view", "D", "everywhere", "debugger", "turns that are parked: step, edit, answer"),
    Key("events_view", "E", "everywhere", "events", "what happened to this console and its daemon"),
    Key("maximise", "z", "everywhere", "maximise", "only the pane that is in use, and back"),
    Key("undo", "U", "everywhere", "undo", "take back what was done last"),
    Key("keymap", "f2", "everywhere", "keymap", "the keys in use, and how to change them"),
    Key("prompt", "colon", "everywhere", "prompt", "type a command", 8),
    Key("palette", "ctrl+p", "everywhere", "palette", "find a command"),
    Key("find_key", "slash", "help", "find-key", "only what says this", 2),
    Key("help", "question_mark,f1", "everywhere", "help", "all keys", 5),
    Key("back", "escape", "everywhere", "back", "back", 7),
    Key("screenshot", "ctrl+s", "everywhere", "screenshot", "save a picture of the screen"),
    Key("quit", "q,ctrl+q", "everywhere", "quit", "leave; the daemon goes on", 10),
)

#: The ids of the views' keys.
NUMBERED = frozenset(key.id for key in KEYS if key.keys.isdigit())

#: The ids of keys that go to another place, whatever is in front.
PLACES = NUMBERED | {
    *("history_back", "history_forth", "view_before"),
    *("bundles_view", "events_view", "debugger_view"),
}

#: Keys that lists and texts move with, and that stay theirs.
RESERVED = frozenset(
    ["up", "down", "k", "j", "pageup", "pagedown", "ctrl+b", "ctrl+f", "home", "g", "end", "G"]
)

#: Keys that every list has of itself.
LIST_KEYS: tuple[tuple[str, str], ...] = (
    ("↑ ↓ k j", "one line up or down; up from the first turn brings older ones"),
    ("PgUp PgDn ^b ^f", "one page"),
    ("Home g", "to the first line"),
    ("End G", "to the last line; a live list follows again"),
)

#: Keys that every text has of itself.
TEXTS_KEYS: tuple[tuple[str, str], ...] = (
    ("↑ ↓ k j", "one line up or down"),
    ("PgUp PgDn ^b ^f", "one page"),
    ("Home g End G", "to the beginning or the end"),
)

#: Keys of the filter bar, the box and the prompt.
TEXT_KEYS: tuple[tuple[str, str], ...] = (
    ("Tab", "take an offer, or ask for offers"),
    ("↑ ↓", "choose an offer; without offers, what was typed before"),
    ("Enter", "use it"),
    ("Esc", "close the offers, then leave"),
)


class Keymap:
    """The keys in use: those of the table, but for what a reader has given away, and the reader's own.

    ``changed`` has other keys by id, none where a key is not to be used.
    """

    def __init__(
        self,
        changed: Mapping[str, str] | None = None,
        own: Iterable[Key] = (),
        *,
        path: str = "",
        problems: Iterable[str] = (),
    ) -> None:
        self.changed = dict(changed or {})
        self.path = path  # the file that they are from
        self.problems = list(problems)  # what is wrong in it, with its place
        ours = (replace(key, keys=self.changed.get(key.id, key.keys)) for key in KEYS)
        self.own = tuple(own)
        self.keys = (*ours, *self.own)

    def of(self, *contexts: str) -> Iterator[Key]:
        """Yield the keys of these contexts, those everywhere last."""
        for context in (*contexts, "everywhere"):
            yield from (key for key in self.keys if key.context == context)

    def first(self, id: str) -> str:
        """Return the key of an id as people write it, or the command to type where it has none."""
        key = next(key for key in self.keys if key.id == id)
        return key.first or f":{key.command}"

    @property
    def textual(self) -> dict[str, str]:
        """What Textual is to be told: keys by the ids of bindings. What nobody can press is no key."""
        return {id: keys or f"no-key-{id}" for id, keys in self.changed.items()}


def keys_of(*contexts: str) -> Iterator[Key]:
    """Yield the table's keys of these contexts, those everywhere last."""
    return Keymap().of(*contexts)


def bindings(*contexts: str) -> list[Binding]:
    """Return the bindings of a view in these contexts.

    They are priority bindings, which the app runs before it looks at the next key: what follows a key that
    opens an input, in the same breath of a fast typist or a slow line, is then for that input.
    """
    return [_binding(key) for key in keys_of(*contexts)]


def keys_in(context: str) -> list[Key]:
    """Return the keys of one context alone, for what stands in front of a view."""
    return [key for key in KEYS if key.context == context]


def bindings_in(context: str) -> list[Binding]:
    """Return the bindings of one context alone."""
    return [_binding(key) for key in keys_in(context)]


def _binding(key: Key) -> Binding:
    action = f"app.command({key.command!r})"
    return Binding(key.keys, action, key.help, id=key.id, show=False, priority=True)
