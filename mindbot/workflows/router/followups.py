"""Whether a text goes on with what was talked about: *and in python?*, *换成中文*, *why?*

Such a text says too little to be told apart by itself, and is answered by who answered before.
"""

from __future__ import annotations

import re

from mindbot.workflows.languages import language
from mindbot.workflows.router.texts import same

#: Longest text that can be a follow-up, in words or Chinese characters.
WORDS, CHARACTERS = 8, 14
#: Longest text that says nothing for itself.
FEW_WORDS, FEW_CHARACTERS = 3, 6

_EN = re.compile(
    r"^(?:"
    r"(?:and|but|or|also|so|then|now)\b(?! (?:thanks|thank|bye)\b).*"
    r"|(?:why|how|how so|why not|what else|such as|for example|like what|meaning|really|are you sure)"
    r"|(?:what|how) about\b.*"
    r"|(?:in|as|into|using|with|without|for) (?!general\b)[\w+#.\- ]+"
    r"|(?:the )?same (?:in|for|with|but|again)\b.*"
    r"|(?:again|continue|go on|carry on|keep going|more|next|another|another one|one more|try again|redo)"
    r"(?: (?:please|one|time))?"
    r"|(?:make|keep) (?:it|that|this|them)\b.*"
    r"|(?:more|less|a bit|a little|much) \w+(?: \w+)?(?: please)?"
    r"|(?:shorter|longer|simpler|funnier|briefer|clearer)\b.*"
    r"|(?:explain|say|translate|rewrite|shorten|expand|change|repeat|show) (?:it|that|this|more|again)\b.*"
    r"|(?:give|show) (?:me )?(?:an?|one more|another|some|more) (?:example|examples|details?|version)s?\b.*"
    r"|(?:instead|rather) .*"
    r")$"
)
_ZH = re.compile(
    r"^(?:"
    r"(?:那|那么|然后|还有|另外|以及|接着|可是|但是|不过)(?!谢).*"
    r"|(?:为什么|为啥|怎么说|怎么会|怎么做|原因呢|然后呢|还有吗|还有呢|比如|比如说|例如|具体呢|真的假的|确定吗).{0,4}"
    r"|(?:换|改|变|转|翻译?|译)(?:(?:成|为|作|用)\S*(?: .*)?|一下|一种|一个)"
    r"|(?:用|以)\S{1,8}(?:呢|写|说|再写|再说|重写|回答|试试|实现|表示)?\S{0,4}"
    r"|(?:再|继续|接着|重新|重)(?:来|说|写|讲|给|举|详细|具体|短|长|简单|改|试|做|生成|一|往下)?(?!见).{0,8}"
    r"|(?:更|太|稍微|尽量)?(?:短|长|详细|具体|简单|简洁|正式|幽默|口语|通俗)(?:一?点|一?些|了)?(?:儿|的|吧)?.{0,3}"
    r"|(?:举|给)(?:个|一个|几个)?例子?.{0,4}"
    r"|.{1,9}呢"
    r")$"
)


def follows(text: str) -> bool:
    """Return whether a text has the form of a follow-up."""
    asked = same(text)
    if not asked:
        return False
    if language(asked) == "zh":
        return len(asked) <= CHARACTERS and bool(_ZH.match(asked))
    return len(asked.split()) <= WORDS and bool(_EN.match(asked))


def says_little(text: str) -> bool:
    """Return whether a text is so short that it may mean anything."""
    asked = same(text)
    return len(asked) <= FEW_CHARACTERS if language(asked) == "zh" else len(asked.split()) <= FEW_WORDS
