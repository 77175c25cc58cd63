"""Blocks of text to columns: each distinct block once, uses as 64-bit ids in wire order.

An id is folded from the 128-bit content hash, so that no table of known blocks is needed to give one
(any process gives the same). Among ten million blocks two share an id with a chance of 3 in a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from costopt.model.call import Segment
from costopt.model.identity import SEED

if TYPE_CHECKING:
    import pyarrow as pa

_FOLD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads the high half over the low one
# Blocks remembered so that a resent one is not stored again; beyond it `KnownIds` still finds it.
RECENT_SEGMENTS = 400_000
PART = 512
"""Texts that stand together in memory: a large array is moved, page by page, each time it grows."""


def folded(pairs: NDArray[np.uint64]) -> NDArray[np.uint64]:  # [digest, 2] -> [digest]
    """The store's segment ids of 128-bit digests."""
    return pairs[:, 1] + pairs[:, 0] * _FOLD


def halves(digests: list[bytes]) -> NDArray[np.uint64]:  # [digest, 2]
    """Big-endian halves of 16-byte digests."""
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Uses:
    """Segment uses of a batch of calls; a call whose blocks the log leaves out has length -1."""

    ids: NDArray[np.uint64]  # [use]
    flags: NDArray[np.uint8]  # [use]
    lengths: NDArray[np.int64]  # [call]

    def arrays(self) -> tuple[pa.Array, pa.Array]:
        """List columns of ids and of flags; flags are NULL where a call sets none."""
        import pyarrow as pa

        offsets = np.concatenate(([0], np.cumsum(np.maximum(self.lengths, 0)))).astype(np.int32)
        marked = np.concatenate(([0], np.cumsum(self.flags != 0)))
        plain = marked[offsets[1:]] == marked[offsets[:-1]]
        places = pa.array(offsets)
        ids = pa.ListArray.from_arrays(places, pa.array(self.ids), mask=pa.array(self.lengths < 0))
        flags = pa.ListArray.from_arrays(places, pa.array(self.flags), mask=pa.array(plain))
        return ids, flags


class SegmentBook:
    """Gives digests of blocks, and keeps those not seen lately for the next `take`."""

    def __init__(self, *, no_content: bool) -> None:
        self._no_content = no_content
        self._recent: set[bytes] = set()
        self._by_object: dict[int, bytes] = {}
        self._new: list[Segment] = []
        self._new_digests: list[bytes] = []
        self._heads: dict[tuple[int, str], bytes] = {}

    def uses(self, blocks: list[list[Segment] | None]) -> Uses:
        """Uses of these blocks, call by call. Blocks must stay alive until `take`."""
        by_object, digests, flags = self._by_object, list[bytes](), bytearray()
        for block in blocks:
            for segment in block or ():
                found = by_object.get(id(segment))
                digests.append(self.digest(segment) if found is None else found)
                flags.append(segment.breakpoint)
        lengths = np.array([-1 if b is None else len(b) for b in blocks], np.int64)
        return Uses(folded(halves(digests)), np.frombuffer(bytes(flags), np.uint8), lengths)

    def digest(self, segment: Segment) -> bytes:
        """`model.identity.segment_digest`, remembered for this object until the next `take`."""
        digest = segment.digest
        if not digest:
            head = self._heads.get((segment.kind, segment.name)) or self._head(segment)
            # The bytes go at once: kept until `take`, each would cost the kernel fresh pages.
            digest = xxh3_128_digest(head + encoded(segment.text), SEED)
        self._by_object[id(segment)] = digest
        if digest not in self._recent:
            self._recent.add(digest)
            self._new.append(segment)
            self._new_digests.append(digest)
        return digest

    def _head(self, segment: Segment) -> bytes:
        head = encoded(f"{int(segment.kind)}\0{segment.name}\0")
        if len(self._heads) < 10_000:
            self._heads[(segment.kind, segment.name)] = head
        return head

    def take(self) -> pa.Table:
        """The blocks that are new since the last call, as rows of `segments`."""
        import pyarrow as pa

        new, pairs = self._new, halves(self._new_digests)
        all_texts = [s.text for s in new]
        sizes = [len(t) if t.isascii() else len(encoded(t)) for t in all_texts]
        given = np.array([bool(s.digest) for s in new], np.bool_)
        texts, raws = _columns(all_texts, given | self._no_content)
        columns: dict[str, Any] = {
            "id": folded(pairs), "digest_hi": pairs[:, 0], "digest_lo": pairs[:, 1],
            "kind": np.array([s.kind for s in new], np.uint8),
            "name": pa.array([visible(s.name) for s in new], pa.string()),
            "bytes": np.array(sizes, np.int64),
            "tokens": np.array([s.tokens for s in new], np.int64),
            "has_text": ~given, "text": texts, "raw": raws,
        }  # fmt: skip
        self._new, self._new_digests, self._by_object = [], [], {}
        if len(self._recent) > RECENT_SEGMENTS:
            self._recent.clear()
        return pa.table(columns)


def _columns(
    texts: list[str], without: NDArray[np.bool_]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """The texts (NULL: `without` it), and in a column of their own those that are no valid Unicode."""
    import pyarrow as pa

    kept: list[str | None] = list(texts)
    if without.any():
        kept = [None if w else t for t, w in zip(texts, without.tolist(), strict=True)]
    parts = [_part(kept[at : at + PART]) for at in range(0, len(kept), PART)]
    return (
        pa.chunked_array([plain for plain, _ in parts], pa.large_string()),
        pa.chunked_array([raws for _, raws in parts], pa.large_binary()),
    )


def _part(texts: list[str | None]) -> tuple[pa.Array, pa.Array]:
    import pyarrow as pa

    try:
        return pa.array(texts, pa.large_string()), pa.nulls(len(texts), pa.large_binary())
    except UnicodeEncodeError:
        odd = [t if t is not None and not _is_unicode(t) else None for t in texts]
        plain = [t if o is None else None for t, o in zip(texts, odd, strict=True)]
        raws = [None if o is None else encoded(o) for o in odd]
        return pa.array(plain, pa.large_string()), pa.array(raws, pa.large_binary())


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encoded(text: str) -> bytes:
    """UTF-8, lone surrogates included: what the content hash is made over."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def visible(text: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate becomes `\\udc80`."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


class KnownIds:
    """The ids of all blocks in the store: eight bytes each, asked in bulk."""

    def __init__(self, ids: NDArray[np.uint64]) -> None:
        self._sorted = np.sort(ids)
        self._fresh: list[NDArray[np.uint64]] = []
        self._fresh_count = 0

    def new(self, ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of these are not known yet (of repeats the first); they are known from now on."""
        first = np.zeros(len(ids), np.bool_)
        first[np.unique(ids, return_index=True)[1]] = True
        for known in (self._sorted, *self._fresh):
            first &= ~_inside(known, ids)
        self._remember(np.sort(ids[first]))
        return first

    def _remember(self, ids: NDArray[np.uint64]) -> None:
        self._fresh.append(ids)
        self._fresh_count += len(ids)
        if len(self._fresh) >= 32 or self._fresh_count > len(self._sorted):
            self._sorted = np.sort(np.concatenate([self._sorted, *self._fresh]), kind="stable")
            self._fresh, self._fresh_count = [], 0


def _inside(known: NDArray[np.uint64], ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(ids), np.bool_)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return known[place] == ids
