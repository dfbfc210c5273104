"""The Chinese of keys, the help, the history of views, and what readers bring themselves."""

KEYS_ZH: dict[str, str] = {
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
