"""Where each part of a prompt is from, in words: what stands before the first colon is the kind.

Every text that a model is asked has one; a test holds that against what is sent.
"""

from __future__ import annotations

#: The instructions of who answers (its ``system_prompt``).
INSTRUCTIONS = "instructions"
#: The message itself; ``message:TURN`` is one of another turn that is answered along with it.
MESSAGE = "message"
#: What a message quotes: somebody else's words.
QUOTE = "quote"
#: A line said before: ``history:TURN``.
HISTORY = "history"
#: What stands between parts that became one line.
JOINED = "joined"
#: Words of ours in the place of what there is none of, or what a model cannot take.
STAND_IN = "stand-in"
#: The question of the model that chooses a workflow.
ROUTER = "router"
#: The order to sum several workflows' answers up, and those answers.
SUMMARY = "summary"
ANSWERS = "answers"


def history(turn: str) -> str:
    """Return the origin of what was said in an earlier turn."""
    return f"{HISTORY}:{turn}"


def message_of(turn: str) -> str:
    """Return the origin of another turn's message, answered along with this one's."""
    return f"{MESSAGE}:{turn}"


def kind_of(origin: str) -> str:
    """Return the kind of an origin, without whose it is."""
    return origin.partition(":")[0]
