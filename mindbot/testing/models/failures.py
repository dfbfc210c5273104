"""What every provider does when there is no answer: refusals, breaks, silence, rubbish, deadlines."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    MindBotError,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TimedOut,
    Truncated,
    VendorError,
)
from mindbot.http.client import HttpClient
from mindbot.testing.hostile_servers import EVENTS, JSON, HostileServer, endless
from mindbot.testing.models.rig import (
    KEY,
    LENIENT,
    LONG,
    SHORT,
    Fault,
    Play,
    PlayedProvider,
    Tap,
    ask,
    collect,
    streamed,
)
from mindbot.testing.waiting import PATIENCE


class FailuresContract(PlayedProvider):
    """Failures: each has its name, and nothing is left behind."""

    @streamed
    @pytest.mark.parametrize(
        "body",
        [
            b"<!DOCTYPE html><html><body>Welcome to the portal</body></html>",
            b"",
            b"null",
            b"[]",
            b"{}",
            b'"OK"',
            b"true",
            b"[" * 100_000,
            b"\xff\xfe{\x00}\x00",
            b'{"choices": null, "content": null, "candidates": null, "message": null, "data": null}',
        ],
        ids=["page", "empty", "null", "list", "object", "text", "true", "nested", "utf-16", "nulls"],
    )
    async def test_what_is_no_answer_is_a_named_failure(self, body: bytes, stream: bool) -> None:
        head = EVENTS if stream and body[:1] not in (b"<", b"\xff") else JSON
        body = b"data: " + body + b"\n\n" if head is EVENTS and body else body
        async with HostileServer(head + body).running() as server, HttpClient() as http:
            provider = self.provider(server.base_url, http, LENIENT)
            with anyio.fail_after(PATIENCE), pytest.raises(VendorError) as caught:
                await collect(provider, ask(stream=stream))
        assert provider.name in str(caught.value)

    @streamed
    async def test_a_body_without_end_is_left(self, stream: bool) -> None:
        flood = endless(EVENTS if stream else JSON, b"x" * (64 << 10))
        async with HostileServer(flood).running() as server, HttpClient() as http:
            with anyio.fail_after(PATIENCE), pytest.raises(VendorError):
                await collect(self.provider(server.base_url, http, LENIENT), ask(stream=stream))
        assert server.sent < 64 << 20

    @streamed
    async def test_a_drip_is_not_waited_for(self, stream: bool) -> None:
        drip = endless(EVENTS if stream else JSON, b" ")
        async with HostileServer(drip, pause=0.02).running() as server, HttpClient() as http:
            with anyio.fail_after(PATIENCE), pytest.raises(VendorError):
                await collect(self.provider(server.base_url, http, 0.2), ask(stream=stream))

    @streamed
    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("bad_request", Rejected),
            ("bad_key", AuthFailed),
            ("no_model", Rejected),
            ("rate_limited", RateLimited),
            ("quota", QuotaExceeded),
            ("context", ContextOverflow),
            ("filtered", ContentFiltered),
            ("server_error", Overloaded),
            ("proxy_page", Overloaded),
        ],
    )
    async def test_refusals(self, fault: Fault, expected: type[VendorError], stream: bool) -> None:
        self.needs_failure(fault)
        async with self.playing(Play(fault)) as (provider, _):
            with pytest.raises(VendorError) as caught:
                await collect(provider, ask(stream=stream))
        assert type(caught.value) is expected
        assert provider.name in str(caught.value)
        assert KEY not in str(caught.value)
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after == 7

    async def test_garbage(self) -> None:
        async with self.playing(Play("garbage")) as (provider, _):
            with pytest.raises(Overloaded):
                await collect(provider, ask())
            with pytest.raises((Overloaded, Truncated)):
                await collect(provider, ask(stream=True))

    @pytest.mark.parametrize("fault", ["cut", "end_early"])
    async def test_a_stream_that_breaks_off_is_not_an_answer(self, fault: Fault) -> None:
        seen: list[str] = []
        async with self.playing(Play(fault, text=LONG)) as (provider, _):
            with pytest.raises(Truncated):
                async for chunk in provider.chat(ask(stream=True)):
                    seen.append(chunk.text)  # noqa: PERF401 - what came before the break must be kept
        assert "".join(seen)
        assert LONG.startswith("".join(seen))

    async def test_an_error_in_the_middle_of_a_stream(self) -> None:
        async with self.playing(Play("error_in_stream", text=LONG)) as (provider, _):
            with pytest.raises(Overloaded):
                await collect(provider, ask(stream=True))

    @streamed
    async def test_a_vendor_that_does_not_answer(self, stream: bool) -> None:
        async with self.playing(Play("hang"), timeout=0.1) as (provider, tap):
            with pytest.raises(NetworkFailed) as caught:
                await collect(provider, ask(stream=stream))
            assert caught.value.sent
            await tap.all_closed()

    async def test_a_stream_that_stalls(self) -> None:
        async with self.playing(Play("stall", text=LONG), timeout=0.1, keepalive=SHORT) as (provider, tap):
            with pytest.raises(NetworkFailed):
                await collect(provider, ask(stream=True))
            await tap.all_closed()

    @streamed
    async def test_keeps_the_deadline(self, stream: bool) -> None:
        async with self.playing(Play("hang")) as (provider, _):
            request = ask(stream=stream, deadline=anyio.current_time() + 0.1)
            with anyio.fail_after(PATIENCE), pytest.raises((NetworkFailed, TimedOut)):
                await collect(provider, request)

    @streamed
    async def test_does_not_begin_after_the_deadline(self, stream: bool) -> None:
        async with self.playing(Play()) as (provider, tap):
            with pytest.raises(MindBotError):
                await collect(provider, ask(stream=stream, deadline=anyio.current_time() - 1))
            assert tap.connections == 0

    @streamed
    async def test_hangs_up_when_cancelled(self, stream: bool) -> None:
        async with self.playing(Play("hang")) as (provider, tap):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(collect, provider, ask(stream=stream))
                await tap.one_opened()
                tasks.cancel_scope.cancel()
            await tap.all_closed()

    async def test_hangs_up_when_its_reader_leaves(self) -> None:
        async with self.playing(Play("stall", text=LONG), keepalive=SHORT) as (provider, tap):
            async with aclosing(provider.chat(ask(stream=True))) as chunks:
                async for _ in chunks:
                    break
            await tap.all_closed()

    async def test_an_unreachable_vendor_was_asked_nothing(self) -> None:
        async with self.vendor(Play()) as url, Tap(url).running() as tap:
            gone = tap.base_url
        async with HttpClient() as http:
            with pytest.raises(NetworkFailed) as caught:
                await collect(self.provider(gone, http, LENIENT), ask())
        assert not caught.value.sent
