"""Configurations of bots against the simulators that `mindbot.testing.processes.simulators` runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.testing.processes import wecom_config

_WECOM = ("corpid", "secret", "token", "EncodingAESKey", "api_base_url")
_DINGTALK = ("client_id", "client_secret", "api_base_url", "oapi_base_url")


def openai(sims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the providers section of a simulated OpenAI-compatible model."""
    far = sims["openai"]
    return {"openai": {"api_key": far["api_key"], "base_url": far["base_url"], "models": [far["model"]]}}


def models(sims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of four vendors' simulated models, which answer in turn and for each other."""
    kinds = {"openai": "openai", "anthropic": "anthropic", "google": "gemini", "ollama": "ollama"}
    entries: dict[str, Any] = {}
    for name, sim in kinds.items():
        far = sims[sim]
        key = {"api_key": far["api_key"]} if "api_key" in far else {}
        entries[name] = {"base_url": far["base_url"], "models": [far["model"]], **key}
    selection = {"strategy": "round_robin", "fallback_order": list(kinds)}
    return {"providers": entries, "provider_selection": selection}


#: Workflows of the names that operators' samples have, and what is said to each.
PATTERNS: Mapping[str, str] = {
    "general_chat": "hello|good morning|thanks",
    "code_analysis": "python|debug|function",
    "document_processing": "pdf|document|summarize",
    "data_analysis": "statistics|chart|csv",
    "creative_writing": "story|poem|slogan",
    "research": "research|sources|studies",
}


def workflows(sims: Mapping[str, Any], **changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of six apps of a simulated Dify; ``changed`` are settings by workflow."""
    endpoint = f"{sims['dify']['base_url']}/chat-messages"
    entries = {
        name: {
            "dify_endpoint": endpoint,
            "dify_api_key": f"app-{name}",
            "task_patterns": [pattern],
            "priority": number,
            **changed.get(name, {}),
        }
        for number, (name, pattern) in enumerate(PATTERNS.items(), 1)
    }
    return {"workflows": entries}


def dingtalk(sims: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """Return the configuration of a DingTalk bot; ``changed`` are settings of it."""
    far = sims["dingtalk"]
    bot = {k: far[k] for k in _DINGTALK} | {"calls_per_second": 1000} | changed
    return {"dingtalk": bot, "providers": openai(sims)}


def wecomcs(sims: Mapping[str, Any], port: int, **changed: Any) -> dict[str, Any]:
    """Return the configuration of a customer service bot that is called back on ``port``."""
    far = sims["wecomcs"]
    bot = {"host": "127.0.0.1", "port": port, "pull_interval": 2, **{k: far[k] for k in _WECOM}, **changed}
    return {"wecomcs": bot, "providers": openai(sims)}


def wecombot(sims: Mapping[str, Any], port: int = 0, **changed: Any) -> dict[str, Any]:
    """Return the configuration of an AI bot: called back on ``port``, or (0) with a long connection."""
    far = sims["wecombot"]
    keys = ("token", "EncodingAESKey") if port else ("bot_id", "secret", "ws_url")
    bot = {"mode": "connection", **{k: far[k] for k in (*keys, "api_base_url")}}
    if port:
        bot |= {"mode": "webhook", "host": "127.0.0.1", "port": port}
    return {"wecombot": {**bot, **changed}, "providers": openai(sims)}


def three(sims: Mapping[str, Any], port: int) -> dict[str, Any]:
    """Return a bot on each of the three platforms; two of them share a port."""
    service = wecomcs(sims, port, welcome_message="Welcome!", handoff_keywords=["human"])
    return wecom_config(sims, port) | dingtalk(sims, enable_stream_reply=True) | service


def callback(name: str, port: int) -> str:
    """Return where a platform calls its default bot; empty for those that bots connect to."""
    return "" if name == "dingtalk" else f"http://127.0.0.1:{port}/{name}/default/callback"
