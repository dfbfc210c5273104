"""What operators call turns, dead letters and files: whole ids, or as much of one as no other begins with."""

from __future__ import annotations

from mindbot.domain import ids
from mindbot.domain.errors import Invalid, NotFound
from mindbot.domain.host import File
from mindbot.domain.ports.store import Queries
from mindbot.media.spool import ID, SpooledMedia

_NAMED = 5  # ids that an error tells
_LETTERS = "`mindbot dlq list` shows their ids"
_FILES = "`mindbot trace TURN --json` tells the ids of a turn's files"
_GONE = "files are deleted when `media.retention` has passed since they last came; the platform may have it"
_LISTED = 1000  # dead letters that are looked at


async def turn_named(queries: Queries, text: str) -> str:
    """Return the id of a turn from its beginning; a whole one stays as it is, also where there is none.

    Raises:
        NotFound: no turn's id begins like this, or it can be nobody's.
        Invalid: several do; the hint names the newest.
    """
    if ids.is_whole(text):
        return text
    try:
        low, high = ids.between(text)
    except ValueError as error:
        raise NotFound(f"no turn {text!r}: {error}", hint="`mindbot turns` lists them") from error
    found = [ids.show(number) for number in await queries.turns_between(low, high, _NAMED + 1)]
    if not found:
        raise NotFound(f"no turn {text!r}", hint="`mindbot turns` lists them")
    return _only(found, text, "turns")


async def letter_named(queries: Queries, text: str) -> str:
    """Return the id of a dead letter, or of what may be settled like one: a failed turn, a discarded letter.

    Raises:
        NotFound: nothing has an id that begins like this, or it can be nobody's.
        Invalid: several have; the hint names the newest.
    """
    turn, dash, place = text.partition("-")
    try:
        if ids.is_whole(turn):
            return ids.show(ids.parse(turn)) + dash + place
        low, high = ids.between(turn)
    except ValueError as error:
        raise NotFound(f"no dead letter {text!r}", hint=_LETTERS) from error
    if not dash:
        dead = [letter["id"] for letter in await queries.list_dead(_LISTED)]
        if found := [id for id in dead if low <= ids.parse(id.partition("-")[0]) <= high]:
            return _only(found, text, "dead letters")
    named = [ids.show(number) for number in await queries.turns_between(low, high, _NAMED + 1)]
    if not named:
        raise NotFound(f"no dead letter {text!r}", hint=_LETTERS)
    return _only(named, text, "turns") + dash + place


async def file_named(media: SpooledMedia, text: str) -> File:
    """Return what is known of a file of the media store from its id, or from the beginning of that.

    Raises:
        NotFound: no file that is kept has such an id; the hint of a whole one says why that is.
        Invalid: several have; the hint names some.
        StoreError: not now.
    """
    if not ID.fullmatch(text):
        found = await media.begun(text, _NAMED + 1)
        if not found:
            raise NotFound(f"no file {text!r} is kept", hint=_FILES)
        text = _only(sorted(found), text, "files")
    if (file := await media.find(text)) is None:
        raise NotFound(f"the file {text} is not kept, or no longer", hint=_GONE)
    return file


def _only(found: list[str], text: str, what: str) -> str:
    if len(found) > 1:
        more = ", …" if len(found) > _NAMED else ""
        raise Invalid(
            f"{text!r} begins the ids of several {what}", hint=f"one of: {', '.join(found[:_NAMED])}{more}"
        )
    return found[0]
