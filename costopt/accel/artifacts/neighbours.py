"""The exact neighbour graph of a semantic cache, by faiss: every pair of keys above the floor.

Search is exhaustive (`IndexFlatIP`), scope by scope, each key against the ones before it. Where more
pairs lie above the floor than memory should hold, the floor is raised until they fit, and said so:
leaving out some pairs of a key would make the replay another cache's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts, embeddings
from costopt.accel.artifacts.embeddings import Embedded
from costopt.accel.embed import Vectors
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.graph import PPM, Graph, graph_of
from costopt.layers.parts.keys import Keys
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

Int = NDArray[np.int64]
Short = NDArray[np.int32]

MAX_PAIRS = 40_000_000
"""Pairs of a graph: 16 bytes each while it is made and as it stands, 0.6 GB."""
_BLOCK = 4_096
"""Keys searched at once: large enough for full speed, small enough for one block's results."""
_SMALL = 256
"""Scopes up to this size are one matrix product: faiss has nothing to add."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """What the vectors depend on; scopes are part of the keys."""
    return embeddings.content(spec, view)


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, artifacts: Artifacts
) -> Graph:
    """`spec`: `keys`, `embedder`, `floor_ppm`."""
    keys: Keys = spec.get("keys")
    of_keys = ArtifactSpec("embeddings", tuple(s for s in spec.settings if s[0] != "floor_ppm"))
    embedded: Embedded = artifacts.build(of_keys, view, tokens, texts)
    return joined(keys.scope, embedded, int(spec.get("floor_ppm")))


@dataclass
class Pairs:
    """Pairs found so far, with the floor that keeps them few enough."""

    floor_ppm: int
    limit: int = MAX_PAIRS
    first: list[Short] = field(default_factory=list)
    second: list[Short] = field(default_factory=list)
    similarity_ppm: list[Short] = field(default_factory=list)
    count: int = 0

    def add(self, first: Int, second: Int, cosine: NDArray[np.float32]) -> None:
        """Pairs of any similarity; those below the floor are dropped."""
        ppm = np.minimum(np.rint(cosine.astype(np.float64) * PPM), PPM).astype(np.int32)
        keep = ppm >= self.floor_ppm
        self.first.append(first[keep].astype(np.int32))
        self.second.append(second[keep].astype(np.int32))
        self.similarity_ppm.append(ppm[keep])
        self.count += int(keep.sum())
        if self.count > self.limit:
            self._raise_floor()

    def columns(self) -> tuple[Short, Short, Short]:
        """(first, second, similarity) of all pairs so far; some may lie below a floor raised since."""
        none = [np.zeros(0, np.int32)]
        return (
            np.concatenate(self.first or none),
            np.concatenate(self.second or none),
            np.concatenate(self.similarity_ppm or none),
        )

    def _raise_floor(self) -> None:
        """Half of the room is left free, so that this happens seldom."""
        first, second, ppm = (
            np.concatenate(c) for c in (self.first, self.second, self.similarity_ppm)
        )
        at = len(ppm) - self.limit // 2
        self.floor_ppm = min(int(np.partition(ppm, at)[at]) + 1, PPM)
        keep = ppm >= self.floor_ppm
        self.first, self.second = [first[keep]], [second[keep]]
        self.similarity_ppm, self.count = [ppm[keep]], int(keep.sum())


def joined(
    scope: NDArray[np.int32], embedded: Embedded, floor_ppm: int, limit: int = MAX_PAIRS
) -> Graph:
    """The graph of all keys. Scopes are searched one by one, in order."""
    pairs = Pairs(floor_ppm, limit)
    order = np.argsort(scope, kind="stable")
    bounds = np.flatnonzero(np.diff(scope[order])) + 1
    for members in np.split(order, bounds):
        if len(members) > 1:
            _search(members, embedded.vectors[embedded.text_of[members]], pairs)
    first, second, ppm = pairs.columns()
    keep = ppm >= pairs.floor_ppm
    return graph_of(
        len(scope), first[keep], second[keep], ppm[keep], pairs.floor_ppm, embedded.embedder,
        raised=pairs.floor_ppm > floor_ppm,
    )  # fmt: skip


def _search(members: Int, vectors: Vectors, pairs: Pairs) -> None:
    """Every member against those before it."""
    if len(members) <= _SMALL:
        cosine = vectors @ vectors.T
        later, earlier = np.nonzero(np.tril(cosine >= _at_least(pairs), -1))
        pairs.add(members[later], members[earlier], cosine[later, earlier])
        return
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    for start in range(0, len(members), _BLOCK):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK])
        index.add(block)
        limits, cosine, earlier = index.range_search(block, _at_least(pairs))
        later = np.repeat(np.arange(start, start + len(block)), np.diff(limits.astype(np.int64)))
        before = earlier < later
        pairs.add(members[later[before]], members[earlier[before]], cosine[before])


def _at_least(pairs: Pairs) -> float:
    """A little below the floor: rounding to millionths decides, not the last bits of a float."""
    return pairs.floor_ppm / PPM - 1e-6


def work_flop(scope: NDArray[np.int32], dimensions: int) -> float:
    """Multiplications and additions of a build: what its seconds are held against (the GEMM rate)."""
    sizes = np.bincount(scope).astype(np.float64)
    blocks = np.ceil(sizes / _BLOCK)
    # Each block meets all up to itself: half of the square, and half a block more.
    return float((2 * dimensions * sizes * (sizes + np.where(blocks > 1, _BLOCK, sizes)) / 2).sum())
