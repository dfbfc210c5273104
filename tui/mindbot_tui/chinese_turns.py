"""The Chinese of what a turn's own view says."""

TURNS: dict[str, str] = {
    # looking for older ones
    "looked back to {time}: nothing matches so far": "已查到 {time}：暂无匹配",
    # what a turn waits for: see `mindbot.api.shown_waits`
    "waits behind {turn}": "排在 {turn} 之后",
    "waits behind {turn} and {n} more": "排在 {turn} 和另外 {n} 个之后",
    "waits for a slot: all are taken": "等待空位：全部占用",
    "waits for a slot: its bot has its share": "等待空位：此机器人的份额已用完",
    "waits on disk for its time": "在磁盘上等待",
    "waits to run alone: it may have killed the daemon": "等待单独运行：它可能曾使守护进程崩溃",
    "waits: the daemon is stopping": "等待：守护进程正在停止",
    "is about to begin": "即将开始",
    "as of {time}": "{time} 时的内容",
    "waited for its place": "排队等待",
    # its head
    "not delivered": "未送达",
    "not sent yet": "尚未发出",
    "put away unsent": "未发送，已丢弃",
    # the phone
    "not begun yet": "尚未开始",
    "typing …": "正在输入…",
    "answered together with {turn}": "与 {turn} 一并答复",
    "nothing was sent": "没有发送任何内容",
    "taken back": "已撤回",
    "it may have arrived": "可能已送达",
    "tried {n} times: {error}": "已尝试 {n} 次：{error}",
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "file": "文件",
    # commands and keys
    "the phone: what the user sees now, and back": "手机：用户此刻看到的内容，再按恢复",
    "phone": "手机",
    "fold the selected step's inside away, or show it: stages, attempts, nodes": (
        "折叠或展开选中步骤的内部：阶段、尝试、节点"
    ),
    "fold the step's inside away, or show it": "折叠或展开步骤的内部",
}
