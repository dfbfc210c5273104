"""What can be asked of the Gemini simulator: what every model simulator can."""

from __future__ import annotations

from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs

VERBS = Verbs[GeminiSimulator](MODELS)
