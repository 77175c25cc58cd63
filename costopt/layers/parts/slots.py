"""What prompts written from one template have in common, and what stands in its open places.

Texts are cut into lines (long ones into sentences, those into words). A template is what a sample of
its texts has in common, in order; every text is then held against it, so that nothing rests on the
sample. Equal sets of texts give equal templates, in whatever order they come.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise

LONG = 300
"""Characters: a longer line is cut at its sentences, a longer sentence at its words."""
ALIKE = 0.5
"""Share of each text that the template must hold: where less is shared, they are two prompts."""
ISLAND = 40
"""A shorter run of common text between two open places belongs to what stands in them: half a line
says nothing alone."""
MOST_PLACES = 8
"""A template with more open places is no prompt with a clock and a name in it, but another text."""
SAMPLE, LEARNT_FROM = 2_000, 64
"""Texts looked at to tell templates apart, and to learn one of them."""
MOST_TEMPLATES, ROUNDS = 16, 3
_MIDDLE = 1_000_000
"""Most pairs of pieces compared between two texts, behind what both begin and before what both end with."""
_SENTENCE = re.compile(r".+?(?:[.!?;]\s+|$)", re.DOTALL)
_WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Template:
    """A text is `runs[0] + gaps[0] + runs[1] + gaps[1] + ... + runs[-1]`."""

    runs: tuple[str, ...]
    """Common text; the first and the last may be empty."""
    members: tuple[int, ...]
    """Texts written from it."""
    gaps: tuple[tuple[str, ...], ...]
    """[member][place]: what stands in the open places."""

    @property
    def stable(self) -> str:
        return "".join(self.runs)

    def behind(self, place: int) -> int:
        """Characters of common text behind an open place."""
        return sum(map(len, self.runs[place + 1 :]))


@dataclass(frozen=True)
class Templates:
    """Templates found so far, by what was asked: texts never change, so views and sweeps share them."""

    found: dict[bytes, tuple[Template, ...]] = field(default_factory=dict)


def templates(texts: Sequence[str]) -> tuple[Template, ...]:
    """The templates of these (distinct) texts. A text is a member of one or of none."""
    left = sorted(range(len(texts)), key=texts.__getitem__)
    out: list[Template] = []
    for alike in _buckets(texts, _spread(left, SAMPLE)):
        bucket = alike
        for _ in range(ROUNDS):
            there = set(left)
            bucket = [i for i in bucket if i in there]
            if len(bucket) < 2 or len(out) == MOST_TEMPLATES:
                break
            found = _filled(_learnt([texts[i] for i in _spread(bucket, LEARNT_FROM)]), left, texts)
            if found is None:
                bucket = bucket[1:]
                continue
            out.append(found)
            left = sorted(there.difference(found.members), key=texts.__getitem__)
    return tuple(out)


def pieces(text: str) -> list[str]:
    """Lines, sentences of long lines, words of long sentences; together the text again."""
    out: list[str] = []
    for line in text.splitlines(keepends=True):
        if len(line) <= LONG:
            out.append(line)
            continue
        for sentence in _SENTENCE.findall(line):
            out += [sentence] if len(sentence) <= LONG else _WORD.findall(sentence)
    return out


def common(a: list[str], b: list[str]) -> list[str]:
    """Pieces that both have in this order: what they begin and end with, and matches in between."""
    least = min(len(a), len(b))
    head = next((i for i in range(least) if a[i] != b[i]), least)
    rest = least - head
    tail = next((i for i in range(rest) if a[-1 - i] != b[-1 - i]), rest)
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    between: list[str] = []
    if middle_a and middle_b and len(middle_a) * len(middle_b) <= _MIDDLE:
        matcher = SequenceMatcher(None, middle_a, middle_b, autojunk=False)
        for match in matcher.get_matching_blocks():
            between += middle_a[match.a : match.a + match.size]
    return a[:head] + between + a[len(a) - tail :]


def fill(runs: Sequence[str], text: str) -> tuple[str, ...] | None:
    """What stands in the open places of the template; None: the text is not written from it."""
    first, *inner, last = runs
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or len(first) > end:
        return None
    at, out = len(first), []
    for run in inner:
        place = text.find(run, at, end)
        if place < 0:
            return None
        out.append(text[at:place])
        at = place + len(run)
    return (*out, text[at:end])


def _spread(items: list[int], most: int) -> list[int]:
    """At most so many, evenly spaced."""
    return items if len(items) <= most else items[:: -(-len(items) // most)]


def _buckets(texts: Sequence[str], sample: list[int]) -> list[list[int]]:
    """Texts that share the piece which weighs most in them: length times texts that have it."""
    cut = {i: set(pieces(texts[i])) for i in sample}
    has = Counter(piece for parts in cut.values() for piece in parts)
    by_piece: defaultdict[str, list[int]] = defaultdict(list)
    for i, parts in cut.items():
        shared = [p for p in parts if has[p] > 1]
        if shared:
            by_piece[max(shared, key=lambda p: (has[p] * len(p), p))].append(i)
    return sorted(by_piece.values(), key=lambda b: (-len(b), texts[b[0]]))


def _learnt(texts: list[str]) -> tuple[str, ...]:
    """Runs of the template that most of these are written from, as the first of them tells."""
    skeleton, members = pieces(texts[0]), [pieces(texts[0])]
    for text in texts[1:]:
        cut = pieces(text)
        both = common(skeleton, cut)
        if sum(map(len, both)) >= ALIKE * max(len(text), len(texts[0])):
            skeleton = both
            members.append(cut)
    if len(members) == 1:
        return ()
    opened = set[int]()
    for cut in members:
        opened |= _places(skeleton, cut)
    return _runs(skeleton, sorted(opened))


def _places(skeleton: list[str], cut: list[str]) -> set[int]:
    """Where, in pieces of the skeleton, this text has something of its own."""
    least = min(len(skeleton), len(cut))
    head = next((i for i in range(least) if skeleton[i] != cut[i]), least)
    rest = len(skeleton) - head
    tail = next(
        (i for i in range(min(rest, len(cut) - head)) if skeleton[-1 - i] != cut[-1 - i]), rest
    )
    out, at = set[int](), head
    for i in range(head, len(skeleton) - tail):
        place = cut.index(skeleton[i], at)
        if place > at:
            out.add(i)
        at = place + 1
    return out | ({len(skeleton) - tail} if len(cut) - tail > at else set())


def _runs(skeleton: list[str], opened: list[int]) -> tuple[str, ...]:
    """The skeleton between its open places, without the islands."""
    edges = [0, *opened, len(skeleton)]
    runs = ["".join(skeleton[a:b]) for a, b in pairwise(edges)]
    inner = [run for run in runs[1:-1] if len(run) >= ISLAND]
    return (runs[0], *inner, runs[-1]) if len(runs) > 1 else ()


def _filled(runs: tuple[str, ...], left: Iterable[int], texts: Sequence[str]) -> Template | None:
    """The template with all texts that are written from it; None where it has fewer than two."""
    if not 2 <= len(runs) <= MOST_PLACES + 1:
        return None
    size = sum(map(len, runs))
    held = list(_members(runs, left, texts, size))
    if len(held) < 2:
        return None
    return Template(runs, tuple(i for i, _ in held), tuple(gaps for _, gaps in held))


def _members(
    runs: tuple[str, ...], left: Iterable[int], texts: Sequence[str], size: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    for i in left:
        if size >= ALIKE * len(texts[i]):
            gaps = fill(runs, texts[i])
            if gaps is not None:
                yield i, gaps
