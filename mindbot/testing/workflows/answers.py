"""What every app does with an answer: words, conversations, files, nodes, the run that is taken up again."""

from __future__ import annotations

import anyio
import pytest

from mindbot.domain.chat import Attachment
from mindbot.testing.workflows.rig import LONG, AppFault, AppPlay, PlayedApp, heard


class AppAnswersContract(PlayedApp):
    """Answers, as they should be."""

    async def test_answers_whole_and_says_how_it_ended(self) -> None:
        async with self.playing(AppPlay(text=LONG)) as house:
            answer = await house.ask()
            assert answer.text == LONG
            assert answer.last.finish == "stop"
            assert all(not chunk.finish for chunk in answer.chunks[:-1])
            assert len(house.vendor.texts()) == 1

    async def test_what_is_said_slowly_is_shown_as_it_comes(self) -> None:
        async with self.playing(AppPlay(text="word by word", slow=True)) as house:
            answer = await house.ask()
        assert answer.text == "word by word"
        assert len([chunk for chunk in answer.chunks if chunk.text]) > 1

    async def test_the_text_arrives_whole(self) -> None:
        text = '你好，世界 👩‍👩‍👧 "quotes" \\ {user} {{x}} \n\n tabs\t ümläut \u2028 data: [DONE]'
        async with self.playing() as house:
            answer = await house.ask(text)
            assert list(house.vendor.texts()) == [text]
        assert text in answer.text
        async with self.playing(AppPlay(text="short")) as house:
            assert (await house.ask(text * 100)).text == "short"
            assert list(house.vendor.texts()) == [text * 100]

    @pytest.mark.full
    async def test_many_at_once_are_not_mixed_up(self) -> None:
        async def one(number: int) -> None:
            answers[number] = (await house.ask(f"question {number}.", user=f"user{number}")).text

        answers: dict[int, str] = {}
        async with self.playing() as house, anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, number)
        assert all(f"question {number}." in answers[number] for number in range(20))

    async def test_a_session_has_one_conversation_also_over_a_restart(self) -> None:
        self.needs(self.talks, "conversations")
        async with self.playing() as house:
            await house.ask("one")
            house.restart()
            await house.ask("two")
            await house.ask("three", user="eve")
            await house.ask("four", conversation="")
            first, second, third, fourth = house.vendor.rooms()
            assert first == second
            assert len({first, third, fourth}) == 3

    @pytest.mark.full
    async def test_a_conversation_that_is_gone_is_begun_anew_in_the_same_turn(self) -> None:
        self.needs(self.talks, "conversations")
        async with self.playing() as house:
            await house.ask("one")
            house.vendor.forget()
            assert "two" in (await house.ask("two")).text
            await house.ask("three")
            rooms = house.vendor.rooms()[-2:]
            assert rooms[0] == rooms[1]

    async def test_files_are_uploaded_once(self) -> None:
        self.needs(self.takes_files, "files")
        file = Attachment("image", "image/png", "dot.png", data=b"\x89PNG\r\n\x1a\n")
        async with self.playing() as house:
            await house.ask("look", file)
            assert (house.vendor.files(), len(house.vendor.texts())) == (1, 1)

    async def test_nodes_are_steps_of_the_turn(self) -> None:
        self.needs(self.has_nodes, "nodes")
        async with self.playing(AppPlay(nodes=("Look up", "Compare"))) as house:
            turn = house.turn()
            async with turn.span("workflow", "contract"):
                await heard(house.run(turn))
            [_, *steps] = turn.spans
            names = [span.name for span in steps]
            assert [name for name in names if name in ("Look up", "Compare")] == ["Look up", "Compare"]
            assert {span.status for span in turn.spans} == {"ok"}
            assert all(span.took >= 0 for span in turn.spans)

    @pytest.mark.full
    @pytest.mark.parametrize("fault", ["cut", "silent_end"])
    async def test_a_stream_that_breaks_off_is_taken_up_and_nothing_starts_twice(
        self, fault: AppFault
    ) -> None:
        self.needs(self.recovers, "way to a run by its id")
        async with self.playing(AppPlay(fault, text=LONG)) as house:
            answer = await house.ask()
            assert (answer.text, answer.last.finish) == (LONG, "stop")
            assert len(house.vendor.texts()) == 1

    @pytest.mark.full
    async def test_a_gateway_that_gives_up_starts_nothing_twice(self) -> None:
        self.needs(self.finds, "way to a run by its user")
        async with self.playing(AppPlay("gateway", text=LONG)) as house:
            assert (await house.ask()).text == LONG
            assert len(house.vendor.texts()) == 1

    @pytest.mark.full
    async def test_another_process_takes_up_what_the_first_began(self) -> None:
        self.needs(self.recovers, "way to a run by its id")
        async with self.playing(AppPlay("cut", text=LONG)) as house:
            turn = house.turn()
            chunks = house.run(turn)
            await anext(chunks)
            then = house.crashed(turn)  # what a killed process leaves, while the run goes on
            house.restart()
            assert (await heard(house.run(then))).text == LONG
            assert len(house.vendor.texts()) == 1
            async for _ in chunks:
                pass

    @pytest.mark.full
    async def test_a_turn_that_had_its_answer_gets_it_again_without_a_run(self) -> None:
        self.needs(self.recovers, "way to a run by its id")
        async with self.playing(AppPlay(text=LONG)) as house:
            turn = house.turn()
            await heard(house.run(turn))
            then = house.crashed(turn)
            assert (await heard(house.run(then))).text == LONG
            assert len(house.vendor.texts()) == 1
