"""What operators do with bots and the people they talk to: test, push, hand over, upload."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Sequence
from typing import TYPE_CHECKING

import anyio

from mindbot.domain import ids
from mindbot.domain.abilities import Check, Groups, Place, Places, TakesBack, Tests, Transfers
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Conflict, Invalid, MindBotError, NetworkFailed, NotFound, StoreError
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports import Webhook
from mindbot.telemetry.redaction import told_in

if TYPE_CHECKING:
    from mindbot.domain.ports import Platform, Receipt
    from mindbot.media.spool import SpooledMedia
    from mindbot.runtime.bots import Bots
    from mindbot.store.queries import Queries
    from mindbot.store.store import Store

_TEST_SECONDS = 60.0
_TAKE_BACK_SECONDS = 15.0  # for one delivery
_NOT_SENT = {"dead": "it was not sent", "discarded": "it was not sent"}
_KINDS = {"image": "image", "audio": "voice", "video": "video"}  # MIME type's head → part kind


class Talking:
    """A part of `Facade`."""

    bots: Bots
    media: SpooledMedia
    draining: bool
    store: Store

    async def queries(self) -> Queries:
        """Return the operators' reads."""
        raise NotImplementedError

    async def receive(self, message: Message) -> Receipt:
        """Put a message on disk and queue its turn."""
        raise NotImplementedError

    async def told(self, subject: str, fact: Json) -> None:
        """Keep what is known later of a turn or delivery."""
        raise NotImplementedError

    def adapter(self, platform: str, bot: str = "") -> Platform:
        """Return a bot's adapter, by default the platform's first; raises NotFound."""
        for (p, b), found in self.bots.platforms.items():
            if p == platform and bot in ("", b):
                return found
        raise self.bots.unknown(platform, bot)

    async def test_platform(self, platform: str, bot: str) -> list[Json]:
        """Let a bot prove that it works, step by step; raises NotFound."""
        adapter = self.adapter(platform, bot)
        if not isinstance(adapter, Tests):
            return [Check("test", "skipped", "this platform has nothing to test").to_json()]
        with anyio.move_on_after(_TEST_SECONDS):
            checks = await adapter.test()
            if isinstance(adapter, Webhook):
                path = f"/{adapter.name}/{adapter.bot}/callback"
                checks += self.bots.strays.check((adapter.host, adapter.port), path)
            return [told_in(check.to_json()) for check in checks]
        mend = "is the vendor reachable from this machine?"
        return [Check("test", "failed", f"no result after {_TEST_SECONDS:g}s", mend).to_json()]

    async def push(
        self,
        *,
        platform: str,
        bot: str,
        text: str = "",
        user: str = "",
        group: str = "",
        files: Sequence[str] = (),
    ) -> str:
        """Let a bot say something of its own accord; returns the turn that says it.

        Raises:
            NotFound: no such bot or file.
            Invalid: nothing to say, nobody to say it to, or a platform without groups.
        """
        adapter = self.adapter(platform, bot)
        parts = await self._parts(text, files)
        if not parts:
            raise Invalid("nothing to say", hint="a text, a file, or both")
        if bool(user) == bool(group):
            raise Invalid("a push goes to a user or to a group", hint="name one of them")
        if group and not isinstance(adapter, Groups):
            raise Invalid(f"{platform} cannot write to groups", hint="name a user")
        to = adapter.address_group(group) if isinstance(adapter, Groups) and group else adapter.address(user)
        return await self._take(adapter, "push", parts, user or group, to)

    async def inject(
        self,
        *,
        text: str,
        platform: str = "console",
        bot: str = "",
        user: str = "",
        session: str = "",
        files: Sequence[str] = (),
    ) -> str:
        """Put a message in as that user, durable before it returns; returns the turn's id."""
        adapter = self.adapter(platform, bot)
        user = user or "operator"
        parts = await self._parts(text, files)
        kind = "text" if text.strip() or not parts else parts[0].kind
        return await self._take(adapter, kind, parts or [text_part("")], user, adapter.address(user), session)

    async def _take(
        self, adapter: Platform, kind: str, parts: Sequence[Part], user: str, to: Json, session: str = ""
    ) -> str:
        if self.draining:
            raise StoreError("the daemon is stopping", hint="ask again once it is back")
        now = time.time()
        place = Place(f"{adapter.name}:{adapter.bot}:{user}", user, user)
        if isinstance(adapter, Places):
            place = adapter.place(to)
        message = Message(
            platform=adapter.name,
            bot=adapter.bot,
            key=f"{'push' if kind == 'push' else 'test'}-{ids.show(ids.new_id())}",
            session=session or place.session,
            sender=place.user,
            kind=kind,
            parts=tuple(parts),
            reply_to=to,
            chat=place.chat,
            ts=now,
            received=now,
        )
        return ids.show((await self.receive(message)).turn)

    async def _parts(self, text: str, files: Sequence[str]) -> list[Part]:
        parts = [text_part(text)] if text.strip() else []
        for id in files:
            file = await self.media.find(id)
            if file is None:
                raise NotFound(f"no file {id}", hint="upload it first: POST /v1/media")
            kind = _KINDS.get(file.type.partition("/")[0], "file")
            name = file.name or file.id
            parts.append(
                Part(
                    kind,
                    f"[{kind}: {name}]",
                    {"media": id, "name": name, "type": file.type, "size": file.size},
                )
            )
        return parts

    async def upload(self, chunks: AsyncIterable[bytes], name: str) -> Json:
        """Put a file into the media store; raises Invalid, StoreError."""
        return (await self.media.save(chunks, name=name)).to_json()

    async def transfer(self, session: str, to: str) -> Json:
        """Hand a session to people, or back; raises NotFound, Invalid, Conflict, VendorError."""
        message = await (await self.queries()).last_message(session)
        adapter = self.adapter(message.platform, message.bot)
        if not isinstance(adapter, Transfers):
            raise Invalid(f"{message.platform} has nobody to hand a session to")
        return {"session": session, **await adapter.transfer(message.reply_to, to)}

    async def clear_session(self, session: str) -> Json:
        """Let the bot forget what was said in a session so far; raises NotFound, StoreError."""
        message = await (await self.queries()).last_message(session)
        await self.store.clear(session, message.platform, message.bot)
        return {"session": session}

    async def take_back(self, turn: str) -> list[Json]:
        """Take back what a turn sent, the newest delivery first; returns what became of each.

        Raises:
            NotFound: no such turn, or its bot is gone.
            Invalid: the platform cannot do that.
            Conflict: nothing was sent.
        """
        message = await (await self.queries()).message_of(turn)
        adapter = self.adapter(message.platform, message.bot)
        if not isinstance(adapter, TakesBack):
            raise Invalid(f"{message.platform} takes no message back")
        deliveries = await self.store.deliveries(ids.parse(turn))
        if not any(d.state == "sent" for d in deliveries):
            raise Conflict(f"turn {turn} sent nothing", hint=f"see: mindbot trace {turn}")
        found: list[Json] = []
        for d in reversed(deliveries):
            why = await self._take_back(adapter, d)
            found.append({"id": d.id, "taken_back": not why, "why": why})
        return found

    async def _take_back(self, adapter: TakesBack, d: Delivery) -> str:
        """Take one delivery back and note it; returns why it stays, empty when it does not.

        Raises:
            StoreError: it is taken back, and that could not be noted.
        """
        if d.state != "sent":
            return _NOT_SENT.get(d.state, "it is still on its way")
        if "taken_back" in d.notes:
            return ""
        try:
            with anyio.fail_after(_TAKE_BACK_SECONDS):
                await adapter.take_back(d)
        except TimeoutError:
            await self._half_taken_back(d, unknown=True)
            return f"no answer in {_TAKE_BACK_SECONDS:g}s"
        except MindBotError as error:
            await self._half_taken_back(d, unknown=isinstance(error, NetworkFailed) and error.sent)
            return f"{error}"
        await self.told(d.id, {"taken_back": time.time()})
        return ""

    async def _half_taken_back(self, d: Delivery, *, unknown: bool) -> None:
        """Keep what the next attempt has to know of one that failed."""
        fact: Json = {"gone": d.gone} if d.gone else {}
        if unknown:
            fact["take_back_unknown"] = time.time()
        if fact:
            await self.told(d.id, fact)
