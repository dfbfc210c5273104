"""What operators do, told as they would tell it."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_sample import SAMPLE, filled, record, turn_id

from mindbot.domain.errors import Conflict, Forbidden

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


async def test_what_comes_in_shows_by_itself(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("Where is my order", "王小明")
        daemon.turn(record(30, "wecom", "zoe", "a new message"), "running")
        await person.sees("a new message", "▸")
        daemon.turn(record(30, "wecom", "zoe", "a new message", reply="and its answer", took=0.4))
        await person.sees("and its answer", "400ms")


async def test_an_answer_that_nobody_got_is_not_shown_as_answered(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock, size=(160, 30)) as person:
        await person.sees("13")
        asked = record(30, "wecom", "zoe", "where is it", reply="on its way", took=0.4)
        daemon.turn({**asked, "delivery": "waiting", "undelivered": False, "delivery_error": ""})
        await person.sees("↑", "on its way")
        tried = {"turn": asked["id"], "delivery": f"{asked['id']}-0", "left": 0}
        daemon.happen({**tried, "type": "delivery.dead", "state": "dead", "error": "81013 no such user"})
        await person.sees("!", "not delivered: 81013 no such user · on its way")
        daemon.happen({**tried, "type": "delivery.sent", "state": "sent", "error": ""})
        await person.sees("not delivered: 81013")  # of another one that went out with it
        sent = {**asked, "delivery": "sent", "undelivered": False, "delivery_error": ""}
        daemon.happen({**sent, "type": "turn.delivery", "turn": asked["id"], "state": "answered"})
        await person.sees_no("not delivered")
        daemon.turn(record(31, "wecom", "zoe", "testing", reply="1 2 3", origin="test"))
        await person.sees("◇ zoe")


@pytest.mark.full
async def test_a_filter_keeps_what_matches(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("13")
        await person.press("slash")
        await person.type('platform == "wecom" and took > 1ms')
        await person.press("enter")
        await person.sees("6/13", "alice", "$ mindbot turns 'platform == \"wecom\" and took > 1ms'")
        await person.sees_no("王小明", "spammer")
        daemon.turn(record(30, "dingtalk", "zoe", "not this one", reply="x", took=1.0))
        daemon.turn(record(31, "wecom", "zoe", "this one", reply="x", took=1.0))
        await person.sees("7/15", "this one")
        await person.sees_no("not this one")
        await person.press("x")
        await person.sees("not this one", "spammer")


async def test_a_filter_with_a_mistake_shows_where_and_changes_nothing(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("alice")
        await person.press("slash")
        await person.type('platfrm == "wecom"')
        await person.press("enter")
        await person.sees("   ^^^^^^^ unknown field platfrm", "did you mean platform?")
        await person.sees("spammer")
        await person.press("escape")
        await person.sees_no("unknown field")
        assert person.app.flow.filter == ""


@pytest.mark.full
async def test_the_filter_bar_completes_fields_and_values_seen(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("alice")
        await person.press("slash")
        await person.type("plat")
        await person.sees("the chat network")
        await person.press("tab")
        await person.type("== ")
        await person.sees('"wecomcs"')
        await person.type("dingt")
        await person.press("tab", "enter")
        await person.sees("4/13")
        assert person.app.flow.filter == 'platform == "dingtalk"'


async def test_scrolled_up_the_list_stands_still_and_counts(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("up", "up")
        for n in range(40):
            daemon.turn(record(30 + n, "wecom", "zoe", f"number {n}", reply="ok", took=0.1))
        blank = person.app.flow.rows.page - len(SAMPLE)  # they are filled; what has no room waits
        await person.sees(f"▼ {40 - blank} new", "Where is my order", "number 1")
        await person.sees_no("number 39")
        await person.press("end")
        await person.sees("number 39")
        await person.sees_no(" new · End follows", "Where is my order")


@pytest.mark.full
async def test_a_turn_shows_its_way_and_its_texts(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("Where is my order")
        await person.press("home", "enter")
        await person.sees("deliver › errors › access › limits › session › route › run", f"Turn {turn_id(0)}")
        await person.sees("ToUserName", f"$ mindbot trace {turn_id(0)}")
        await person.press("right")
        await person.sees("system: You answer customers of a shop")
        await person.press("right")
        await person.sees("It left our warehouse this morning")
        await person.press("right")
        await person.sees("platform's id: msg-9931")
        await person.press("end", "up", "enter")
        await person.sees('"finish": "stop"')
        await person.press("full_stop")
        await person.sees(f"Turn {turn_id(1)}", "王小明")
        await person.press("escape")
        await person.sees("TIME")


@pytest.mark.full
@pytest.mark.parametrize(
    ("view", "first", "keys", "opens"),
    [
        ("1", "Where is my order", ("home", "enter"), f"Turn {turn_id(0)}"),
        ("1", "Where is my order", ("home", "down", "enter"), f"Turn {turn_id(1)}"),
        ("8", "── code_help ──", ("down", "enter"), "Workflow 退款"),
        ("8", "── code_help ──", ("end", "home", "j", "k", "enter"), "Workflow code_help"),
    ],
)
async def test_enter_in_the_same_breath_opens_the_line_that_was_reached(
    daemon: FakeDaemon, clock: FakeClock, view: str, first: str, keys: tuple[str, ...], opens: str
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press(view)
        await person.sees(first)
        await person.dash(*keys)
        await person.sees(opens)


async def test_a_turn_that_runs_is_followed_to_its_end(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("And the other parcel?")
        await person.press("up", "enter")
        await person.sees("▸ running")
        id = SAMPLE[11]["id"]
        daemon.answers[f"GET /v1/turns/{id}"] |= {"state": "answered", "reply": "It follows tomorrow."}
        daemon.turn({**SAMPLE[11], "reply": "It follows tomorrow.", "took": 2.0})
        await person.sees("✓ answered", "It follows tomorrow.")


async def test_a_message_is_sent_from_the_box(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/turns"] = {"id": turn_id(30), "state": "queued"}
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.press("s")
        await person.type("@alice #wecom/default hello there")
        await person.press("enter")
        await person.sees("alice on wecom/default will receive the answer to: hello there", "No (n)")
        assert "POST /v1/turns" not in dict(daemon.asked)
        await person.press("y")
        call = "$ mindbot send 'hello there' --no-wait --platform wecom --bot default --user alice --yes"
        await person.sees(call)
        await person.finds(lambda: "POST /v1/turns" in dict(daemon.asked))
        sent = dict(daemon.asked)["POST /v1/turns"]
        assert (sent["text"], sent["platform"], sent["bot"]) == ("hello there", "wecom", "default")
        assert (sent["user"], sent["wait"], sent["dry_run"]) == ("alice", False, False)
        await person.type("@alice #wecom not yet")
        await person.press("enter")
        await person.sees("alice on wecom will receive")
        await person.press("n")
        await person.sees("not sent")
        await person.press("up")
        await person.sees("@alice #wecom not yet")
        await person.press("home")
        await person.type("--dry-run ")
        await person.press("enter")
        await person.sees("--user alice --dry-run", "nothing is sent")
        assert daemon.asked[-1][1]["dry_run"]


@pytest.mark.full
async def test_what_is_typed_where_nothing_can_be_written_is_no_command(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock, readonly=True) as person:
        await person.sees("attached", "alice")
        await person.press("s")
        await person.type("q2d4xe: quit")  # each of these keys would be a command
        await person.sees("nothing can be written here now: this console is read-only", "Turns")
        await person.press("enter")
        await person.sees("nothing can be written")
        await person.press("escape")
        await person.sees_no("nothing can be written")
        await person.press("2", "m")
        await person.type("hello 4 you")
        await person.sees("nothing can be written here now", "── console/default ──")
    daemon.stop()
    async with console(daemon, clock=clock) as person:
        await person.sees("no daemon")
        await person.press("s")
        await person.type("q2")
        await person.sees("nothing can be written here now: no daemon is attached")


async def test_a_message_that_cannot_be_sent_any_more_stays_in_the_box(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("attached", "alice")
        await person.press("s")
        await person.type("hello there")
        daemon.stop()
        await person.sees("detached")
        await person.press("enter")
        await person.sees("no daemon is attached", "hello there")


@pytest.mark.full
async def test_a_dead_letter_is_discarded_only_after_a_yes(daemon: FakeDaemon, clock: FakeClock) -> None:
    letter = f"{turn_id(7)}-0"
    daemon.answers["POST /v1/dead-letters/discard"] = {"settled": [{"id": letter, "done": True}]}
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("40001: invalid cred")
        await person.press("d")
        await person.sees(f"Discard {letter}?")
        await person.press("enter")
        await person.sees_no("Discard")
        assert not [path for path, _ in daemon.asked if "discard" in path]
        await person.press("d")
        await person.sees(f"Discard {letter}?")
        daemon.answers["GET /v1/dead-letters"] = daemon.answers["GET /v1/dead-letters"][1:]
        await person.press("y")
        await person.sees(f"{letter}: discarded", f"$ mindbot dlq discard {letter}"[:20])
        await person.sees_no("40001: invalid cred")
        assert dict(daemon.asked)["POST /v1/dead-letters/discard"] == {"ids": [letter]}


@pytest.mark.full
async def test_what_a_turn_sent_is_taken_back_after_a_yes(daemon: FakeDaemon, clock: FakeClock) -> None:
    id = SAMPLE[1]["id"]
    path = f"POST /v1/turns/{id}/take-back"
    daemon.answers[path] = [
        {"id": f"{id}-1", "taken_back": True, "why": ""},
        {"id": f"{id}-0", "taken_back": False, "why": "sent long ago"},
    ]
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        for command in (f"open {id}", "take-back"):
            await person.press("colon")
            await person.type(command)
            await person.press("enter")
        await person.sees(f"Take back what {id} sent?")
        assert path not in dict(daemon.asked)
        await person.press("y")
        await person.sees("1 of 2 stay: sent long ago")
        daemon.answers[path] = daemon.answers[path][:1]
        await person.press("colon")
        await person.type("take-back")
        await person.press("enter")
        await person.sees("Take back what")
        await person.press("y")
        await person.sees(f"taken back: {id}")


async def test_a_refusal_of_the_daemon_is_shown(daemon: FakeDaemon, clock: FakeClock) -> None:
    letter = f"{turn_id(7)}-0"
    daemon.answers["POST /v1/dead-letters/retry"] = Conflict(f"{letter} is sent, not dead")
    async with console(daemon, clock=clock) as person:
        await person.press("4")
        await person.sees("40001: invalid cred")
        await person.press("r")
        await person.sees("is sent, not dead")


@pytest.mark.full
async def test_who_may_only_look_is_told_why(daemon: FakeDaemon, clock: FakeClock) -> None:
    refusal = Forbidden("this needs the role operator, you are viewer")
    daemon.answers["POST /v1/turns"] = refusal
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        daemon.answers["GET /v1/status"]["role"] = "viewer"  # asked for again at a refusal
        await person.press("s")
        await person.type("hello")
        await person.press("enter")
        await person.sees("this needs the role operator")
        await person.finds(lambda: person.app.state.role == "viewer")
        await person.sees("viewer")
        await person.press("escape", "4")
        await person.sees("40001: invalid cred")
        before = len(daemon.asked)
        await person.press("r")
        await person.sees("this needs the role operator, you are viewer")
        assert not [path for path, _ in daemon.asked[before:] if path.startswith("POST")]


@pytest.mark.full
async def test_a_read_only_console_changes_nothing(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, readonly=True, size=(120, 24)) as person:
        await person.sees("read-only")
        await person.press("s")
        await person.sees("this console is read-only")
        await person.press("escape", "colon")
        await person.type("send hello")
        await person.press("enter")
        await person.press("5")
        await person.sees("wecom.corpid")
        await person.press("r")
        await person.pilot.pause()
        assert not [path for path, _ in daemon.asked if path.startswith("POST")]


@pytest.mark.full
async def test_the_prompt_runs_commands_and_completes_them(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.press("colon")
        await person.type("pla")
        await person.sees("bots and their platforms")
        await person.press("tab", "enter")
        await person.sees("Turns › Platforms", "◐ degraded")
        await person.press("1", "colon")
        await person.type("nonsense")
        await person.press("enter")
        await person.sees("no command nonsense")
        await person.press("colon")
        await person.type("filter state == failed")
        await person.press("enter")
        await person.sees("1/13", "carol")


@pytest.mark.full
async def test_fast_fingers_do_not_run_commands(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["POST /v1/turns"] = {"id": turn_id(30), "state": "queued"}
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.type("/user == bob")
        await person.press("enter")
        await person.sees("1/13")
        assert person.app.flow.filter == "user == bob"
        await person.type("sde1x quit")
        await person.press("enter")
        await person.finds(lambda: "POST /v1/turns" in dict(daemon.asked))
        assert dict(daemon.asked)["POST /v1/turns"]["text"] == "de1x quit"
        await person.press("escape")
        await person.type(":platforms")
        await person.press("enter")
        await person.sees("Turns › Platforms")


async def test_both_languages_change_on_the_spot(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("attached", "TIME")
        await person.press("colon")
        await person.type("lang zh")
        await person.press("enter")
        await person.sees("已连接", "时间", "对话轮次", "给机器人发消息")
        await person.press("3")
        await person.sees("会话", "最近消息")


async def test_held_still_the_screen_waits_and_then_shows_everything(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("p")
        await person.sees("screen held")
        daemon.turn(record(30, "wecom", "zoe", "while held", reply="ok", took=0.1))
        await person.finds(lambda: person.app.state.turns.get(turn_id(30)))
        assert "while held" not in person.screen
        await person.press("p")
        await person.sees("while held")


@pytest.mark.full
async def test_a_view_opened_while_the_screen_is_held_is_filled_once(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    letters = [dict(each) for each in daemon.answers["GET /v1/dead-letters"]]
    daemon.answers["GET /v1/dead-letters"] = letters
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("p")
        await person.sees("screen held")
        for key, shows in (("2", "◐ degraded"), ("3", "张伟"), ("5", "wecom.corpid"), ("6", "40001")):
            await person.press(key)
            await person.sees(shows, "screen held")
        await person.press("4")
        await person.sees(letters[0]["id"][:8])
        asked = [path for path, _ in daemon.asked if "dead" in path]
        letters[0]["text"] = "changed meanwhile"
        clock.now += 60
        await person.sees(letters[0]["id"][:8])
        await person.pilot.pause()
        assert [path for path, _ in daemon.asked if "dead" in path] == asked
        assert "changed meanwhile" not in person.screen
        await person.press("p")
        await person.sees("changed meanwhile")
        await person.press("p", "1", "home", "enter")
        await person.sees("CDATA", "screen held")


@pytest.mark.full
async def test_above_the_first_line_lie_older_turns(daemon: FakeDaemon, clock: FakeClock) -> None:
    old = [{**record(-n, "wecom", "old", f"long ago {n}", reply="ok"), "took_ms": 9} for n in range(1, 9)]
    daemon.answers["GET /v1/turns/page"] = lambda call: {
        "turns": [each for each in old if each["id"] < call.query["before"]]
    }
    async with console(daemon, clock=clock) as person:
        await person.sees("Where is my order")
        await person.press("home", "up")
        await person.sees("long ago 1", "long ago 8", "21")
        assert person.app.flow.turn == old[0]["id"]
        await person.press("enter")
        await person.sees(f"Turn {old[0]['id']}")
        await person.press("full_stop")
        await person.sees(f"Turn {turn_id(0)}", "Where is my order")
        await person.press("escape", "home")
        await person.sees("long ago 8")
        daemon.turn(record(30, "wecom", "zoe", "still live"), "running")
        await person.sees("still live")  # there is room for it below the last line
        assert not person.app.flow.rows.following


async def test_only_faults_and_back(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.press("e")
        await person.sees("2/13", "carol", "erin")
        await person.sees_no("bob")
        await person.press("e")
        await person.sees("bob")


async def test_why_a_turn_is_in_the_filter(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.press("colon")
        await person.type("explain platform == wecom and took > 1s")
        await person.press("enter")
        await person.sees('✗ platform == "wecom"   ("dingtalk")', "took > 1s")
        await person.press("escape")
        await person.sees_no("took > 1s   (")


async def test_a_conversation_leads_to_its_turns(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("attached")
        await person.press("3")
        await person.sees("LAST MESSAGE")
        await person.press("down", "t")
        await person.sees("2/13", "And the other parcel?", "Where is my order")


@pytest.mark.full
async def test_the_mouse_opens_and_chooses(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.clicks("bob")
        await person.finds(lambda: person.app.flow.turn == turn_id(2))
        await person.clicks("open")
        await person.sees(f"Turn {turn_id(2)}")
        await person.clicks("prompt")
        await person.sees("system: You answer")
        await person.clicks("back")
        await person.sees("TIME")


@pytest.mark.full
async def test_the_palette_finds_a_command_and_runs_it(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press("ctrl+p")
        await person.sees("flow  [1]")
        await person.type("sessions")
        await person.sees("sessions  [3]")
        await person.sees_no("flow  [1]")
        await person.press("down", "enter")
        await person.finds(lambda: person.app.view.view == "sessions")
