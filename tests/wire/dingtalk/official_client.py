"""The official Python SDK as a bot: answers with text, or with its AI card where a text begins with card."""

from __future__ import annotations

import sys

import dingtalk_stream
from dingtalk_stream import AckMessage, CallbackMessage, ChatbotHandler, ChatbotMessage, Credential


class Echo(ChatbotHandler):
    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        message = ChatbotMessage.from_dict(callback.data)
        text = message.text.content.strip()
        if text.startswith("card"):
            card = self.ai_markdown_card_start(message, title="T")
            for n in range(1, 4):
                card.ai_streaming(markdown=text[: len(text) * n // 4], append=False)
            card.ai_finish(markdown=f"card: {text}")
        else:
            self.reply_text(f"sdk: {text}", message)
        return AckMessage.STATUS_OK, "OK"


client = dingtalk_stream.DingTalkStreamClient(Credential(sys.argv[1], sys.argv[2]))
client.register_callback_handler(ChatbotMessage.TOPIC, Echo())
client.start_forever()
