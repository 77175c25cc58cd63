"""Which keys of a cache are alike: the exact neighbour graph that every threshold is replayed over.

Nodes are distinct keys (a scope and a key text), so a text asked a thousand times is one node. Edges
join keys of one scope, both ways, and stand by falling similarity. Similarities are integers, in
millionths of a cosine: the last bits of a float decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PPM = 1_000_000
"""The similarity of a key to itself."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Neighbours of key k: `neighbour[offsets[k]:offsets[k + 1]]`, most alike first, k itself left out."""

    offsets: NDArray[np.int64]  # [key + 1]
    neighbour: NDArray[np.int32]  # [edge]
    similarity_ppm: NDArray[np.int32]  # [edge]
    floor_ppm: int
    """Pairs below it are not in the graph: no lower threshold can be replayed."""
    embedder: str = ""
    """What made the vectors, as shown in the evidence."""
    raised: bool = False
    """The floor lies above the one asked for, because the graph would not have fitted."""

    @property
    def n(self) -> int:
        """Keys."""
        return len(self.offsets) - 1

    @classmethod
    def of_equals(cls, keys: int) -> Graph:
        """No two keys are alike: an exact cache."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros(keys + 1, np.int64), none, none, PPM)


NEVER = np.iinfo(np.int64).max
"""A ttl or a capacity without end."""


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The look-ups of a cache in their order."""

    rows: NDArray[np.int64]  # [arrival]: the call
    key: NDArray[np.int32]  # [arrival]: node of the graph
    at_us: NDArray[np.int64]  # [arrival], rising
    ready_us: NDArray[np.int64]  # [arrival]: when the answer is there and can be stored

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def by_ready(self) -> NDArray[np.int64]:  # [arrival]
        """Arrivals in the order in which their answers are there; ties as they arrived."""
        return np.argsort(self.ready_us, kind="stable").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of one replay."""

    threshold_ppm: int
    ttl_us: int = NEVER
    """An entry serves until this long after it was stored (or last used, with `refresh`)."""
    capacity: int = NEVER
    """Entries at once, over all scopes."""
    eviction: str = "lru"
    refresh: bool = False
    """A hit starts the ttl again."""


def arrivals_of(
    rows: NDArray[np.int64], key: NDArray[np.int32], at_us: NDArray[np.int64],
    latency_us: NDArray[np.int64],
) -> Arrivals:  # fmt: skip
    """Look-ups sorted by arrival; ties keep the order of the trace."""
    order = np.argsort(at_us, kind="stable")
    at = at_us[order]
    return Arrivals(rows[order], key[order], at, at + np.maximum(latency_us[order], 0))


@dataclass(frozen=True, eq=False)
class Served:
    """What a replay decided."""

    source: NDArray[np.int32]  # [arrival]: the arrival whose answer it gets; -1: it is sent
    similarity_ppm: NDArray[np.int32]  # [arrival]: to the entry that serves it; 0: it is sent

    @property
    def hits(self) -> NDArray[np.int64]:
        """Arrivals that are served, in order."""
        return np.flatnonzero(self.source >= 0)


def ppm(similarity: float) -> int:
    """A similarity or threshold in millionths."""
    return round(similarity * PPM)


def graph_of(
    keys: int, first: NDArray[np.integer], second: NDArray[np.integer],
    similarity_ppm: NDArray[np.integer], floor_ppm: int, embedder: str = "", raised: bool = False,
) -> Graph:  # fmt: skip
    """The graph of undirected pairs (each given once). Ties in similarity: the earlier key first."""
    source = np.concatenate((first, second)).astype(np.int64)
    target = np.concatenate((second, first)).astype(np.int32)
    alike = np.concatenate((similarity_ppm, similarity_ppm)).astype(np.int32)
    order = np.lexsort((target, -alike, source))
    counts = np.bincount(source, minlength=keys)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Graph(offsets, target[order], alike[order], floor_ppm, embedder, raised)
