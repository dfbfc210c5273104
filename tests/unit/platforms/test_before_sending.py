"""What goes before a message leaves no doubt about it."""

import anyio
import pytest

from mindbot.domain.errors import NetworkFailed, Overloaded
from mindbot.platforms.before_sending import preparing, unsent
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("sent", [True, False])
async def test_a_lost_answer_is_none_of_the_message(sent: bool) -> None:
    with pytest.raises(NetworkFailed) as caught, preparing():
        raise NetworkFailed("gone", hint="wait", code="reset", sent=sent)
    error = caught.value
    assert (error.message, error.hint, error.code, error.sent) == ("gone", "wait", "reset", False)


async def test_what_takes_too_long_ends_before_the_attempt_does() -> None:
    with (
        anyio.fail_after(PATIENCE),
        pytest.raises(NetworkFailed, match="not ready") as caught,
        preparing(0.01),
    ):
        await anyio.sleep_forever()
    assert not caught.value.sent


async def test_other_errors_stay_what_they_are() -> None:
    busy = Overloaded("busy")
    assert unsent(busy) is busy
    with pytest.raises(Overloaded), preparing():
        raise busy
