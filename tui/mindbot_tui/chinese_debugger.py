"""The Chinese of the debugger: parked turns, breakpoints, editing, forms."""

DEBUGGER_ZH: dict[str, str] = {
    # where a turn stands
    "before {step}": "{step} 之前",
    "after {step}": "{step} 之后",
    "at the error of {step}": "{step} 出错处",
    "at a change in {step}": "{step} 中的变化处",
    "{left}s left, {at}": "剩 {left} 秒，{at}",
    # the screen
    "Debugger": "调试器",
    "debugger": "调试",
    "On turns": "对轮次",
    "On parked turns": "对暂停的轮次",
    "On an open parked turn": "对打开的暂停轮次",
    "LEASE": "剩余",
    "STANDS": "位置",
    "context": "上下文",
    "variables": "变量",
    "no turn is parked": "没有暂停的轮次",
    "no turn is parked: {key} sets a breakpoint": "没有暂停的轮次：{key} 设置断点",
    "the selected turn is not parked": "选中的轮次没有暂停",
    "edited": "已修改",
    "would be sent when it goes on": "继续后会发送",
    "nothing to send yet: the answer is still to come": "尚无可发送的内容：回复还未生成",
    "stops ": "拦截 ",
    # steps
    "turns that are parked: step, edit, answer": "暂停的轮次：单步、修改、作答",
    "turns that are parked: step, edit, answer, and what each would send": (
        "暂停的轮次：单步、修改、作答，以及各自会发送什么"
    ),
    "let the selected parked turn go on to the next stage": "让选中的暂停轮次执行到下一阶段",
    "on to the next stage": "执行到下一阶段",
    "let the selected parked turn go on to the next call of a model, tool or node": (
        "让选中的暂停轮次执行到下一次模型、工具或节点调用"
    ),
    "on to the next call of a model, tool or node": "执行到下一次模型、工具或节点调用",
    "step in": "步入",
    "let the selected parked turn go on to where the stage ends that it is in": (
        "让选中的暂停轮次执行到所在阶段结束处"
    ),
    "on to where the stage ends": "执行到所在阶段结束处",
    "step out": "步出",
    "let the selected parked turn go on, or all that are parked": "让选中的暂停轮次继续，或让全部继续",
    "let the parked turn go on": "让暂停的轮次继续",
    "let all that are parked go on": "让全部暂停的轮次继续",
    "all that are parked": "全部暂停的轮次",
    "{n} turns go on": "{n} 个轮次继续",
    "resume": "继续",
    "let the selected parked turn begin a stage again: the one it stands in, or another around it": (
        "让选中的暂停轮次重新开始一个阶段：所在的，或其外层的"
    ),
    "begin the stage again": "重新开始此阶段",
    "end the selected parked turn: nothing is answered": "结束选中的暂停轮次：不作任何回复",
    "end the parked turn: nothing is answered": "结束暂停的轮次：不作任何回复",
    "drop": "丢弃",
    "Drop {turn}? Its user gets no answer.": "丢弃 {turn}？其用户将得不到回复。",
    "write the answer of the selected parked turn oneself; nothing else is asked": (
        "亲自写选中暂停轮次的回复；不再询问模型"
    ),
    "write its answer oneself": "亲自写回复",
    "the next part of it": "下一部分",
    "from the turns to the text and back": "在轮次与文本之间切换",
    "the phone: what would be sent, and back": "手机：会发送什么，再按恢复",
    "show what the user sees now, or what would be sent to them, beside the rest, and back": (
        "在旁边显示用户此刻看到的、或将会发送的内容，再次执行则恢复"
    ),
    # editing
    "edit": "修改",
    "Edit {turn}": "修改 {turn}",
    "change the parked turn": "修改暂停的轮次",
    "change a part of the selected parked turn: its message, route, prompt, answer, a variable": (
        "修改选中暂停轮次的一部分：消息、路由、提示词、回复、变量"
    ),
    "nothing of it can be changed here": "此处没有可修改的内容",
    "^s saves · ^o your editor · ^r reads again · esc leaves": (
        "^s 保存 · ^o 外部编辑器 · ^r 重新读取 · esc 离开"
    ),
    "^s saves mine · ^t takes theirs · ^g both together · esc leaves": (
        "^s 保存我的 · ^t 采用对方的 · ^g 合并 · esc 离开"
    ),
    "^n the next one": "^n 下一项",
    "somebody else has changed it: theirs is below": "已被他人修改：对方的版本在下方",
    "something else was changed meanwhile; ^s saves this": "期间别处有修改；按 ^s 保存",
    "both changed the same lines: choose between the marks": "双方改了相同的行：请在标记之间取舍",
    # breakpoints
    "Breakpoints": "断点",
    "Breakpoint": "断点",
    "break": "断点",
    "where turns stop, which of them, and how often they did": "轮次停在何处、哪些轮次、停了多少次",
    "stop turns at a stage, a call or an error: opens a form; with a stage it is set at once": (
        "让轮次停在阶段、调用或错误处：打开表单；给出阶段则立即设置"
    ),
    "stop turns like this one: a form": "让这样的轮次停下：打开表单",
    'stop messages before they are answered, e.g. text =~ "refund"; off: none any more': (
        '在作答之前拦截消息，例如 text =~ "refund"；off 表示不再拦截'
    ),
    "stop messages that a filter lets through": "拦截符合过滤条件的消息",
    "stop none any more": "不再拦截",
    "no message is stopped any more": "不再拦截任何消息",
    "of the selected turn's user: {filter}": "选中轮次的用户：{filter}",
    "breakpoint {id} is set: {what}": "断点 {id} 已设置：{what}",
    "breakpoint {id} is cleared": "断点 {id} 已清除",
    "{n} breakpoints are cleared": "已清除 {n} 个断点",
    "clear a breakpoint: the selected one, one by its id, or all that this console set": (
        "清除断点：选中的、指定编号的，或本控制台设置的全部"
    ),
    "all that this console set": "本控制台设置的全部",
    "no breakpoint is selected": "没有选中断点",
    "no breakpoints: {key} sets one": "没有断点：{key} 设置一个",
    "switch a breakpoint on": "启用断点",
    "switch a breakpoint off; it is kept": "停用断点；仍保留",
    "switch it on": "启用",
    "switch it off, and keep it": "停用，但保留",
    "set another like the selected one": "照选中的再设一个",
    "clear it": "清除",
    "clear": "清除",
    "{breakpoint}: {text}": "{breakpoint}：{text}",
    "STOPS": "停在",
    "STOPPED": "已停",
    "FILTER": "过滤",
    "HITS": "命中",
    "OWNER": "所有者",
    "owner": "所有者",
    "nobody's: it stays": "不属于任何人：会保留",
    "matched": "命中",
    "{n} times, stopped {m}": "{n} 次，停下 {m} 次",
    "every turn": "所有轮次",
    "as debug.lease says": "按 debug.lease 的设置",
    "set at": "设置于",
    "on": "启用",
    # taking over
    "Conversation {session}": "对话 {session}",
    "A conversation": "一个对话",
    "WITH": "由谁",
    " the bot answers; {key} takes it over": " 由机器人作答；{key} 接管",
    " {who} answers since {time}": " {time} 起由 {who} 作答",
    "the user waits for {time}": "用户已等待 {time}",
    "back to the bot in {time} unless somebody speaks": "若无人发言，{time} 后交还机器人",
    "speak in the bot's place": "代替机器人发言",
    "speak": "发言",
    "take over": "接管",
    "hand back": "交还",
    "answer in the bot's place": "代替机器人作答",
    "let the bot answer again": "让机器人重新作答",
    "answer in the selected conversation in the bot's place; force: also from another operator": (
        "在选中的对话中代替机器人作答；force：也从其他操作员处接管"
    ),
    "also from another operator": "也从其他操作员处接管",
    "{why}\nTake it from them?": "{why}\n从对方接管？",
    "{n} messages of the bot go out before yours": "机器人还有 {n} 条消息会先发出",
    "say something in the selected conversation, in the bot's place": "在选中的对话中代替机器人发言",
    "{n} more until the user writes again": "用户再次发言前还可说 {n} 条",
    "let the bot answer again in the selected conversation, or the platform's own people": (
        "让机器人或平台的客服人员在选中的对话中作答"
    ),
    "{session} is with: {who}": "{session} 现由 {who} 作答",
    # what would have been
    "Diff {a} → {b}": "对比 {a} → {b}",
    "Diff": "对比",
    "Jury": "评审",
    "jury": "评审",
    "model": "模型",
    "hold two turns against each other: answers, prompts, routes, steps, cost": (
        "对比两个轮次：回复、提示词、路由、步骤、费用"
    ),
    "steps": "步骤",
    "cost": "费用",
    "make the selected turn again, with another workflow, model or text; nothing of it is sent": (
        "重放选中的轮次，可换工作流、模型或文本；不发送任何内容"
    ),
    "make it again, and hold both against each other": "重放并对比",
    "Replay of {turn}": "重放 {turn}",
    "dry: nothing of it is sent to anybody": "空跑：不会发送给任何人",
    "from stage": "从阶段",
    "empty: the top": "空：从头",
    "empty: as it is routed": "空：按路由",
    "PROVIDER, PROVIDER/MODEL or MODEL": "服务、服务/模型 或 模型",
    "empty: what the user wrote": "空：用户所写",
    "as": "按",
    "now: by today's configuration; then: as it was": "now：按当前配置；then：按当时",
    "recorded": "用记录",
    "yes: nobody is asked": "是：不询问任何服务",
    "ask models or workflows what they would answer in the selected turn; pick one to answer with": (
        "询问几个模型或工作流会如何回复选中的轮次；选一个来作答"
    ),
    "ask others what they would answer": "询问其他模型或工作流会如何回复",
    "name somebody to ask": "请写出要询问谁",
    "a workflow, or PROVIDER/MODEL": "工作流，或 服务/模型",
    "the first": "第一个",
    "the second": "第二个",
    "the third": "第三个",
    "each answers on a fork of the conversation; nobody gets it": "各自在对话的副本上作答；不会发给任何人",
    "answer the parked turn with the selected answer of the jury": "用选中的评审回复作答暂停的轮次",
    "answer with it": "用它作答",
    "no answer of a jury is selected": "没有选中评审的回复",
    "{turn} is answered with what {who} said": "{turn} 已用 {who} 的回复作答",
    "Jury on {turn}": "评审 {turn}",
    "is asked …": "正在询问…",
    "the next answer": "下一个回复",
    "teach the router where such messages belong": "教路由此类消息归属何处",
    # the form
    "stage": "阶段",
    "stops": "停在",
    "call": "调用",
    "variable": "变量",
    "errors": "错误",
    "from the nth": "从第几次起",
    "log only": "只记录",
    "seconds": "秒数",
    "yes": "是",
    "empty: any": "空：任意",
    "a call in it: {kinds}": "其中的调用：{kinds}",
    "for change: variables.intent": "用于 change：variables.intent",
    "for error: rate_limited overloaded": "用于 error：rate_limited overloaded",
    "words to tell; then nothing stops": "要记录的文字；不停下",
    "how long it may hold a turn": "最多停留多久",
    "yes: it outlives console and daemon": "是：在控制台与守护进程重启后仍保留",
    "tab next · enter does it · esc leaves": "tab 下一项 · enter 执行 · esc 离开",
}
