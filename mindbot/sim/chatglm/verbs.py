"""What can be asked of the simulator of Zhipu's models: the same as of all models."""

from __future__ import annotations

from mindbot.sim.chatglm.server import ChatGLMSimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs

VERBS = Verbs[ChatGLMSimulator](MODELS)
