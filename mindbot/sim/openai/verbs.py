"""What can be asked of the OpenAI simulator: what it was asked, and what it says next."""

from __future__ import annotations

from mindbot.sim.models.verbs import MODELS
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.verbs import Verbs

VERBS = Verbs[OpenAISimulator](MODELS)
