"""A greedy cache replayed over a neighbour graph, in the order of arrival.

Each call looks up the nearest key that is alive and alike enough; on a hit it gets that entry's
answer, else it is sent, and its answer is stored when it is there. A greedy cache is not monotone in
its threshold (a hit stores nothing that a later call could have hit), so each threshold is replayed.
`replay_plain` is the specification, `replay_compiled` the fast twin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.layers.eviction import eviction
from costopt.layers.parts.graph import Arrivals, Graph, Rules, Served
from costopt.layers.parts.replay_plain import replay_plain

_FEW_STEPS = 1_000_000
"""Arrivals times replays below which the plain twin (some 500,000 a second) is done before numba has
compiled for the first time."""
_ENTRIES_PER_STEP = 10
"""Entries of a full cache that the plain twin looks at in the time of one step."""
_FEW_STEPS_ONCE_COMPILED = 100_000
"""The same where an earlier run has left the machine code on disk."""


@dataclass
class _SoFar:
    steps: int = 0


_so_far = _SoFar()


def replay(arrivals: Arrivals, graph: Graph, rules: Rules, replays: int = 1) -> Served:
    """Who is served by whom. `replays`: how many the caller is about to ask for.

    ValueError: the threshold is below what the graph holds.
    """
    if rules.threshold_ppm < graph.floor_ppm and len(graph.neighbour):
        raise ValueError(f"threshold {rules.threshold_ppm} ppm below floor {graph.floor_ppm} ppm")
    few = _FEW_STEPS_ONCE_COMPILED if _is_on_disk() else _FEW_STEPS
    # A full cache looks at all its entries for the one that leaves, plainly.
    steps = arrivals.n * replays * (1 + min(rules.capacity, graph.n) // _ENTRIES_PER_STEP)
    if rules.capacity >= graph.n:
        steps = arrivals.n * replays
    # A sweep asks one replay after the other: what this process has replayed so far tells of more.
    _so_far.steps += steps
    if _so_far.steps < few or compiled() is None:
        return replay_plain(arrivals, graph, rules)
    return replay_fast(arrivals, graph, rules)


def replay_fast(arrivals: Arrivals, graph: Graph, rules: Rules) -> Served:
    """The compiled replay. RuntimeError: numba is not installed."""
    kernel = compiled()
    if kernel is None:
        raise RuntimeError("numba is not installed")
    columns = (arrivals.key, arrivals.at_us, arrivals.ready_us, arrivals.by_ready)
    edges = (graph.offsets, graph.neighbour, graph.similarity_ppm)
    source, alike = kernel(
        *(np.require(c, requirements=("C", "W")) for c in (*columns, *edges)),
        rules.threshold_ppm, rules.ttl_us, rules.capacity,
        eviction(rules.eviction).code, rules.refresh,
    )  # fmt: skip
    return Served(source, alike)


@cache
def compiled() -> Callable[..., tuple[NDArray[np.int32], NDArray[np.int32]]] | None:
    """The numba kernel, or None where numba is missing."""
    try:
        from costopt.layers.parts.replay_compiled import replay_all
    except ImportError:
        return None
    return replay_all


@cache
def _is_on_disk() -> bool:
    """numba keeps its machine code beside the source: then it is there in 0.3 s."""
    here = Path(__file__).parent / "__pycache__"
    return any(here.glob("replay_compiled.replay_all-*.nbi"))
