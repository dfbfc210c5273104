"""The Chinese of keys, the help, the history of views, and what readers bring themselves."""

KEYS_ZH: dict[str, str] = {
    # the help
    "the keys of this place, all others, all commands; Enter runs one": "此处的按键、其他按键与命令",
    "in the help: only what says this": "在帮助中只显示包含此文字的",
    "only what says this": "只显示包含此文字的",
    "Here: {view}": "此处：{view}",
    "In texts": "文本中",
    "one line up or down": "上下移动一行",
    "to the beginning or the end": "到开头或结尾",
    "no key or command says this": "没有这样的按键或命令",
    "type what you want to do, or a key": "输入想做的事，或一个按键",
    "find": "查找",
    # keys of one's own
    "the keys in use, and how to change them": "正在使用的按键，以及如何更改",
    "the keys in use; write: a file to change them in": "正在使用的按键；write：写出可改的文件",
    "written: {path}; it counts from the next start on": "已写入 {path}；下次启动生效",
    "Keys in use; * are your own": "正在使用的按键；* 为自定义",
    # one pane alone, taking back
    "only the pane that is in use, and back": "只显示当前窗格，再按恢复",
    "take back what was done last": "撤销上一个操作",
    "take back the last discard, switch or cleared filter": "撤销上一次丢弃、开关或清除过滤",
    "nothing to take back; what went out to people, or ran again, cannot be": "没有可撤销的；已发出的不能",
    "undone: {what}": "已撤销：{what}",
    "discard of {what}": "丢弃 {what}",
    "{n} dead letters": "{n} 封死信",
    "switching {name} on": "启用 {name}",
    "switching {name} off": "关停 {name}",
    "clearing the filter {filter}": "清除过滤 {filter}",
    # the names of views beside their keys
    "platforms": "平台",
    "sessions": "会话",
    "config": "配置",
    "logs": "日志",
    "providers": "模型",
    "routes": "路由",
    "views": "视图",
    # the history of views
    "where one was before": "回到之前的位置",
    "forward, after going back": "后退之后再前进",
    "the view before, and back to this one": "上一个视图，再按回到此处",
    "the place before, as in a browser": "之前的位置，如同浏览器",
    "back and forth through what was looked at, or to the view before": "在看过的视图间后退、前进",
    "back, forth or last?": "back、forth 还是 last？",
    "there is no place before this one": "之前没有别的位置",
    "there is no place after this one": "之后没有别的位置",
}
