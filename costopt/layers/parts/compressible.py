"""Prose inside a text: the stretches that a compressor may shorten.

Code (fenced, indented, inline), JSON, tags, addresses, tables and logs are none: a word less and they
mean something else or nothing. What is not clearly prose stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

Span = tuple[int, int]
"""Characters from, up to."""

LEAST_WORDS = 8
"""Of a stretch: less than a sentence has nothing that the rest would explain."""
VERSION = 1
"""Raise it when a rule changes: what was found is kept by it."""
_LEAST_LINE_WORDS = 5
_LEAST_PLAIN = 0.7
"""Share of a line's words that are plain ones. Measured 2026-11-25 on this repository: at 0.6, 0.7 and
0.8 it finds 77, 76 and 73 % of the prose in its Markdown (the rest is inline code, names and short
lines), and takes 2.6, 1.7 and 1.3 % of its Python (imports) for prose."""
_CODE_INDENT = 4
"""Columns, beyond the text's own margin: https://spec.commonmark.org/0.31.2/#indented-code-blocks"""
_TAB = 4

_KEPT = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[^\n]*\n(?:.*?^[ \t]*(?P=fence)[^\n]*$|.*)"  # a fence left open: all
    r"|`[^`\n]+`"
    r"|</?[A-Za-z][^<>\n]{0,200}>"
    r"|\b[A-Za-z][A-Za-z0-9+.-]*://\S+",
    re.S | re.M,
)
_WITH_DIGIT = re.compile(r"\S*\d\S*")
_OPENS_JSON = re.compile(r"(?<![\w)\]])[{\[](?=\s*[\"{\[\d\-tfn}\]])")
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_LIST_MARK = re.compile(r"[ \t]*(?:[-*+•]|\d+[.)])[ \t]")
_WORD = re.compile(r"[^\s　-〿！-／：-＠]+")
_PLAIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_AROUND = "\"'“”‘’«»()[]*_,.;:!?…"
_CODE_MARK = re.compile(r"[={}<>;|&$\\]")
_IDEOGRAPHS = "⺀"
"""From here on scripts have no spaces: two letters are about a word."""


def prose(text: str, *, keep_numbers: bool = False) -> list[Span]:
    """Stretches of at least a sentence, in order. `keep_numbers`: none that holds a digit."""
    if _is_json(text):
        return []
    kept = sorted(_kept(text))
    seen = _blanked(text, kept)
    if keep_numbers:  # they count as words of a line all the same
        kept = sorted([*kept, *(found.span() for found in _WITH_DIGIT.finditer(text))])
    out = []
    for begin, end in _prose_lines(seen):
        for a, b in _without(begin, end, kept):
            if words(text[a:b]) >= LEAST_WORDS:
                out.append((a, b))
    return out


def words(text: str) -> int:
    """Words, as far as spaces or the script tell."""
    return sum(_weight(token) for token in _WORD.findall(text) if token.strip(_AROUND))


def _weight(token: str) -> int:
    return 1 if token < _IDEOGRAPHS else (len(token) + 1) // 2


def _is_json(text: str) -> bool:
    bare = text.strip()
    if not bare.startswith(("{", "[")):
        return False
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return True


def _kept(text: str) -> Iterator[Span]:
    for found in _KEPT.finditer(text):
        yield found.span()
    yield from _json_inside(text)


def _json_inside(text: str) -> Iterator[Span]:
    """Objects and lists that stand in a text; what only looks like one costs a glance."""
    decoder, at = json.JSONDecoder(), 0
    while found := _OPENS_JSON.search(text, at):
        begin = at = found.start()
        try:
            _, at = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            at += 1
        else:
            yield begin, at


def _blanked(text: str, kept: list[Span]) -> str:
    """The same length, with blanks for what is kept; line ends stay."""
    parts, at = [], 0
    for begin, end in kept:
        if begin < at:
            begin = min(at, end)
        parts.append(text[at:begin])
        parts.append(re.sub(r"[^\n]", " ", text[begin:end]))
        at = max(at, end)
    return "".join([*parts, text[at:]])


def _prose_lines(text: str) -> Iterator[Span]:
    """Runs of lines that are prose, the blank ones between them included."""
    lines = [(m.start(), m.end(), m.group()) for m in _LINE.finditer(text)]
    margin = min((_indent(line) for _, _, line in lines if line.strip()), default=0)
    run: Span | None = None
    for blank, group in groupby(lines, key=lambda line: not line[2].strip()):
        block = list(group)
        if blank:
            continue
        is_prose = _judged([line for _, _, line in block], margin)
        for (begin, end, _), yes in zip(block, is_prose, strict=True):
            if yes:
                run = (begin if run is None else run[0], end)
            elif run is not None:
                yield run
                run = None
    if run is not None:
        yield run


def _judged(block: list[str], margin: int) -> list[bool]:
    """Which lines of a paragraph are prose: none, where most of its words are not in such lines.

    A comment inside code is code; the short last line of a paragraph belongs to it.
    """
    counts = [_counted(line) for line in block]
    out: list[bool] = []
    for line, (plain, other) in zip(block, counts, strict=True):
        long = plain + other >= _LEAST_LINE_WORDS
        fits = plain >= _LEAST_PLAIN * (plain + other) and not _is_code_indent(line, margin)
        out.append(fits and (long or (bool(out) and out[-1] and other == 0)))
    of_prose = sum(sum(c) for c, yes in zip(counts, out, strict=True) if yes)
    return out if 2 * of_prose >= sum(map(sum, counts)) else [False] * len(block)


def _counted(line: str) -> tuple[int, int]:
    """(plain words, others) of a line; bullets and dashes are neither."""
    plain = other = 0
    for token in _WORD.findall(line):
        n = _sort_of(token)
        if n > 0:
            plain += n
        else:
            other -= n
    return plain, other


@lru_cache(maxsize=100_000)
def _sort_of(token: str) -> int:
    """Words that a plain token counts for; -1: of code, a number, a path; 0: a mark."""
    bare = token.strip(_AROUND)
    if _PLAIN.fullmatch(bare):
        return _weight(bare)
    return -1 if any(c.isalnum() for c in bare) or _CODE_MARK.search(token) else 0


def _is_code_indent(line: str, margin: int) -> bool:
    return _indent(line) - margin >= _CODE_INDENT and not _LIST_MARK.match(line)


def _indent(line: str) -> int:
    bare = line.lstrip(" \t")
    return len(line[: len(line) - len(bare)].expandtabs(_TAB))


def _without(begin: int, end: int, kept: list[Span]) -> Iterator[Span]:
    """The stretch without what is kept inside it."""
    for a, b in kept:
        if b <= begin:
            continue
        if a >= end:
            break
        if a > begin:
            yield begin, a
        begin = max(begin, b)
    if begin < end:
        yield begin, end
