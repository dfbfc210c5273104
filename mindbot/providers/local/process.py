"""One worker as its daemon sees it: started when it is needed, one question at a time, dead when it hangs."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import anyio
import anyio.abc
import orjson
from anyio.streams.buffered import BufferedByteReceiveStream

from mindbot.domain.errors import ConfigError, NetworkFailed, Overloaded
from mindbot.domain.message import Json
from mindbot.providers.refusing.quoting import quoted

_LINE = 4 << 20  # bytes of one
_PARTING = 5.0  # seconds for a worker to stop an answer that nobody reads, or to end
#: What a worker may know of its daemon's environment: no secrets.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "HF_HOME", "TMPDIR")


class WorkerProcess:
    """See the module. ``name`` is the provider's, for people."""

    def __init__(self, name: str, load: Json, *, load_timeout: float, idle: float) -> None:
        self.lock = anyio.Lock()
        self._name = name
        self._load = load
        self._load_timeout = load_timeout
        self._idle = idle
        self._process: anyio.abc.Process | None = None
        self._lines: BufferedByteReceiveStream | None = None
        self._number = 0

    async def ask(self, body: Json, timeout: float) -> AsyncGenerator[Json, None]:
        """Yield the documents of one answer; each may be ``timeout`` seconds in coming.

        Raises:
            ConfigError: the model cannot be loaded.
            NetworkFailed: the worker is too slow, or has died.
            Overloaded: it failed at this answer.
        """
        await self._ready()
        self._number += 1
        number, done = self._number, False
        try:
            await self._send({"ask": number, "body": body})
            while True:
                line = await self._line(timeout)
                if line.get("of") != number:
                    continue  # the end of an answer that was left
                if "error" in line:
                    done = True
                    raise Overloaded(f"{self._name}: {quoted(str(line['error']))}", code="local")
                if "end" in line:
                    done = True
                    return
                yield line["doc"]
        finally:
            if not done:
                with anyio.CancelScope(shield=True):
                    await self._leave(number)

    async def aclose(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is None:
            return
        with anyio.CancelScope(shield=True):
            if process.stdin is not None:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await process.stdin.aclose()
            with anyio.move_on_after(_PARTING):
                await process.wait()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.aclose()

    async def _ready(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        await self.aclose()
        environ = {key: os.environ[key] for key in _KEPT if key in os.environ}
        command = [sys.executable, "-P", "-m", "mindbot.providers.local.worker", str(self._idle)]
        self._process = process = await anyio.open_process(command, env=environ, stderr=None)
        if process.stdout is None:
            raise Overloaded(f"{self._name}: the worker has no output")
        self._lines = BufferedByteReceiveStream(process.stdout)
        try:
            await self._send({"load": self._load})
            first = await self._line(self._load_timeout)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        if "error" in first:
            await self.aclose()
            what = f"providers.{self._name}: the model cannot be loaded: {quoted(str(first['error']))}"
            raise ConfigError(what, hint=str(first.get("hint") or ""))

    async def _leave(self, number: int) -> None:
        """Stop an answer that nobody reads any more; a worker that does not listen ends."""
        with anyio.move_on_after(_PARTING):
            try:
                await self._send({"leave": number})
                while True:
                    line = await self._line(_PARTING)
                    if line.get("of") == number and ("end" in line or "error" in line):
                        return
            except NetworkFailed:
                pass  # it is dead, or hangs: see below
        await self.aclose()

    async def _send(self, what: Json) -> None:
        if self._process is None or self._process.stdin is None:
            raise NetworkFailed(f"{self._name}: the worker has ended", code="local")
        try:
            await self._process.stdin.send(orjson.dumps(what) + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise await self._dead() from None

    async def _line(self, timeout: float) -> Json:
        if self._lines is None:
            raise NetworkFailed(f"{self._name}: the worker has ended", code="local")
        try:
            with anyio.fail_after(timeout):
                line = await self._lines.receive_until(b"\n", _LINE)
        except TimeoutError:
            raise NetworkFailed(f"{self._name}: no word within {timeout:.3g}s", code="timeout") from None
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.ClosedResourceError):
            raise await self._dead() from None
        found: Any = orjson.loads(line)
        return found if isinstance(found, dict) else {}

    async def _dead(self) -> NetworkFailed:
        code = None
        if self._process is not None:
            with anyio.move_on_after(_PARTING):
                code = await self._process.wait()
        why = "killed: is there memory enough?" if code == -9 else f"exit code {code}"
        return NetworkFailed(f"{self._name}: the model's process has ended ({why})", code="local")
