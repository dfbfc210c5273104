"""Messages that operators bring: a test message as if a user had sent it, a push of the bot's own accord."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mindbot.domain import ids
from mindbot.domain.abilities import Place
from mindbot.domain.bot import Bot
from mindbot.domain.errors import Invalid, NotFound, StoreError
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.ports.store import Kept
from mindbot.media.spool import SpooledMedia
from mindbot.runtime.bots import Bots
from mindbot.runtime.forks import PREFIX, ForkedFrom, Forks
from mindbot.runtime.intake import Intake

_KINDS = {"image": "image", "audio": "voice", "video": "video"}  # MIME type's head → part kind


class Injection:
    """Makes messages of what operators say, and takes them in. ``draining``: nothing is taken any more."""

    def __init__(
        self, bots: Bots, media: SpooledMedia, intake: Intake, forks: Forks, draining: Callable[[], bool]
    ) -> None:
        self._bots = bots
        self._media = media
        self._intake = intake
        self._forks = forks
        self._draining = draining

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
        found = self._bots.find(platform, bot)
        parts = await self.parts(text, files)
        if not parts:
            raise Invalid("nothing to say", hint="a text, a file, or both")
        if bool(user) == bool(group):
            raise Invalid("a push goes to a user or to a group", hint="name one of them")
        if not group:
            to = found.adapter.address(user)
        elif found.groups is None:
            raise Invalid(f"{platform} cannot write to groups", hint="name a user")
        else:
            to = found.groups.address_group(group)
        return await self._take(found, "push", parts, user or group, to)

    async def inject(
        self,
        *,
        text: str,
        platform: str = "console",
        bot: str = "",
        user: str = "",
        session: str = "",
        files: Sequence[str] = (),
        stream: bool = False,
        dry_run: bool = False,
    ) -> str:
        """Put a message in as that user, durable before it returns; returns the turn's id.

        With ``stream`` whoever brought it watches the answer grow where the platform shows nobody one. A
        ``dry_run`` is answered as that user's message would be, in a session of its own: nothing of it is
        sent, and nothing of it is known to what the user says later. In the ``session`` of a fork it is the
        fork's user who says it, and nothing of the answer is sent either.
        """
        fork = await self._forks.find(session) if session.startswith(PREFIX) else None
        if fork is not None:
            platform, bot, user = fork["platform"], fork["bot"], fork["user"]
        found = self._bots.find(platform, bot)
        user = user or "operator"
        parts = await self.parts(text, files)
        kind = "text" if text.strip() or not parts else parts[0].kind
        to = found.adapter.address(user) if fork is None else fork["reply_to"]
        if stream and (found.local or dry_run or fork):
            to = {**to, "stream": True}
        said = parts or [text_part("")]
        return await self._take(found, kind, said, user, to, session=session, dry_run=dry_run, fork=fork)

    async def _take(
        self,
        bot: Bot,
        kind: str,
        parts: Sequence[Part],
        user: str,
        to: Json,
        *,
        session: str = "",
        dry_run: bool = False,
        fork: ForkedFrom | None = None,
    ) -> str:
        now = time.time()
        place = Place(f"{bot.platform}:{bot.name}:{user}", user, user)
        if fork is not None:
            place = Place(session, user, fork["chat"])
        elif bot.places is not None:
            place = bot.places.place(to)
        session, key = session or place.session, ids.show(ids.new_id())
        message = Message(
            platform=bot.platform,
            bot=bot.name,
            key=f"{'push' if kind == 'push' else 'test'}-{key}",
            session=f"dry-run:{key}" if dry_run else session,
            sender=place.user,
            kind=kind,
            parts=tuple(parts),
            reply_to=to,
            chat=place.chat,
            ts=now,
            received=now,
            origin="push" if kind == "push" else "test",
            tried_for=session if dry_run or fork else "",
        )
        return ids.show((await self.take_in(message)).turn)

    async def take_in(self, message: Message, kept: Sequence[Kept] = ()) -> Receipt:
        """Put an operator's message on disk, together with what is to be kept; raises StoreError."""
        if self._draining():
            raise StoreError("the daemon is stopping", hint="ask again once it is back")
        if not kept:
            return await self._intake.receive(message)
        (receipt,) = await self._intake.receive_all([message], kept)
        return receipt

    async def parts(self, text: str, files: Sequence[str]) -> list[Part]:
        """Return what a text and files of the media store, by their ids, say; raises NotFound."""
        parts = [text_part(text)] if text.strip() else []
        for id in files:
            file = await self._media.find(id)
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
