"""The Chinese of what became of answers, and of messages that operators bring."""

RECORD_ZH: dict[str, str] = {
    "not delivered": "未送达",
    # who brought a message
    "test": "测试",
    "push": "推送",
    "replay": "重放",
    "dry run": "试运行",
    # test messages
    "{user} on {where} will receive the answer to: {text}\nSend it?": (
        "{where} 上的 {user} 将收到对以下内容的回复：{text}\n要发送吗？"
    ),
    "not sent; ↑ in the box brings it back": "未发送；在输入框中按 ↑ 可找回",
    "only show the answer: nothing is sent to anybody": "只显示回复，不发送给任何人",
    "tried as turn {id}; nothing is sent": "已试运行，记录为 {id}；未发送任何内容",
    "nothing can be written here now: {why}": "此刻无法在此输入：{why}",
    "Esc goes back": "按 Esc 返回",
    # fields of a filter
    "an operator tried the message; nothing of its answer was sent": "由操作员试发，回复未发送",
    "who brought the message": "消息由谁带来",
    "what became of the answer's deliveries": "回复的投递结果",
    "a delivery was given up on, and is neither retried nor discarded": "有投递已放弃，且未重试也未丢弃",
    "why it was given up on, or is tried again, in the platform's words": "放弃或重试的原因（平台原文）",
}
