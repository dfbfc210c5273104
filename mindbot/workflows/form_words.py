"""What a person reads of a form in a chat, and what an answer to one says. Pure.

A form is offered as plain text: what it says, its inputs, its actions with numbers. It is answered by an
action's number, title or id on a line of its own, with ``name: value`` lines for the inputs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mindbot.domain.message import Json
from mindbot.workflows.languages import some_chinese

_FIELD = re.compile(r"\s*([^:：\n]{1,100}?)\s*[:：][ \t]*(.*)")
#: Where Dify's content has an input.
_PLACE = re.compile(r"\{\{#\$output\.([^#}]{1,100})#\}\}")
_FILL_IN, _FILL_IN_ZH = "To fill in, one a line as “name: value”:", "请填写（每行一项，写作“名称: 值”）："
_TRAILING = ".。!！,，、;；"


@dataclass(frozen=True, slots=True)
class FormAction:
    """A button of a form. ``number`` is what a person may answer with: open ones of a session differ."""

    id: str
    title: str
    number: int


@dataclass(frozen=True, slots=True)
class FormInput:
    """A field of a form; ``default`` is sent where nothing is written. ``name`` is the vendor's."""

    name: str
    label: str = ""
    default: str = ""
    required: bool = False

    @property
    def shown(self) -> str:
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class PendingForm:
    """A form that waits for a person, or did. Times are Unix seconds.

    ``raw`` is what the app gave and gets back; ``ids`` are the vendor's, of the run that waits. ``offered``
    is when a person could first read it. A form without actions asks for words: any text answers it.
    ``state`` is open, taken (an answer is on its way) or answered; ``by`` is the turn that answered it,
    ``said`` the action it chose, ``ended`` when (or since). ``filled`` and ``wanted`` are inputs and the
    id of an action that came before all was there to answer it. ``then`` are workflows that work on the
    run's answer. ``asked`` is the sender whose message the run is for, and who alone answers; empty: anybody.
    """

    token: str
    workflow: str
    replica: str = ""
    node: str = ""
    content: str = ""
    inputs: tuple[FormInput, ...] = ()
    actions: tuple[FormAction, ...] = ()
    expires: float = 0.0
    ids: Json = field(default_factory=dict)
    raw: Json = field(default_factory=dict)
    offered: float = 0.0
    state: Literal["open", "taken", "answered"] = "open"
    by: str = ""
    said: str = ""
    ended: float = 0.0
    filled: dict[str, str] = field(default_factory=dict)
    wanted: str = ""
    then: tuple[str, ...] = ()
    asked: str = ""

    @property
    def wordy(self) -> bool:
        """Whether it asks for words, not for one of its actions."""
        return not self.actions

    def to_json(self) -> Json:
        """Return it as data."""
        out: Json = {
            name: getattr(self, name) for name in self.__slots__ if name not in ("inputs", "actions")
        }
        out["inputs"] = [[i.name, i.label, i.default, i.required] for i in self.inputs]
        out["actions"] = [[a.id, a.title, a.number] for a in self.actions]
        return out

    @classmethod
    def from_json(cls, data: Json) -> PendingForm:
        """Read `to_json` back, without what a newer program says of it.

        Raises:
            LookupError, TypeError, ValueError: it is none.
        """
        inputs = tuple(FormInput(*each) for each in data["inputs"])
        actions = tuple(FormAction(*each) for each in data["actions"])
        known = {name: value for name, value in data.items() if name in cls.__slots__}
        then = tuple(data.get("then", ()))
        return cls(**{**known, "inputs": inputs, "actions": actions, "then": then})

    def resolved(self, written: Mapping[str, str]) -> dict[str, str]:
        """Return the inputs to send: what was written, now or before, else the defaults."""
        told = {**self.filled, **written}
        return {each.name: told.get(each.name, each.default) for each in self.inputs}

    def action(self, id: str) -> FormAction | None:
        """Return the action with this id."""
        return next((each for each in self.actions if each.id == id), None)


def folded(text: str) -> str:
    """Return a text as answers are compared: without case, width, space around and stops at its end."""
    return unicodedata.normalize("NFKC", text).casefold().strip().rstrip(_TRAILING).strip()


@dataclass(frozen=True, slots=True)
class FormReply:
    """What a text says to one form: an action of it (or None), and inputs by name."""

    form: PendingForm
    action: FormAction | None
    inputs: dict[str, str]


def read_reply(form: PendingForm, text: str) -> FormReply | None:
    """Return what a text says to a form; None where it is not about it.

    The action stands on the first or the last line; what follows ``name:`` up to the next one is its value.
    With a single input, all lines beside the action are that input's value.
    """
    if form.wordy:
        return FormReply(form, None, {"": text}) if text.strip() else None
    lines = text.strip().splitlines()
    if not lines:
        return None
    action = chosen(form, lines[-1])
    rest = lines[:-1]
    if action is None and len(lines) > 1 and (action := chosen(form, lines[0])) is not None:
        rest = lines[1:]
    rest = lines if action is None else rest
    inputs, loose = _fields(form.inputs, rest)
    if any(line.strip() for line in loose):
        if action is None or inputs or len(form.inputs) != 1:
            return None
        inputs = {form.inputs[0].name: "\n".join(loose).strip()}
    return FormReply(form, action, inputs) if action is not None or inputs else None


def chosen(form: PendingForm, line: str) -> FormAction | None:
    """Return the action that a line names: by number, id or title."""
    said = folded(line)
    if not said:
        return None
    for action in form.actions:
        if said in (str(action.number), f"{action.number}. {folded(action.title)}"):
            return action
    return next((a for a in form.actions if said in (folded(a.id), folded(a.title))), None)


def _fields(inputs: Sequence[FormInput], lines: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the inputs that lines give, and the lines before the first of them."""
    names = {folded(name): each.name for each in inputs for name in (each.name, each.label) if name}
    found: dict[str, list[str]] = {}
    loose: list[str] = []
    current: list[str] = loose
    for line in lines:
        if (match := _FIELD.fullmatch(line)) and (name := names.get(folded(match[1]))):
            current = found.setdefault(name, [])
            current.append(match[2])
        else:
            current.append(line)
    return {name: "\n".join(value).strip() for name, value in found.items()}, loose


# --- words


def _in_chinese(form: PendingForm) -> bool:
    return some_chinese(form.content, form.node, *(a.title for a in form.actions))


def offered(form: PendingForm) -> str:
    """Return a form as it is read in a chat."""
    zh = _in_chinese(form)
    lines = [_PLACE.sub(r"[\1]", form.content).strip() or form.node]
    if form.inputs:
        lines += ["", _FILL_IN_ZH if zh else _FILL_IN]
        lines += [f"- {_described(each, zh)}" for each in form.inputs]
    if form.actions:
        lines += ["", "回复编号或名称：" if zh else "Answer with a number or a name:"]
        lines += [f"{action.number}. {action.title}" for action in form.actions]
    return "\n".join(lines).strip()


def _described(each: FormInput, zh: bool) -> str:
    notes = []
    if each.default:
        notes.append(f"默认：{each.default}" if zh else f"default: {each.default}")
    elif each.required:
        notes.append("必填" if zh else "required")
    return f"{each.shown} ({', '.join(notes)})" if notes else each.shown


def which(actions: Sequence[tuple[PendingForm, FormAction]]) -> str:
    """Return the question which of several forms an answer is for."""
    zh = any(_in_chinese(form) for form, _ in actions)
    head = "有多个表单等待处理，请回复编号：" if zh else "Several forms wait. Answer with a number:"
    return "\n".join([head, *(_action_of(form, action) for form, action in actions)])


def choose(form: PendingForm) -> str:
    """Return the question for an action, once inputs are written."""
    head = "已记录。请回复编号或名称：" if _in_chinese(form) else "Noted. Answer with a number or a name:"
    return "\n".join([head, *(f"{action.number}. {action.title}" for action in form.actions)])


def _action_of(form: PendingForm, action: FormAction) -> str:
    name = form.node or form.content.strip().partition("\n")[0][:60]
    return f"{action.number}. {action.title} ({name})" if name else f"{action.number}. {action.title}"


def missing(form: PendingForm, names: Sequence[FormInput]) -> str:
    """Return the question for required inputs."""
    shown = ", ".join(each.shown for each in names)
    if _in_chinese(form):
        return f"还需要填写：{shown}（写作“名称: 值”）"
    return f"Still to be filled in: {shown} (as “name: value”)."


def already(form: PendingForm) -> str:
    """Return what a second answer is told."""
    if _in_chinese(form):
        return f"该表单已经处理过（{form.said}）。" if form.said else "该表单已经处理过。"
    return f"That was answered already ({form.said})." if form.said else "That was answered already."


def expired(form: PendingForm) -> str:
    """Return what an answer that comes too late is told."""
    return "该表单已过期。" if _in_chinese(form) else "That form has expired."


def taken(form: PendingForm) -> str:
    """Return what is said of an answer while the run waits for others."""
    return f"已收到：{form.said}。" if _in_chinese(form) else f"Noted: {form.said}."


def still_open(forms: Sequence[PendingForm]) -> str:
    """Return the forms that are still to be answered."""
    if not forms:
        return ""
    zh = any(map(_in_chinese, forms))
    head = "仍待处理：" if zh else "Still open:"
    return "\n\n".join([head, *map(offered, forms)])
