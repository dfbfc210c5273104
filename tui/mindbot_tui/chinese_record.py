"""The Chinese of what became of answers, and of messages that operators bring."""

RECORD_ZH: dict[str, str] = {
    "not delivered": "未送达",
    # fields of a filter
    "who brought the message": "消息由谁带来",
    "what became of the answer's deliveries": "回复的投递结果",
    "a delivery was given up on, and is neither retried nor discarded": "有投递已放弃，且未重试也未丢弃",
    "why it was given up on, in the platform's words": "放弃投递的原因，平台的原话",
}
