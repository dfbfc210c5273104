"""The official Python SDK as a bot.

It answers text with text; a text that begins with card with its AI card, with buttons with a card that can be
pressed; a picture by sending its size and uploading it again.
"""

from __future__ import annotations

import os
import sys

import dingtalk_stream
import requests
from dingtalk_stream import (
    AckMessage,
    CallbackHandler,
    CallbackMessage,
    CardCallbackMessage,
    ChatbotHandler,
    ChatbotMessage,
    Credential,
    EventHandler,
    EventMessage,
)
from dingtalk_stream.card_callback import Card_Callback_Router_Topic

HERE = os.environ["DINGTALK_OPENAPI_ENDPOINT"]
post = requests.post


def post_here(url: str, **more: object) -> requests.Response:
    """The SDK has this one host built in."""
    return post(url.replace("https://oapi.dingtalk.com", HERE), **more)


requests.post = post_here


class Echo(ChatbotHandler):
    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        message = ChatbotMessage.from_dict(callback.data)
        if message.message_type == "picture":
            url = self.get_image_download_url(message.image_content.download_code)
            content = requests.get(url, timeout=10).content
            media = self.dingtalk_client.upload_to_dingtalk(content)
            self.reply_text(f"sdk: {len(content)} bytes, {media}", message)
            return AckMessage.STATUS_OK, "OK"
        text = message.text.content.strip()
        if text.startswith("card"):
            card = self.ai_markdown_card_start(message, title="T")
            for n in range(1, 4):
                card.ai_streaming(markdown=text[: len(text) * n // 4], append=False)
            card.ai_finish(markdown=f"card: {text}")
        elif text.startswith("buttons"):
            buttons = [{"text": "Yes", "color": "blue", "id": "yes", "request": True}]
            self.reply_markdown_button(message, "Sure?", buttons, tips="press", title="T")
        elif text.startswith("markdown"):
            self.reply_markdown("T", f"**{text}**", message)
        else:
            self.reply_text(f"sdk: {text}", message)
        return AckMessage.STATUS_OK, "OK"


class Pressed(CallbackHandler):
    async def process(self, callback: CallbackMessage) -> tuple[int, dict[str, object]]:
        press = CardCallbackMessage.from_dict(callback.data)
        private = press.content["cardPrivateData"]
        tips = f"{press.user_id} pressed {private['actionIds'][0]} {private['params']}"
        options = {"updateCardDataByKey": True}
        return AckMessage.STATUS_OK, {
            "cardUpdateOptions": options,
            "cardData": {"cardParamMap": {"tips": tips}},
            "userPrivateData": {"cardParamMap": {"mine": "yes"}},
        }


class Told(EventHandler):
    async def process(self, event: EventMessage) -> tuple[int, str]:
        return AckMessage.STATUS_OK, "OK"


client = dingtalk_stream.DingTalkStreamClient(Credential(sys.argv[1], sys.argv[2]))
client.register_callback_handler(ChatbotMessage.TOPIC, Echo())
client.register_callback_handler(Card_Callback_Router_Topic, Pressed())
client.register_all_event_handler(Told())
client.start_forever()
