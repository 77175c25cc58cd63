"""The prompt-cache simulation in block accesses a second, beside libCacheSim on the same keys.

`python -m bench.prompt_cache CALLS` is what the section's child runs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.backtest import last_json
from bench.made_trace import KnownTokens, made_trace
from bench.table import Section
from bench.timing import SCRIPTS, timed
from costopt.billing.prompt_cache.forest import Rows, Walk, walk_plain
from costopt.billing.prompt_cache.kernel import walk_compiled
from costopt.billing.prompt_cache.model import CacheModel
from costopt.model.view import View
from costopt.prices.book import load_book

GOAL = 1_000_000
RUNS = 3


def prompt_cache(calls: int) -> Section:
    """Walk, whole model and the C library, each the best of three by processor time."""
    section = Section(
        f"prompt-cache-{calls}", f"Prompt-cache simulation of {calls:,} calls",
        "Processor seconds of one process. An access is one block of a request looked up in what was\n"
        "sent before. libCacheSim's LRU with room for everything is given the same prefixes as keys: it\n"
        "answers hit or miss, where the walk also finds lengths, ages and senders of eight entries.",
    )  # fmt: skip
    run = timed([sys.executable, "-m", "bench.prompt_cache", str(calls)], SCRIPTS)
    if run.failed:
        section.say(run.failed)
        return section
    told = last_json(run.out)
    for what in ("walk", "model", "libcachesim"):
        if told[f"{what}_s"] is None:
            section.say(f"{what}: not installed (pip install libcachesim).")
            continue
        seconds = told[f"{what}_s"]
        section.say(
            f"{what}: {seconds:.2f} s, {told['accesses'] / seconds:,.0f} accesses a second, "
            f"{told['calls'] / seconds:,.0f} calls a second."
        )
    section.say(f"Accesses: {told['accesses']:,}, of them hits {told['hits']:,}; {told['same']}")
    rate = told["calls"] / told["walk_s"]
    met = "met" if rate >= GOAL else "missed"
    section.say(f"Goal {met}, calls a second of the walk: {rate:,.0f} of {GOAL:,}.")
    return section


def measured(calls: int) -> dict[str, Any]:
    """What the child prints."""
    trace = made_trace(calls)
    view, book = View.of(trace), load_book()
    model = CacheModel.of(trace, book, KnownTokens(trace.segments), None)
    lineage, rules = model.lineage, model.recorded.rules
    rows, found = lineage.walked(view, rules, lineage.inputs(view))
    new = np.unique(found.node_of_use[found.node_of_use >= 0])
    accesses = int((found.node_of_use >= 0).sum())
    told = {
        "calls": trace.n, "accesses": accesses, "hits": accesses - len(new),
        "walk_s": _best(lambda: walk_compiled(rows)), "model_s": _best(lambda: model.modelled(view)),
    }  # fmt: skip
    return told | _library(found) | {"same": _same(rows, found) if calls <= 100_000 else ""}


def _same(rows: Rows, found: Walk) -> str:
    plain = walk_plain(rows)
    equal = all(np.array_equal(getattr(plain, n), getattr(found, n)) for n in Walk.__slots__)
    return "the plain twin says the same." if equal else "THE PLAIN TWIN DIFFERS."


def _library(found: Walk) -> dict[str, Any]:
    """An LRU of unbounded size over the same keys; its misses are the prefixes first sent."""
    try:
        import libcachesim
    except ImportError:
        return {"libcachesim_s": None}
    keys = found.node_of_use[found.node_of_use >= 0]
    with tempfile.TemporaryDirectory() as folder:
        path = _oracle_file(keys, Path(folder))
        kind = libcachesim.TraceType.ORACLE_GENERAL_TRACE

        def run() -> Any:
            reader = libcachesim.TraceReader(trace=str(path), trace_type=kind)
            return libcachesim.LRU(cache_size=1 << 40).process_trace(reader)[0]

        missed, seconds = run(), _best(run)
    expected = len(np.unique(keys)) / len(keys)
    if abs(missed - expected) > 1e-9:
        raise SystemExit(f"libCacheSim misses {missed}, the walk {expected}")
    return {"libcachesim_s": seconds}


def _oracle_file(keys: NDArray[np.int32], folder: Path) -> Path:
    """libCacheSim's oracleGeneral: time, object, size, next access.

    https://github.com/1a1a11a/libCacheSim, checked 2026-11-24.
    """
    layout = [("time", "<u4"), ("object", "<u8"), ("size", "<u4"), ("next", "<i8")]
    rows = np.zeros(len(keys), np.dtype(layout))
    rows["time"], rows["object"] = np.arange(len(keys)) // 1000, keys
    rows["size"], rows["next"] = 1, -1
    path = folder / "accesses.oracleGeneral.bin"
    rows.tofile(path)
    return path


def _best(run: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(RUNS):
        started = process_time()
        run()
        seconds.append(process_time() - started)
    return min(seconds)


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
