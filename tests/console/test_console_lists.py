"""Lists: what is marked, sorted, filtered, and what an empty one says."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import filled, turn_id

from mindbot.api.calls import ApiCall
from mindbot.domain.errors import Forbidden, Unreachable
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


@pytest.mark.full
async def test_the_wheel_moves_a_live_list_which_then_stands_still(daemon: FakeDaemon) -> None:
    async with console(daemon, clock=FakeClock(), size=(100, 12)) as person:
        await person.sees("谢谢")
        await person.wheels("谢谢", -9)
        await person.sees("Where is my order 4711?")
        await person.sees_no("谢谢")
        await person.wheels("Where is my order 4711?", 9)
        await person.sees("谢谢")


def letter(n: int, **rest: object) -> Json:
    """Return the nth of many dead letters; every tenth is of another bot."""
    return {
        "id": f"{turn_id(n)}-0",
        "kind": "message",
        "state": "dead",
        "platform": "wecom" if n % 10 else "dingtalk",
        "bot": "default",
        "session": f"wecom:default:u{n}",
        "user": f"u{n}",
        "text": f"answer {n}",
        "error": "45009: api freq out of limit" if n % 2 else "60020: not allow to access from your ip",
        "attempts": n % 7,
        "created": NOON - n,
        **rest,
    }


@pytest.mark.full
async def test_a_hundred_dead_letters_are_sent_again_with_four_keys(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    letters = [letter(n) for n in range(100)]
    daemon.answers["GET /v1/dead-letters"] = letters

    def retried(call: object) -> Json:
        named = set(call.body["ids"])  # type: ignore[attr-defined]
        gone = [{**each, "state": "sent", "acted": "retry", "acted_at": NOON} for each in letters[:98]]
        daemon.answers["GET /v1/dead-letters"] = [
            *gone,
            *({**each, "acted": "retry"} for each in letters[98:]),
        ]
        refused = {letters[-1]["id"]: f"{letters[-1]['id']} is sent, not dead"}
        return {
            "settled": [
                {"id": id, "done": id not in refused, "why": refused.get(id, "")} for id in sorted(named)
            ]
        }

    daemon.answers["POST /v1/dead-letters/retry"] = retried
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("answer 0")
        await person.press("asterisk")
        await person.sees("marked 100", "▌")
        await person.press("r")
        await person.sees("Send 100 again?")
        await person.press("y")
        await person.sees("99 of 100: goes out again", "is sent, not dead", "✓ arrived")
        await person.sees_no("marked 100")
        assert len([path for path, _ in daemon.asked if path == "POST /v1/dead-letters/retry"]) == 1
        await person.press("end")
        await person.sees("✗ failed again")


@pytest.mark.full
async def test_marks_are_of_lines_wherever_they_go(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/dead-letters"] = [letter(n) for n in range(30)]
    daemon.answers["POST /v1/dead-letters/discard"] = lambda call: {
        "settled": [{"id": id, "done": True} for id in call.body["ids"]]
    }
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("answer 0")
        await person.press("space", "down", "shift+down", "shift+down")
        await person.sees("marked 4")
        daemon.answers["GET /v1/dead-letters"] = [letter(50), *(letter(n) for n in range(1, 30))]
        await person.press("ctrl+r")
        await person.sees("answer 50", "marked 3")
        await person.press("slash")
        await person.type("u3 or u4")
        await person.press("enter")
        await person.sees("2/30", "answer 3", "marked 3")
        await person.press("d")
        await person.sees("Discard 2 dead letters?")
        await person.press("y")
        await person.sees("2 of 2: discarded")
        assert dict(daemon.asked)["POST /v1/dead-letters/discard"] == {
            "ids": [letter(3)["id"], letter(4)["id"]]
        }


@pytest.mark.full
async def test_what_was_not_brought_back_is_not_called_undone(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/dead-letters"] = [letter(n) for n in range(130)]
    asked: list[int] = []

    def discarded(call: ApiCall[object]) -> object:
        asked.append(len(call.body["ids"]))
        if len(asked) > 1:
            return Unreachable("the daemon went away")
        return {"settled": [{"id": id, "done": True} for id in call.body["ids"]]}

    def restored(call: ApiCall[object]) -> object:
        kept, *others = call.body["ids"]
        gone = {"done": False, "why": f"{kept} was not discarded"}
        return {"settled": [{"id": kept, **gone}, *({"id": id, "done": True} for id in others)]}

    daemon.answers["POST /v1/dead-letters/discard"] = discarded
    daemon.answers["POST /v1/dead-letters/restore"] = restored
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("answer 0")
        await person.press("asterisk", "d")
        await person.sees("Discard 130 dead letters?")
        await person.press("y")
        await person.sees("the daemon went away")
        assert asked == [100, 30]
        await person.press("escape", "U")
        await person.sees("99 of 100: is a dead letter again", f"{letter(0)['id']} was not discarded")
        assert "undone" not in person.screen


@pytest.mark.full
async def test_a_list_is_sorted_and_its_columns_fit_the_reader(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/dead-letters"] = [letter(n) for n in (5, 3, 13, 4)]
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("answer 13")
        await person.press("colon")
        await person.type("sort tries")
        await person.press("enter")
        await person.sees("TRIE▲")
        users = [row.user for row in person.app.view._source.rows]  # type: ignore[attr-defined]
        assert users == ["u3", "u4", "u5", "u13"]
        await person.press("O")
        await person.sees("TRIE▼")
        assert person.app.view._source.rows[0].user == "u13"  # type: ignore[attr-defined]
        await person.press("greater_than_sign")
        await person.sees("TRIES▼")
        await person.press("o")
        await person.sees("WHY▲")
        await person.press("1", "o")
        await person.sees("this list has an order of its own")


@pytest.mark.full
@pytest.mark.parametrize(
    ("view", "shows", "words", "keeps", "hides"),
    [
        ("5", "wecom.corpid", "origin =~ yaml and key =~ wecom", "3/8", "dispatcher.max_running"),
        ("5", "wecom.corpid", "简洁", "1/8", "wecom.corpid"),
        ("3", "And the other parcel?", "user == alice", "And the other parcel?", "spammer"),
        ("7", "openai", "state != ok", "degraded", "● ok"),
        ("9", "general", "vip", "the rule vip", "nothing is like it"),
    ],
)
async def test_a_slash_filters_every_list(
    daemon: FakeDaemon, clock: FakeClock, view: str, shows: str, words: str, keeps: str, hides: str
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press(view)
        await person.sees(shows)
        await person.press("slash")
        await person.type(words)
        await person.press("enter")
        await person.sees(keeps)
        await person.sees_no(hides)
        await person.press("slash")
        await person.type("x" * 9)
        await person.press("enter")
        await person.press("backspace")
        await person.sees(shows)


@pytest.mark.full
async def test_an_empty_list_says_why(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/dead-letters"] = []
    daemon.answers["GET /v1/sessions"] = Forbidden("this needs the role viewer, you are nobody")
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("no dead letters: nothing is given up on")
        await person.press("3")
        await person.sees("this needs the role viewer, you are nobody")
        await person.press("5")
        await person.sees("wecom.corpid")
        await person.press("slash")
        await person.type("nosuchthing")
        await person.press("enter")
        await person.sees("nothing matches; without the filter there are 8")
        daemon.stop()
        await person.press("7")
        await person.sees("no daemon is attached")
