"""What every app does when there is no answer: refusals, failing nodes, stops, deadlines."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NetworkFailed,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TimedOut,
    VendorError,
)
from mindbot.testing.waiting import PATIENCE
from mindbot.testing.workflows.rig import KEY, LONG, AppFault, AppPlay, PlayedApp, heard


class AppFailuresContract(PlayedApp):
    """Failures: each has its name, nothing is started for nothing, and nothing is left running."""

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("bad_request", Rejected),
            ("bad_key", AuthFailed),
            ("quota", QuotaExceeded),
        ],
    )
    async def test_what_will_not_pass_is_asked_once(
        self, fault: AppFault, expected: type[VendorError]
    ) -> None:
        async with self.playing(AppPlay(fault), max_retries=3) as house:
            with pytest.raises(VendorError) as caught:
                await house.ask()
            assert type(caught.value) is expected
            assert KEY not in str(caught.value)
            assert house.vendor.asked() == 1

    async def test_who_is_to_slow_down_is_told_so(self) -> None:
        async with self.playing(AppPlay("rate_limited"), max_retries=0) as house:
            with pytest.raises(RateLimited):
                await house.ask()
            assert not house.vendor.texts()

    @pytest.mark.full
    async def test_what_may_pass_is_asked_again(self) -> None:
        async with self.playing(AppPlay("down_once")) as house:
            assert "hello" in (await house.ask()).text
            assert (len(house.vendor.texts()), house.vendor.asked()) == (1, 2)

    async def test_a_run_that_fails_is_a_failure_with_its_node(self) -> None:
        async with self.playing(AppPlay("run_fails"), max_retries=0) as house:
            with pytest.raises(VendorError) as caught:
                await house.ask()
            if self.has_nodes:
                assert "Search" in str(caught.value)
            assert len(house.vendor.texts()) == 1

    @pytest.mark.full
    async def test_who_leaves_early_stops_the_run(self) -> None:
        self.needs(self.stops, "way to stop a run")
        async with self.playing(AppPlay(text=LONG * 5, slow=True)) as house:
            async with aclosing(house.run(house.turn())) as chunks:
                await anext(chunks)
            assert house.vendor.stopped() == 1

    @pytest.mark.full
    async def test_a_run_without_end_is_left_at_its_time(self) -> None:
        async with self.playing(AppPlay("hangs"), timeout=2) as house:
            with anyio.fail_after(PATIENCE), pytest.raises((TimedOut, NetworkFailed)):
                await house.ask()
            assert len(house.vendor.texts()) == 1
            if self.stops:
                assert house.vendor.stopped() == 1

    @pytest.mark.full
    async def test_an_unreachable_vendor_was_asked_nothing(self) -> None:
        async with self.playing() as house:
            asked = house.vendor
        async with self.playing() as other:
            app = self.app(asked, other.parts, max_retries=0, timeout=PATIENCE)
            turn = other.turn()
            with pytest.raises(MindBotError) as caught:
                await heard(app.run(turn, other.call(turn)))
            assert isinstance(caught.value, NetworkFailed)
            assert not asked.texts()

    async def test_proves_that_it_can_be_asked_without_a_run(self) -> None:
        async with self.playing() as house:
            checks = await house.app.check()
            assert checks and all(check.state != "failed" for check in checks), checks
            assert not house.vendor.texts()
