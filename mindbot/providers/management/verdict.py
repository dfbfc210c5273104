"""What a failure says, and of whom: of the prompt, a key, a model, a whole server, or of us. Pure."""

from __future__ import annotations

from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    ContentFiltered,
    MindBotError,
    NetworkFailed,
    NotFound,
    QuotaExceeded,
    Rejected,
    SecretError,
    VendorError,
)
from mindbot.providers.management.deployments import Deployment
from mindbot.providers.management.shorter import OF_THE_HISTORY
from mindbot.providers.shared.limits import OWN_LIMITS

#: Failures of one provider that another may not have.
GO_ON = (VendorError, SecretError, ConfigError, NotFound)
#: Failures that say nothing about the provider.
OF_THE_PROMPT = (ContentFiltered, *OF_THE_HISTORY)
#: Failures that only a person can mend.
FOR_A_PERSON = (AuthFailed, QuotaExceeded, SecretError)
#: What a server says that is none of ours, or has no such model: the prompt is not why.
_NO_SERVER = frozenset({"garbage", "web_page", "too_large", "404", "model_not_found", "1211", "1221", "1222"})


def kind_of(failure: MindBotError) -> str:
    """Return the kind of a failure as traces call it; an answer that stopped growing is ``stalled``."""
    if isinstance(failure, NetworkFailed) and failure.answered and failure.code == "timeout":
        return "stalled"
    return failure.kind


def of_our_limits(failure: MindBotError) -> bool:
    """Tell whether nobody was asked: our own limits said no."""
    return isinstance(failure, VendorError) and failure.code in OWN_LIMITS


def of_the_provider(failure: MindBotError) -> bool:
    """Tell whether a failure counts against whom was asked, be it the server, the model or the key."""
    if isinstance(failure, OF_THE_PROMPT) or of_our_limits(failure):
        return False
    if isinstance(failure, Rejected):
        return failure.code in _NO_SERVER
    return isinstance(failure, VendorError)


def fails_as_well(failure: MindBotError, failed: Deployment, other: Deployment) -> bool:
    """Tell whether another deployment fails for the same reason: a server's holds for all its models."""
    of_the_model = isinstance(failure, (Rejected, *OF_THE_PROMPT))
    return other.provider == failed.provider and (not of_the_model or other.model == failed.model)
