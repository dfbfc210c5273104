"""Durations, sizes and rates as people write them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mindbot.config.types import Duration, Rate, Size

DURATION: TypeAdapter[float] = TypeAdapter(Duration)
SIZE: TypeAdapter[int] = TypeAdapter(Size)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (5, 5),
        (0.25, 0.25),
        ("5", 5),
        ("500ms", 0.5),
        ("15m", 900),
        ("1h30m", 5400),
        ("2d", 172_800),
        (" 3s ", 3),
    ],
)
def test_a_duration(text: object, seconds: float) -> None:
    assert DURATION.validate_python(text) == seconds


@pytest.mark.parametrize("text", ["", "5 m", "m", "-5s", "1y", "inf", "nan", True, [], "٣s"])
def test_no_duration(text: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (7, 7),
        ("7", 7),
        ("512B", 512),
        ("20MB", 20_000_000),
        ("1MiB", 1_048_576),
        ("1.5 KiB", 1536),
        ("2gib", 2**31),
    ],
)
def test_a_size(text: object, size: int) -> None:
    assert SIZE.validate_python(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1TB", "MiB", True, "9" * 400])
def test_no_size(text: object) -> None:
    with pytest.raises(ValidationError):
        SIZE.validate_python(text)


@pytest.mark.parametrize(
    ("text", "count", "seconds", "shown"),
    [("20/m", 20, 60, "20/m"), ("100/10s", 100, 10, "100/10s"), ("1 / 2h", 1, 7200, "1/7200s")],
)
def test_a_rate(text: str, count: int, seconds: float, shown: str) -> None:
    rate = Rate.parse(text)
    assert (rate.count, rate.seconds, str(rate)) == (count, seconds, shown)
    assert Rate.parse(rate) is rate


@pytest.mark.parametrize("text", ["1234567890/m", "1/1234567890s", "9" * 400 + "/h"])
def test_a_rate_that_is_too_large_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="is too large for a rate"):
        Rate.parse(text)


@pytest.mark.parametrize("text", ["", "20", "0/m", "5/0s", "m/5", 20, None, True])
def test_no_rate(text: object) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        Rate.parse(text)
