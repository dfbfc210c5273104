"""What models can do, as far as their names tell it: data. A model's own entry in the configuration wins.

Sources: the model pages of OpenAI, Anthropic, Google, Zhipu, DeepSeek and Moonshot, November 2026.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mindbot.domain.chat import Capabilities

_TEXT = Capabilities()
_SEES = Capabilities(images=True)
#: Searched in the name, in lower case; the first that is found counts. Contexts are tokens.
_KNOWN: tuple[tuple[str, Capabilities], ...] = (
    (
        r"embed|rerank|whisper|tts|speech|transcri|sensevoice|cosyvoice|paraformer",
        Capabilities(tools=False, streaming=False),
    ),
    (r"claude", Capabilities(images=True, files=True, max_context=200_000)),
    (r"gemini-(1\.0-)?pro$|gemini-pro(?!-vision)", Capabilities(system_role=False, max_context=32_760)),
    (r"gemini", Capabilities(images=True, files=True, audio=True, max_context=1_048_576)),
    (r"gpt-4o.*audio|gpt-audio", Capabilities(audio=True, max_context=128_000)),
    (r"gpt-(4o|4\.1|[5-9])|^o[1345](-|$)", Capabilities(images=True, files=True, max_context=128_000)),
    (r"gpt-4-turbo|gpt-4-vision", Capabilities(images=True, max_context=128_000)),
    (r"gpt-4", Capabilities(max_context=8_192)),
    (r"gpt-3\.5", Capabilities(max_context=16_385)),
    (r"chatglm[23]?-", Capabilities(tools=False, max_context=8_192)),
    (r"glm-[\d.]+v|glm-4v", Capabilities(images=True, max_context=64_000)),
    (r"glm-5\.[2-9]", Capabilities(max_context=1_000_000)),
    (r"glm-", Capabilities(max_context=128_000)),
    (r"deepseek", Capabilities(max_context=128_000)),
    (r"moonshot-v1-8k(?!.*vision)", Capabilities(max_context=8_192)),
    (r"kimi|moonshot.*vision", Capabilities(images=True, max_context=128_000)),
    (r"[-_.]vl\b|[-_]vl[-_:]|vision|llava|pixtral|minicpm-v", _SEES),
    (r"gemma-?3", Capabilities(images=True, system_role=False)),
    (r"gemma", Capabilities(tools=False, system_role=False)),
)


@lru_cache(maxsize=512)
def known(name: str) -> Capabilities:
    """Return what a model of this name can do; one that nobody knows takes text and tools."""
    low = name.lower()
    return next((can for pattern, can in _KNOWN if re.search(pattern, low)), _TEXT)
