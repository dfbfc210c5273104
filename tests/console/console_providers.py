"""Model providers for console tests and pictures: well, half well, cooling, off."""

from __future__ import annotations

from console_fakes import NOON

from mindbot.domain.message import Json

PROVIDERS: list[Json] = [
    {
        "name": "openai",
        "type": "openai",
        "state": "ok",
        "enabled": True,
        "models": ["gpt-4o-mini", "gpt-4o"],
        "keys": [{"label": "key", "state": "ok"}],
        "in_flight": 3,
        "calls_a_minute": 41,
        "rate_limit": 60,
        "tokens_a_minute": 18_400,
        "token_limit": 90_000,
        "success": 0.983,
        "latency": 0.41,
        "latencies": [0.31, 0.42, 0.38, 0.9, 0.33, 0.35, 0.41, 0.6, 0.37, 0.4],
        "calls_today": 1204,
        "input_tokens_today": 482_113,
        "output_tokens_today": 60_220,
        "money_today": 0.1085,
        "currency": "USD",
        "budget": 0.54,
        "errors": [
            {"ts": NOON - 340, "kind": "overloaded", "why": "503: try again later", "model": "gpt-4o-mini"}
        ],
    },
    {
        "name": "智谱",
        "type": "chatglm",
        "state": "degraded",
        "enabled": True,
        "models": ["glm-4-plus"],
        "keys": [
            {
                "label": "主账号",
                "state": "cooling",
                "until": NOON + 154,
                "reason": "rate",
                "why": "1302: 并发过高",
            },
            {"label": "备用", "state": "ok"},
        ],
        "circuits": [{"key": "备用", "model": "glm-4-plus", "state": "half_open", "reason": "failures"}],
        "in_flight": 1,
        "concurrency": 8,
        "calls_a_minute": 12,
        "success": 0.71,
        "latency": 1.32,
        "latencies": [0.9, 1.1, 2.4, 1.3, 1.2],
        "calls_today": 310,
        "input_tokens_today": 90_410,
        "output_tokens_today": 22_870,
        "money_today": 0.7931,
        "currency": "USD",
        "budget": 0.86,
        "errors": [
            {
                "ts": NOON - 12,
                "kind": "rate_limited",
                "why": "1302: 您的账户并发数过高，请降低并发后重试。",
                "key": "主账号",
                "model": "glm-4-plus",
            },
            {"ts": NOON - 3700, "kind": "network_failed", "why": "the connection was reset", "key": "备用"},
        ],
    },
    {
        "name": "anthropic",
        "type": "anthropic",
        "state": "cooling",
        "enabled": True,
        "models": ["claude-sonnet-4-5"],
        "keys": [
            {
                "label": "team",
                "state": "disabled",
                "reason": "auth",
                "why": "authentication_error: invalid x-api-key",
            }
        ],
        "success": 0.0,
        "errors": [
            {
                "ts": NOON - 95,
                "kind": "auth_failed",
                "why": "authentication_error: invalid x-api-key; make another key in the vendor's console "
                "and set providers.anthropic.api_key",
                "key": "team",
                "model": "claude-sonnet-4-5",
            }
        ],
    },
    {
        "name": "local",
        "type": "ollama",
        "state": "off",
        "enabled": False,
        "models": ["qwen3:8b"],
        "keys": [{"label": "", "state": "ok"}],
        "concurrency": 2,
    },
]
