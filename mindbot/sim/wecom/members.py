"""What the members of an enterprise do: write, send files, press buttons, and look at their phones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mindbot.domain.errors import ConfigError
from mindbot.sim.phones import Phones, ShownMessage
from mindbot.sim.wecom.attempts import Verification
from mindbot.sim.wecom.cards import Cards
from mindbot.sim.wecom.content import cut
from mindbot.sim.wecom.push import Pushed, Pusher
from mindbot.sim.wecom.settings import WeComSimSettings
from mindbot.sim.wecom.shelf import Shelf
from mindbot.sim.wecom.xml import Value

_ENDINGS = {"image": ".png", "voice": ".amr", "video": ".mp4"}


class Members:
    """A part of the simulator: all that leads to a push."""

    settings: WeComSimSettings
    callback_url: str
    pusher: Pusher
    phones: Phones
    shelf: Shelf
    cards: Cards

    def new_msgid(self) -> str:
        """Return a MsgId nobody had before, also across restarts of the simulator."""
        return self.pusher.new_msgid()

    async def push_text(
        self, user: str, text: str, *, msgid: str = "", url: str = "", persistent: float = 0.0
    ) -> Pushed:
        """Let a user say something; see `push`."""
        extra: dict[str, Value] = {"MsgId": msgid} if msgid else {}
        return await self.push(user, "text", {"Content": text, **extra}, url=url, persistent=persistent)

    async def push_file(
        self, user: str, kind: str, content: bytes, name: str = "", *, type: str = "", url: str = ""
    ) -> Pushed:
        """Let a user send a picture, voice, video or file; see `push`."""
        name = name or f"{kind}{_ENDINGS.get(kind, '.bin')}"
        media_id = self.shelf.put(kind, content, name, type or "application/octet-stream")
        fields: dict[str, Value] = {"MediaId": media_id}
        if kind == "image":
            fields["PicUrl"] = f"http://{self.settings.host}/pictures/{media_id}"
        elif kind == "voice":
            fields["Format"] = "amr"
        elif kind == "video":
            fields["ThumbMediaId"] = self.shelf.put("image", b"\xff\xd8\xff\xe0 thumb", "thumb.jpg")
        else:
            fields["FileName"] = name
        return await self.push(user, kind, fields, url=url)

    async def press(
        self,
        user: str,
        key: str = "",
        *,
        task: str = "",
        selected: Mapping[str, Sequence[str]] | None = None,
        menu: bool = False,
        url: str = "",
    ) -> Pushed:
        """Let a user press a button of a card; see `Cards.press` and `push`."""
        chosen = {question: list(ids) for question, ids in (selected or {}).items()}
        fields = self.cards.press(user, key, task=task, selected=chosen, menu=menu)
        return await self.push(user, "event", fields, url=url)

    async def push(
        self,
        user: str,
        msgtype: str,
        fields: Mapping[str, Value],
        *,
        url: str = "",
        persistent: float = 0.0,
    ) -> Pushed:
        """Deliver a message or (``msgtype`` "event") an event of a user to the callback URL.

        ``fields`` are the elements of that type ("Content", "MediaId", "Event", …); any common element may
        be overridden. A passive reply is shown on the user's phone. ``persistent``: see `Pusher.push`.

        Raises:
            ConfigError: there is no callback URL.
        """
        target = url or self.callback_url
        if not target:
            raise ConfigError("the platform has no callback URL", hint="set callback_url or give url")
        plain: dict[str, Value] = {
            "ToUserName": self.settings.corpid,
            "FromUserName": user,
            "CreateTime": int(time.time()),
            "MsgType": msgtype,
            **fields,
        }
        if msgtype != "event" and "MsgId" not in plain:
            plain["MsgId"] = self.new_msgid()
        plain.setdefault("AgentID", self.settings.agent_id)
        self.phones.join(user)
        pushed = await self.pusher.push(target, plain, persistent=persistent)
        if pushed.reply:
            self._show_reply(user, pushed)
        return pushed

    def _show_reply(self, user: str, pushed: Pushed) -> None:
        reply = pushed.reply
        self.phones.show(
            reply.get("ToUserName") or user,
            msgid=f"reply-{pushed.msgid}",
            msgtype=reply.get("MsgType", ""),
            text=cut(reply.get("Content", "")),
            body=dict(reply),
            via="reply",
        )

    async def verify(self, url: str = "") -> Verification:
        """Prove the callback URL as saving it in the console does; remember it when it is sound."""
        target = url or self.callback_url
        verification = await self.pusher.verify(target)
        if verification.ok:
            self.callback_url = target
        return verification

    def inbox(self, user: str) -> list[ShownMessage]:
        """Return what a user sees, oldest first."""
        return self.phones.inbox(user)
