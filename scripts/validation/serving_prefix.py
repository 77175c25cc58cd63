"""The block prefix cache on Mooncake's conversation trace: the ideal, the curve over capacity, the twin."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.run import prefix_hits
from validation.table import Table

Int = NDArray[np.int64]
CAPACITIES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
IDEAL = 0.3664


def run(folder: Path, table: Table) -> None:
    """Hit shares count blocks, as the trace does."""
    offsets, ids = _trace(folder / "traces" / "mooncake" / "conversation_trace.jsonl")
    table.title("prefix cache: Mooncake's conversation trace, LRU by vLLM's rules")
    blocks = int(ids.max()) + 2
    prefix_hits(offsets[:3], ids[: offsets[2]], blocks, fast=True)
    started = time.perf_counter()
    hits = prefix_hits(offsets, ids, blocks, fast=True)
    spent = time.perf_counter() - started
    table.near("hit share with room for everything", IDEAL, _share(hits, offsets), 0.00005)
    shares = [_share(prefix_hits(offsets, ids, c, fast=True), offsets) for c in CAPACITIES]
    for capacity, share in zip(CAPACITIES, shares, strict=True):
        table.shown(f"hit share with {capacity:,} blocks", f"{share:.2%}")
    table.equal("the curve never falls", True, shares == sorted(shares))
    plain = prefix_hits(offsets, ids, CAPACITIES[2], fast=False)
    fast = prefix_hits(offsets, ids, CAPACITIES[2], fast=True)
    table.equal(
        "requests where the compiled cache and its twin differ", 0, int((plain != fast).sum())
    )
    table.note(f"{len(ids) / spent / 1e6:.1f} million block accesses a second")


def _trace(path: Path) -> tuple[Int, Int]:
    """Offsets and dense ids of the blocks of every request."""
    rows = [json.loads(line)["hash_ids"] for line in path.read_bytes().splitlines()]
    _, dense = np.unique(np.array([one for row in rows for one in row]), return_inverse=True)
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    return offsets.astype(np.int64), dense.astype(np.int64)


def _share(hits: Int, offsets: Int) -> float:
    """Blocks found, of all."""
    return float(hits.sum() / offsets[-1])
