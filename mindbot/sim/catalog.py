"""Every simulator by name. Adding one is one line here."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from mindbot.domain.errors import NotFound
from mindbot.sim.server import Simulator

#: name → "module:Class", imported when first used.
SIMULATORS: dict[str, str] = {
    "anthropic": "mindbot.sim.anthropic.server:AnthropicSimulator",
    "chatglm": "mindbot.sim.chatglm.server:ChatGLMSimulator",
    "coze": "mindbot.sim.coze.server:CozeSimulator",
    "dify": "mindbot.sim.dify.server:DifySimulator",
    "dingtalk": "mindbot.sim.dingtalk.server:DingTalkSimulator",
    "gemini": "mindbot.sim.gemini.server:GeminiSimulator",
    "ollama": "mindbot.sim.ollama.server:OllamaSimulator",
    "openai": "mindbot.sim.openai.server:OpenAISimulator",
    "wecom": "mindbot.sim.wecom.server:WeComSimulator",
    "wecombot": "mindbot.sim.wecombot.server:WeComBotSimulator",
    "wecomcs": "mindbot.sim.wecomcs.server:WeComCsSimulator",
}

#: A simulator by the type of providers that asks it, or by its models, where that is another word.
_CALLED = {"google": "gemini", "claude": "anthropic", "vllm": "openai"}

#: Those of them that are model vendors: they share `mindbot.sim.models`.
MODEL_VENDORS = frozenset({"anthropic", "chatglm", "coze", "dify", "gemini", "ollama", "openai"})


def create(name: str, **settings: Any) -> Simulator:
    """Return a simulator, not yet started. ``settings`` are the fields of its ``Settings``.

    Raises:
        NotFound: no simulator has that name.
        ConfigError: a fault cannot be read.
    """
    if name not in SIMULATORS:
        meant = get_close_matches(_CALLED.get(name.lower(), name.lower()), SIMULATORS, n=1)
        there = f"one of {', '.join(SIMULATORS)}"
        hint = f"did you mean {meant[0]}? {there}" if meant else there
        raise NotFound(f"no simulator is called {name!r}", hint=hint)
    module, _, attribute = SIMULATORS[name].partition(":")
    kind: type[Simulator] = getattr(import_module(module), attribute)
    simulator = kind(kind.Settings(**settings))
    verbs = import_module(f"{module.rpartition('.')[0]}.verbs").VERBS  # stand beside it
    simulator.offer_verbs(verbs.of(simulator))
    return simulator
