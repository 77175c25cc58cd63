"""What an estimated token count looks at: the character classes of a text, a buffer at a time.

Byte-pair vocabularies differ, but all keep common words whole, cut long ones, count digits in small
groups and spend more on other scripts. Counts of such classes explain most of a text's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEATURES = ("words", "long_letters", "digits", "marks", "lines", "other_script", "segments")
"""Columns: runs of letters; letters beyond the fifth of a run's mean; digits; runs of marks; line
ends; bytes outside ASCII; and 1, for what a message costs beside its text."""
_LETTER, _DIGIT, _MARK, _SPACE, _LINE, _OTHER = range(6)
_USUAL_LETTERS = 5


def _class_table() -> NDArray[np.uint8]:
    table = np.full(256, _MARK, np.uint8)
    for code in range(256):
        character = chr(code)
        if code >= 128:
            table[code] = _OTHER
        elif character.isalpha():
            table[code] = _LETTER
        elif character.isdigit():
            table[code] = _DIGIT
        elif character in "\r\n":
            table[code] = _LINE
        elif character.isspace() or code < 32:
            table[code] = _SPACE
    return table


_CLASSES = _class_table()


def features(texts: Sequence[str]) -> NDArray[np.float64]:  # [text, feature]
    """The classes of every text."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    # A zero byte after each text ends its last run and gives even an empty one a place.
    buffer = np.frombuffer(b"\0".join(encoded) + b"\0", np.uint8)
    sizes = np.array([len(e) + 1 for e in encoded], np.int64)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    kind = _CLASSES[buffer]
    begins = np.ones(len(kind), np.bool_)
    begins[1:] = kind[1:] != kind[:-1]

    def summed(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.add.reduceat(flags, starts, dtype=np.int64)

    words = summed((kind == _LETTER) & begins)
    letters = summed(kind == _LETTER)
    columns = (
        words, np.maximum(letters - _USUAL_LETTERS * words, 0), summed(kind == _DIGIT),
        summed((kind == _MARK) & begins), summed((kind == _LINE) & begins),
        summed(kind == _OTHER), np.ones(len(texts), np.int64),
    )  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float64)
