"""Simulators inside a test: `async with simulated("openai", fault="429:retry-after=7") as openai: …`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, overload

from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.catalog import create
from mindbot.sim.chatglm.server import ChatGLMSimulator
from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.ollama.server import OllamaSimulator
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.server import Simulator
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.sim.wecombot.server import WeComBotSimulator
from mindbot.sim.wecomcs.server import WeComCsSimulator


@overload
def simulated(
    name: Literal["anthropic"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[AnthropicSimulator]: ...
@overload
def simulated(
    name: Literal["dingtalk"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[DingTalkSimulator]: ...
@overload
def simulated(
    name: Literal["gemini"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[GeminiSimulator]: ...
@overload
def simulated(
    name: Literal["openai"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[OpenAISimulator]: ...
@overload
def simulated(
    name: Literal["wecom"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[WeComSimulator]: ...
@overload
def simulated(
    name: Literal["wecombot"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[WeComBotSimulator]: ...
@overload
def simulated(
    name: Literal["wecomcs"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[WeComCsSimulator]: ...
@overload
def simulated(
    name: Literal["chatglm"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[ChatGLMSimulator]: ...
@overload
def simulated(
    name: Literal["coze"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[CozeSimulator]: ...
@overload
def simulated(
    name: Literal["dify"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[DifySimulator]: ...
@overload
def simulated(
    name: Literal["ollama"], *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[OllamaSimulator]: ...
@overload
def simulated(
    name: str, *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[Simulator]: ...
def simulated(
    name: str, *, fault: str | Sequence[str] = (), **settings: Any
) -> AbstractAsyncContextManager[Any]:
    """Run a simulator on a free loopback port while the block runs.

    ``fault`` is one spec or several; ``settings`` are the fields of the simulator's settings (``strict``,
    ``seed``, ``latency`` in seconds, …). The simulator has ``base_url`` and ``counters``.

    Raises:
        NotFound: no simulator has that name.
        ConfigError: a fault cannot be read.
    """
    faults = (fault,) if isinstance(fault, str) else tuple(fault)
    return _running(create(name, faults=faults, **settings))


@asynccontextmanager
async def _running(simulator: Simulator) -> AsyncIterator[Simulator]:
    async with simulator:
        yield simulator
