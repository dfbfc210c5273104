"""Everything that can go wrong, drawn as a tree.

MindBotError                    what, where and how to mend it (``hint``)
├── ConfigError                 a configuration file, environment or flag
├── SecretError                 a secret that is missing or unreadable
├── StoreError                  the store said no
│   ├── StoreFull               no space left on the device
│   ├── StoreBusy               locked by somebody else
│   ├── StoreReadOnly           the disk, or the file, may not be written just now
│   ├── StoreGone               its file was deleted, moved or replaced while it was open
│   ├── StoreCorrupt            the database file is damaged
│   └── StoreUnreadable         one row of it cannot be read; the others can
├── Invalid                     a request that makes no sense
│   ├── WrongValue              a value that may not stand where it was to be put
│   └── BadFilter               a filter expression that does not parse
├── NotFound                    nothing has that name or id
├── Conflict                    it changed since you looked, or runs already
│   ├── Outdated                another has changed it since you read it (``revision``)
│   └── NotReplayed             a step that a replay has no record of, or may not take
├── Forbidden                   refused by policy or role
├── Unreachable                 the daemon does not answer
├── TimedOut                    a deadline passed
├── EmptyAnswer                 a runner ended without a word
├── UnfitAnswer                 an answer that the checks of its workflow do not let pass
├── BudgetSpent                 nothing is left of a budget for models
└── VendorError                 a platform, model or workflow behind a socket
    ├── AuthFailed              credentials are wrong; a person must mend it
    ├── QuotaExceeded           paid up or cut off; waiting does not help
    ├── RateLimited             asked us to slow down (``retry_after`` seconds)
    ├── Overloaded              its servers fail; try again or elsewhere
    ├── NetworkFailed           no answer; ``sent`` says whether the request may have left
    ├── Truncated               a stream ended before its end marker
    ├── ContextOverflow         the prompt is too long
    ├── HistoryRefused          the lines of the prompt do not follow each other as the model wants
    ├── ContentFiltered         refused by the vendor's content policy
    ├── WorkflowPaused          a workflow goes on once a person has filled in a form (``forms``)
    └── Rejected                any other refusal that will not change by itself
        └── NotAFile            a download was answered with a message (``body``)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

#: Seconds that a vendor is left alone because it said so, at most.
LONGEST_WAIT = 600.0


class MindBotError(Exception):
    """The root. ``kind`` is the stable name used on the API and in metrics."""

    kind: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(MindBotError):
    """A configuration that cannot be used; ``problems`` lists every finding, one line each."""

    kind = "config"

    def __init__(self, message: str, *, hint: str = "", problems: list[str] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems or []


class SecretError(MindBotError):
    """A secret that is missing, or a backend that cannot be opened."""

    kind = "secret"


class StoreError(MindBotError):
    """The store refused or failed; nothing of the batch was written.

    ``passes``: nothing is wrong with what was to be written, and whoever waits can write it later.
    """

    kind = "store"
    retryable = True
    passes: ClassVar[bool] = False


class StoreFull(StoreError):
    """No space left where the database lives."""

    kind = "store_full"
    passes = True


class StoreBusy(StoreError):
    """Another process holds the database lock."""

    kind = "store_busy"
    passes = True


class StoreReadOnly(StoreError):
    """The disk, or the database file, may not be written just now."""

    kind = "store_read_only"
    passes = True


class StoreGone(StoreError):
    """The database's file was deleted, moved or replaced while it was open: what is written is lost.

    ``written``: it is in the file that is gone, and on disk again once that is back.
    """

    kind = "store_gone"
    passes = True

    def __init__(self, message: str, *, hint: str = "", written: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.written = written


class StoreCorrupt(StoreError):
    """The database file is damaged."""

    kind = "store_corrupt"
    retryable = False


class StoreUnreadable(StoreError):
    """One row cannot be read: damaged, or of a newer program; ``reason`` says why. The others can."""

    kind = "store_unreadable"
    retryable = False

    def __init__(self, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason or message


class Invalid(MindBotError):
    """What was asked makes no sense; asking again will not help."""

    kind = "invalid"


class WrongValue(Invalid):
    """A value that may not stand where it was to be put; the hint says what may."""

    kind = "wrong_value"


class BadFilter(Invalid):
    """A filter that does not parse.

    ``column`` counts characters from 1 and ``length`` how many are meant; ``fields`` lists what the filter
    may name, where that is the question.
    """

    kind = "filter"

    def __init__(
        self, message: str, *, hint: str = "", column: int = 0, length: int = 1, fields: Iterable[str] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.column = column
        self.length = max(length, 1)
        self.fields = tuple(fields)


class NotFound(MindBotError):
    """Nothing has that name or id."""

    kind = "not_found"


class Conflict(MindBotError):
    """The thing changed since it was read, or is already running."""

    kind = "conflict"


class Outdated(Conflict):
    """Another has changed the thing since it was read; ``revision`` is the one it has now."""

    kind = "outdated"

    def __init__(self, message: str, *, hint: str = "", revision: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.revision = revision


class NotReplayed(Conflict):
    """A step that a replay has no record of, or that is not its to take."""

    kind = "not_replayed"


class Forbidden(MindBotError):
    """Refused by policy or by the caller's role."""

    kind = "forbidden"


class Unreachable(MindBotError):
    """The daemon does not answer on its socket."""

    kind = "unreachable"


class TimedOut(MindBotError):
    """A deadline of our own passed."""

    kind = "timed_out"
    retryable = True


class EmptyAnswer(MindBotError):
    """A runner ended without a word that can be said; the message tells why, as far as it is known."""

    kind = "empty_answer"


class UnfitAnswer(MindBotError):
    """A workflow's answer that its `response` checks do not let pass; ``text`` is the answer."""

    kind = "unfit_answer"

    def __init__(self, message: str, *, text: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class BudgetSpent(MindBotError):
    """Nothing is left of a budget for models; the message says whose, and the user is told."""

    kind = "budget_spent"


class VendorError(MindBotError):
    """Something behind a socket failed. ``code`` is the vendor's own code, as text.

    ``answered`` is set when it failed after it had begun to answer: that may have to be paid for. ``node`` is
    the part of a workflow that failed, by its title, where that is known.
    """

    kind = "vendor"
    answered = False
    node = ""

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class AuthFailed(VendorError):
    """The vendor does not accept our credentials."""

    kind = "auth_failed"


class QuotaExceeded(VendorError):
    """The account is out of money or quota; waiting does not help."""

    kind = "quota_exceeded"


class RateLimited(VendorError):
    """The vendor asked us to slow down, or would drop what is more.

    ``scope`` says who has to wait: the whole ``bot``, or one ``session`` while the others go on. Nobody waits
    for more than `LONGEST_WAIT`, whatever a header says: then the vendor is asked again.
    """

    kind = "rate_limited"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        retry_after: float = 1.0,
        scope: Literal["bot", "session"] = "bot",
    ) -> None:
        self.retry_after = min(retry_after, LONGEST_WAIT)
        super().__init__(message, hint=hint or f"waiting {self.retry_after:g}s", code=code)
        self.scope = scope


class Overloaded(VendorError):
    """The vendor's servers fail (5xx, busy)."""

    kind = "overloaded"
    retryable = True


class NetworkFailed(VendorError):
    """No usable answer. ``sent`` is true when the request may have reached the vendor."""

    kind = "network"
    retryable = True

    def __init__(self, message: str, *, hint: str = "", code: str = "", sent: bool = True) -> None:
        super().__init__(message, hint=hint, code=code)
        self.sent = sent


class Truncated(VendorError):
    """A stream ended without its end marker."""

    kind = "truncated"
    retryable = True


class ContextOverflow(VendorError):
    """The prompt is longer than the model accepts."""

    kind = "context_overflow"


class HistoryRefused(VendorError):
    """The model wants the lines of a prompt in another order: roles in turns, the user first, none empty."""

    kind = "history_refused"


class ContentFiltered(VendorError):
    """The vendor's content policy refused the prompt or the answer."""

    kind = "content_filtered"


class WorkflowPaused(VendorError):
    """A workflow waits for people: nothing is wrong with it, and nobody may start it again.

    Each of ``forms`` is plain JSON: ``form_token``, ``node``, ``content`` (what is asked), ``inputs`` (each
    with its name), ``actions`` (each with ``id`` and ``title``), ``expires`` (Unix seconds; 0: never) and
    ``ids``, the run's, which are those of ``ids``. ``said`` is what the run had answered before.
    """

    kind = "workflow_paused"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        forms: Iterable[dict[str, Any]] = (),
        ids: Mapping[str, str] | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.forms = tuple(forms)
        self.ids = dict(ids or {})
        self.said = said


class Rejected(VendorError):
    """The vendor refused the request and will refuse it again."""

    kind = "rejected"


class NotAFile(Rejected):
    """A download was answered with a message, mostly the vendor's refusal; ``body`` is it."""

    def __init__(self, message: str, *, hint: str = "", body: bytes = b"") -> None:
        super().__init__(message, hint=hint)
        self.body = body


#: Failures of vendors by the names that a configuration and the API call them.
VENDOR_ERRORS: dict[str, type[VendorError]] = {
    error.kind: error
    for error in (
        AuthFailed,
        QuotaExceeded,
        RateLimited,
        Overloaded,
        NetworkFailed,
        Truncated,
        ContextOverflow,
        HistoryRefused,
        ContentFiltered,
        Rejected,
    )
}
