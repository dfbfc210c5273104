"""The Chinese of what is done with texts: searching, copying, saving, opening elsewhere."""

TEXTS: dict[str, str] = {
    "there is no text here; open one": "这里没有文本，请先打开一个",
    "search in the text": "在文本中搜索",
    "search in the text; capitals count where some are typed, behind ~ stands an expression": (
        "在文本中搜索；输入大写时区分大小写，~ 之后为正则表达式"
    ),
    "the next or the previous hit of the search": "搜索的下一处或上一处",
    "the next hit": "下一处",
    "the hit before": "上一处",
    "nothing was searched for; / does": "还没有搜索过；按 / 搜索",
    "{what}: not found": "{what}：未找到",
    ", round the end": "，已绕回",
    "copy the whole text": "复制全文",
    "{has} is more than terminals copy ({most}); W saves it": (
        "{has} 超过终端能复制的大小（{most}）；按 W 保存到文件"
    ),
    "write the whole text to a file": "把全文写入文件",
    "write the whole text to a file; one that exists stays as it is": "把全文写入文件；已有的文件不会被覆盖",
    "the browser saves {what}": "浏览器正在保存 {what}",
    "open it in your editor or pager": "用编辑器或分页器打开",
    "open the whole text in $VISUAL, $EDITOR or $PAGER; what is changed there is not kept": (
        "用 $VISUAL、$EDITOR 或 $PAGER 打开全文；在其中的改动不会保留"
    ),
    "as it is, or rendered: JSON set out, Markdown without its marks": (
        "原样或渲染：JSON 分行，Markdown 去掉标记"
    ),
    "the text as it is, or as it is meant to look: JSON set out, Markdown without its marks": (
        "文本原样显示，或渲染显示：JSON 分行，Markdown 去掉标记"
    ),
    "… {n} more characters": "…… 还有 {n} 个字符",
    " … {size}, Enter opens": " …… {size}，按 Enter 打开",
    "esc · / search · C copy · W save · ^o open · m render": (
        "esc · / 搜索 · C 复制 · W 保存 · ^o 打开 · m 渲染"
    ),
    "search": "搜索",
    "save a picture or file of the turn here, by its number; one that exists stays as it is": (
        "把本轮次的图片或文件按编号保存到当前目录；已有的文件不会被覆盖"
    ),
    "no file came or went with this turn": "本轮次没有收到或发出文件",
    "its file is not there: {why}": "文件不在：{why}",
    "take the turn elsewhere: JSON, curl, Markdown": "导出本轮次：JSON、curl、Markdown",
    "the turn as JSON, its model's call as curl, or a report in Markdown; on a page, or in a file": (
        "导出轮次：JSON、模型调用的 curl 或 Markdown 报告；显示在页面上或写入文件"
    ),
    "all that is known of it": "已知的全部内容",
    "its model's call; $API_KEY stands for the key": "模型调用；密钥以 $API_KEY 代替",
    "a report": "报告",
    "a trace of OpenTelemetry": "OpenTelemetry 追踪",
}
