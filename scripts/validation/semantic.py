"""The semantic cache against questions whose answers are known, and against real agents' calls.

Through the product's own path: convert, read, embed, neighbour graph, replay. A threshold is chosen on
the first four fifths of the look-ups and judged on the last, over many random orders.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from convert_clinc150 import convert as clinc150
from convert_qqp import convert as qqp
from judged_log import write

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.layers.parts.cacheable import asking
from costopt.layers.parts.graph import PPM, Rules
from costopt.layers.parts.look_ups import Replays
from costopt.layers.parts.semantic_run import Asked, replays_of
from costopt.layers.parts.turns import first_turns
from costopt.layers.semantic_cache import SemanticCache
from costopt.model.effect import LayerReport
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation import semantic_bounds
from validation.semantic_splits import SPLITS, Cases, Pairs, Stream, judged
from validation.semantic_vectors import known_rates, known_roc, tf_idf, written
from validation.table import Table

Convert = Callable[[Path, int], Iterator[dict[str, Any]]]
KNOWN = {"far apart (3 standard deviations)": 3.0, "near (2)": 2.0, "no use (0)": 0.0}
TF_IDF = {0.99: (65, 6), 0.95: (65, 6), 0.9: (65, 6), 0.7: (72, 12), 0.5: (87, 24), 0.4: (112, 43)}
"""Threshold to (hits, false hits) on the extraction sub-agent, counted independently of costopt."""
ABOVE = 0.05
OF_BEST = 0.7


def run(folder: Path, table: Table) -> None:
    """The bound itself, known vectors, pairs, a stream, an extraction sub-agent, agent turns."""
    semantic_bounds.run(table)
    traces = folder / "traces"
    with tempfile.TemporaryDirectory() as place:
        for name, apart in KNOWN.items():
            _known(table, name, apart, Path(place))
        log = _converted(qqp, traces / "semcache-qqp", Path(place))
        _splits(table, "QQP, built-in embedder", _pairs(_replays(log, "builtin")))
        log = _converted(clinc150, traces / "semcache-clinc150", Path(place))
        _splits(table, "CLINC150, built-in embedder", Stream(_replays(log, "builtin")))
        table.shown("a neural embedder", "not run: no model here", "weights made at random")
        _extraction(table, traces / "acr-gpt4", Path(place))
    for name in ("acr-gpt4", "miniswe-gemini3", "claudecode-vsla"):
        _agents(table, name, traces / name)


def _known(table: Table, name: str, apart: float, place: Path) -> None:
    log, embedder = known_roc(place, apart)
    pairs = _pairs(_replays(log, embedder))
    _splits(table, f"Given vectors, known ROC, {name}", pairs)
    for threshold in (0.6, 0.7):
        hits = pairs.ppm >= round(threshold * PPM)
        share, rate = known_rates(apart, threshold)
        noise = 4 * (rate * (1 - rate) / max(1.0, share * len(pairs.ppm))) ** 0.5
        got = float(pairs.false[hits].mean())
        table.near(f"false-hit rate at {threshold}", round(rate, 4), got, round(noise, 4))


def _splits(table: Table, name: str, cases: Cases) -> None:
    """Bounds kept, and hits that are there."""
    table.title(f"{name}: chosen on 80 %, judged on 20 %, {SPLITS} splits")
    for row in judged(cases):
        bound = f"{row.bound:.0%}"
        table.at_most(f"bound {bound}: splits significantly above it", ABOVE, row.above)
        table.shown(f"bound {bound}: splits above it in the long run", f"{row.truly_above:.1%}")
        beside = f"best {row.best:.2%}, found in {row.found:.0%}"
        if row.provable:
            table.at_most(
                f"bound {bound}: best hit rate over the mean one",
                1 / OF_BEST,
                row.best / max(row.hit_rate, 1e-9),
            )
        table.shown(f"bound {bound}: mean hit rate", f"{row.hit_rate:.2%}", beside)
        if row.found < 0.5 and row.reason:
            table.note(f"no threshold: {row.reason}")


def _converted(convert: Convert, folder: Path, place: Path) -> Path:
    path = place / "converted.jsonl"
    write(path, convert(folder, 0))
    return path


def _evaluator(path: Path, layer: SemanticCache) -> Evaluator:
    options = TraceOptions(traces=[str(path)], no_store=True, quiet=True)
    return prepare(options, Policy((layer,))).evaluator


def _replays(log: Path, embedder: str) -> Replays:
    """The product's graph over all look-ups, from a floor below every threshold of use."""
    evaluator = _evaluator(log, SemanticCache(ttl="none", embedder=embedder))
    view, handed = evaluator.recorded, evaluator.handed
    calls, _ = asking(view, evaluator.prices, handed, (), "none")
    asked = Asked(("tenant", "agent"), "first_turn", embedder, 300_000, None, 0.9)
    return replays_of(view, handed, asked, calls & first_turns(view))


def _pairs(replays: Replays) -> Pairs:
    """Each second call of a tenant: the similarity to the first, and whether the answers differ."""
    nearest = replays.nearest_ppm()
    served = replays.judged(Rules(threshold_ppm=replays.graph.floor_ppm))
    false = np.ones(len(nearest), np.bool_)
    false[served.hit] = served.compared.false
    second = np.arange(len(nearest)) % 2 == 1
    return Pairs(nearest[second], false[second], replays.graph.floor_ppm)


def _extraction(table: Table, folder: Path, place: Path) -> None:
    """AutoCodeRover's sub-agent that turns a sentence into JSON: hits, false ones, and exact ones."""
    table.title("acr-gpt4, extraction sub-agent: hits and false hits over thresholds")
    base = SemanticCache(
        threshold=0.9, ttl="none", match=(("agent", ("agent_proxy",)),), floor=0.4
    )  # fmt: skip
    evaluator = _evaluator(folder, base)
    vectors = _tf_idf(evaluator, place / "tf-idf.parquet")
    table.equal("first turns", 231, _told(evaluator, base).evidence["eligible_calls"])
    for threshold, expected in TF_IDF.items():
        found = _told(evaluator, _with(base, threshold, vectors)).evidence
        got = found["hits"], found["false_hits"]
        table.equal(f"TF-IDF at {threshold}: hits, false hits", expected, got)
        if threshold == 0.99:
            table.shown("of these an exact cache has", found["hits_of_an_exact_cache_too"])
            table.shown("log's own disagreement", f"{found['self_disagreement']:.1%}")
        built_in = _told(evaluator, _with(base, threshold, "builtin")).evidence
        table.shown(f"built-in at {threshold}", (built_in["hits"], built_in["false_hits"]))
    auto = _told(evaluator, _with(base, "auto", "builtin"))
    table.equal("auto at 1 %: threshold", None, auto.evidence["threshold"])
    table.note(auto.evidence["threshold_reason"])


def _with(layer: SemanticCache, threshold: Any, embedder: str) -> SemanticCache:
    return replace(layer, threshold=threshold, embedder=embedder)


def _told(evaluator: Evaluator, layer: SemanticCache) -> LayerReport:
    effect = evaluator.effect((layer,))
    return layer.report(effect.tally, effect.detail)


def _tf_idf(evaluator: Evaluator, path: Path) -> str:
    """A plain TF-IDF of the sub-agent's first user messages, as given vectors."""
    trace = evaluator.trace
    agents = trace.dims["agent"].texts()
    rows = [i for i in range(trace.n) if agents[i] == "agent_proxy"]
    asked = Asked(("tenant", "agent"), "first_turn", "builtin", PPM, None, 0.9)
    calls = np.zeros(trace.n, np.bool_)
    calls[rows] = True
    keys = replays_of(evaluator.recorded, evaluator.handed, asked, calls).look_ups.keys
    texts = evaluator.handed.texts(evaluator.recorded)
    of_key = ["\n\n".join(t or "" for t in texts.get(
        keys.ids[keys.offsets[k] : keys.offsets[k + 1]])) for k in range(keys.n)]  # fmt: skip
    ids = [trace.id[row] for row in keys.rows.tolist()]
    return written(path, ids, tf_idf([of_key[k] for k in keys.node.tolist()]))


def _agents(table: Table, name: str, folder: Path) -> None:
    """Turns of an agent's loop are not asked for, and a bound that is not proven claims nothing."""
    table.title(f"{name}: what is claimed with `threshold: auto`")
    layer = SemanticCache(threshold="auto", ttl="none")
    evaluator = _evaluator(folder, layer)
    found = _told(evaluator, layer)
    table.equal("hits", 0, found.evidence["hits"])
    table.shown("calls inside a loop, not eligible", found.evidence["agent_turns_left_out"])
    table.shown("eligible calls", found.evidence["eligible_calls"])
