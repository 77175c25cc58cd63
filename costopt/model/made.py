"""Segments that layers made: a result cut short, a summary, a compressed block.

They stand behind the trace's own segments, so ids of the trace keep their meaning in every view. A
made segment knows its tokens; its text is written only where somebody asks for it (a replay).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costopt.model.ports import Texts
from costopt.model.trace import Categorical, SegmentTable

Int = NDArray[np.int64]
CUT = "\n[...]\n"
"""What stands where the middle of a text was cut out."""


@dataclass(frozen=True)
class Made:
    """`base` rows first, then `k` made ones; arrays below have the made segment as their axis."""

    base: SegmentTable
    digest: NDArray[np.uint64]  # [made, 2]
    kind: NDArray[np.int8]  # [made]
    name: NDArray[np.int32]  # [made], codes into `base.name`
    tokens: Int  # [made]
    source: NDArray[np.int32]  # [made]: segment it was made from; -1: from several or none
    head: Int  # [made]: leading tokens of the source that it keeps
    tail: Int  # [made]: trailing ones
    whole: Int  # [made]: tokens of its source; 0: not told
    text: Mapping[int, str] = field(default_factory=dict)
    """Made segment (0..k-1) to its text, where a layer wrote one."""

    @classmethod
    def none(cls, base: SegmentTable) -> Made:
        """A view that no layer has added a segment to."""
        empty = np.zeros(0, np.int64)
        small = empty.astype(np.int32)
        return cls(
            base, np.zeros((0, 2), np.uint64), small.astype(np.int8), small, empty, small,
            empty, empty, empty,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def table(self) -> SegmentTable:
        """All segments, the trace's and the made ones, as one table."""
        base = self.base
        if not len(self):
            return base
        return SegmentTable(
            np.concatenate((base.digest, self.digest)),
            np.concatenate((base.kind, self.kind)),
            Categorical(np.concatenate((base.name.codes, self.name)), base.name.values),
            np.concatenate((base.n_bytes, self.tokens * 4)),
            np.concatenate((base.tokens, self.tokens)),
            np.concatenate((base.has_text, self._has_text())),
        )

    def _has_text(self) -> NDArray[np.bool_]:  # [made]
        """A layer wrote it, or it keeps a part of a source that has one."""
        out = np.array([i in self.text for i in range(len(self))], np.bool_)
        n, kept = len(self.base), (self.source >= 0) & (self.head + self.tail > 0)
        own = np.flatnonzero(kept & (self.source < n))
        out[own] |= self.base.has_text[self.source[own]]
        # A source that was made itself stands before what was made of it.
        for i in np.flatnonzero(kept & (self.source >= n)).tolist():
            out[i] |= out[self.source[i] - n]
        return out

    def added(
        self, *, kind: NDArray[np.int8], name: NDArray[np.int32], tokens: Int,
        source: NDArray[np.int32], head: Int, tail: Int, mark: str | Sequence[str],
        text: Sequence[str] | None = None, whole: Int | None = None,
    ) -> tuple[Made, NDArray[np.int32]]:  # fmt: skip
        """More made segments, and the ids that requests use for them.

        `mark` names layer and settings: the same source made by the same mark is the same content and
        has one id, whether it is asked for twice here or was made before. One made of several
        segments names them in a mark of its own: then `mark` has one for each.
        """
        size = np.zeros(len(kind), np.int64) if whole is None else whole
        digests = self._digests(
            mark, kind, name, tokens, source, np.stack((head, tail, size), 1), text
        )
        ids, new = self._ids_of(digests)
        if not len(new):
            return self, ids
        more = dict(self.text)
        if text is not None:
            more.update({len(self) + i: text[k] for i, k in enumerate(new.tolist())})
        made = replace(
            self,
            digest=np.concatenate((self.digest, digests[new])),
            kind=np.concatenate((self.kind, kind[new].astype(np.int8))),
            name=np.concatenate((self.name, name[new].astype(np.int32))),
            tokens=np.concatenate((self.tokens, tokens[new].astype(np.int64))),
            source=np.concatenate((self.source, source[new].astype(np.int32))),
            head=np.concatenate((self.head, head[new].astype(np.int64))),
            tail=np.concatenate((self.tail, tail[new].astype(np.int64))),
            whole=np.concatenate((self.whole, size[new].astype(np.int64))),
            text=more,
        )
        return made, ids

    def _digests(
        self, mark: str | Sequence[str], kind: NDArray[np.int8], name: NDArray[np.int32], tokens: Int,
        source: NDArray[np.int32], cut: Int, text: Sequence[str] | None,
    ) -> NDArray[np.uint64]:  # fmt: skip
        """[new, 2]: by content, so that parts of a trace make what the whole makes."""
        names = np.array([_digest(n) for n in self.base.name.values], np.uint64).reshape(-1, 2)
        if isinstance(mark, str):
            marks = np.broadcast_to(np.array(_digest(mark), np.uint64), (len(kind), 2))
        else:
            marks = np.array([_digest(m) for m in mark], np.uint64).reshape(-1, 2)
        columns = [marks, names[name], self._content(source)]
        columns += [np.stack((c, c), 1).astype(np.uint64) for c in (kind, tokens, *cut.T)]
        if text is not None:
            columns.append(np.array([_digest(t) for t in text], np.uint64).reshape(-1, 2))
        return _mixed(columns)

    def _content(self, segments: NDArray[np.int32]) -> NDArray[np.uint64]:
        """[segment asked, 2]: content hash; zeros for none (-1)."""
        out = np.zeros((len(segments), 2), np.uint64)
        there = segments >= 0
        out[there] = self.table.digest[segments[there]]
        return out

    def _ids_of(self, digests: NDArray[np.uint64]) -> tuple[NDArray[np.int32], Int]:
        """(an id for each content, places of those that are new, each content once)."""
        known = len(self)
        both = np.concatenate((self.digest, digests))
        order = np.lexsort((both[:, 1], both[:, 0]))  # stable: the first of a content leads it
        same = (both[order[1:]] == both[order[:-1]]).all(axis=1)
        leads = np.concatenate((np.ones(min(1, len(order)), np.bool_), ~same))
        first = np.empty(len(both), np.int64)
        first[order] = order[leads][np.cumsum(leads) - 1]
        new = np.flatnonzero(first[known:] == np.arange(known, len(both)))
        number = np.concatenate((np.arange(known), np.zeros(len(digests), np.int64)))
        number[known + new] = known + np.arange(len(new))
        return (len(self.base) + number[first[known:]]).astype(np.int32), new


def _digest(text: str) -> tuple[int, int]:
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")


_SEEDS = np.array([0x9E3779B97F4A7C15, 0xD1B54A32D192ED03], np.uint64)
_ONCE, _TWICE = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _mixed(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:  # [row, 2]
    """One hash of each row, all rows at a time: the finalizer of SplitMix64 after every column
    (https://prng.di.unimi.it/splitmix64.c, checked 2026-11-24), in two lanes."""
    state = np.broadcast_to(_SEEDS, columns[0].shape)
    for nth, column in enumerate(columns):
        state = (state ^ column) + _SEEDS * np.uint64(nth + 1)
        state = (state ^ (state >> np.uint64(30))) * _ONCE
        state = (state ^ (state >> np.uint64(27))) * _TWICE
        state = state ^ (state >> np.uint64(31))
    return np.asarray(state)


@dataclass(frozen=True)
class MadeTexts:
    """`Texts` of a view: the store's for the trace's segments, written here for made ones."""

    base: Texts
    made: Made

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        """Texts in the order asked; a cut one keeps the share of characters that its tokens are."""
        ids = [int(s) for s in segments]
        n = len(self.made.base)
        wanted = [s if s < n else int(self.made.source[s - n]) for s in ids]
        there = [s for s in wanted if 0 <= s < n]
        found = dict(zip(there, self.base.get(there), strict=True)) if there else {}
        return [
            found.get(source) if s < n else self._written(s - n, source, found)
            for s, source in zip(ids, wanted, strict=True)
        ]

    def _written(self, i: int, source: int, found: Mapping[int, str | None]) -> str | None:
        if i in self.made.text:
            return self.made.text[i]
        made_too = source >= len(self.made.base)
        below = self.get([source])[0] if made_too else found.get(source)
        if below is None or not self.made.head[i] + self.made.tail[i]:
            return None
        whole = self._tokens_before(i)
        head = len(below) * int(self.made.head[i]) // whole
        tail = len(below) * int(self.made.tail[i]) // whole
        return below[:head] + CUT + (below[-tail:] if tail else "")

    def _tokens_before(self, i: int) -> int:
        """Tokens of the source as far as known, at least what is kept of it."""
        source = int(self.made.source[i])
        known = int(self.made.whole[i]) or int(self.made.table.tokens[source])
        if known < 0:
            known = int(self.made.base.n_bytes[source]) // 4
        return max(1, known, int(self.made.head[i] + self.made.tail[i]))
