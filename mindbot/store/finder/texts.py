"""Words as questions to a block of full text: its terms are all runs of three letters that were said.

Words of three letters and more are asked for by their runs of three. Shorter ones (most Chinese words have
two letters) by all terms that begin so: a text ends with two line ends, so that its last letters begin terms
too.
What is found has the runs, not surely the words.
"""

from __future__ import annotations

import sqlite3

#: What stands behind every text.
END = "\n\n"
_RUNS = 16  # asked for of a long text
_TERMS = 600  # that a short word may begin; more are more than the turns are worth
_STRANGE = "\0\ufffe\uffff"  # what SQLite reads as something else
_LAST = "\U0010ffff"


class TooCommon(Exception):
    """So many terms begin with the words that to look at every turn is quicker."""


def question(db: sqlite3.Connection, block: int, words: str) -> str:
    """Return the MATCH expression for words with their case folded; empty: nothing in the block has them.

    Raises:
        TooCommon: see there.
    """
    if any(each in _STRANGE or "\ud800" <= each <= "\udfff" for each in words):
        raise TooCommon
    if len(words) >= 3:
        runs = dict.fromkeys(words[n : n + 3] for n in range(len(words) - 2))
        return " AND ".join(map(_quoted, list(runs)[:_RUNS]))
    found = db.execute(
        f"SELECT term FROM terms_{block} WHERE term >= ? AND term <= ? LIMIT ?",
        (words, words + _LAST, _TERMS + 1),
    ).fetchall()
    if len(found) > _TERMS:
        raise TooCommon
    return " OR ".join(_quoted(term) for (term,) in found if term.startswith(words))


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
