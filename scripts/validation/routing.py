"""Routing on judged problems: a router learnt on one half of what two models answered, judged on the other.

Through the product's own path: convert, read, `route` with `classifier: features` in an Evaluator. Every
split is another seeded order of the stream, so the halves by time are other halves. The mark to beat is
the straight line of random mixing between always-small and always-large that saves as many dollars.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from convert_gsm8k import convert as gsm8k
from convert_mmlu import convert as mmlu
from judged_log import write

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.layers.route import Route
from costopt.model.bill import PriceStatus
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation.table import Table

SMALL, LARGE = "together/mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
TIERS = (("simple", SMALL), ("complex", LARGE))
SPLITS = 20
ROUTERS = {
    "features, by chance": {"classifier": "features"},
    "features, by dollars": {"classifier": "features", "right_answer_usd": 0.01},
    "nearest, by dollars": {"classifier": "embedding", "right_answer_usd": 0.01},
    "by subject": {"classifier": "recorded", "max_loss": 0.1},
}
"""Each at the threshold that makes about half of the saving, told by its scores and prices, not by labels."""
Convert = Callable[[Path, int], Iterator[dict[str, Any]]]


@dataclass(frozen=True)
class Point:
    """A router on the half that it was not learnt from. Dollars are of all calls to the large model."""

    beside: dict[str, Any]
    usd_share: float
    """Of what always-large costs; 1: nothing moved."""


def run(folder: Path, table: Table) -> None:
    """Both data sets; the counts that must come out, then the routers."""
    traces = folder / "traces"
    _judged(table, "GSM8K", traces / "route-gsm8k", gsm8k, (1319, 842, 1130, 1225))
    _judged(table, "MMLU, 15 subjects", traces / "route-mmlu", mmlu, None)
    _agents(table, traces)


def _judged(
    table: Table, name: str, folder: Path, convert: Convert, counts: tuple[int, ...] | None
) -> None:
    table.title(f"Routing on {name}: Mixtral-8x7B or gpt-4-1106, judged on the left-out half")
    whole = _whole(evaluator(folder, convert, 0))
    if counts is not None:
        for word, expected, got in zip(
            ("problems", "small right", "large right", "oracle"), counts, whole, strict=True
        ):
            table.equal(f"{name}: {word}", expected, got)
    else:
        table.shown(f"{name}: problems, small, large right, oracle", " / ".join(map(str, whole)))
    splits = [evaluator(folder, convert, seed) for seed in range(SPLITS)]
    for router, settings in ROUTERS.items():
        _told(table, name, router, [_point(e, settings) for e in splits])
    _line_is_honest(table, name, splits)


def evaluator(folder: Path, convert: Convert, seed: int) -> Evaluator:
    """The seed's stream, read as a user's log."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "judged.jsonl"
        write(path, convert(folder, seed))
        options = TraceOptions(traces=[str(path)], no_store=True, quiet=True, offline=True)
        return prepare(options, Policy(())).evaluator


def _whole(e: Evaluator) -> tuple[int, int, int, int]:
    """(problems, right by small, by large, by either) as the layer counts them, everything moved."""
    layer = Route(tiers=TIERS, rules=(("simple", (("agent", ("solver",)),)),))
    tally = e.effect((layer,)).tally
    both, lost, gained, neither = (
        tally[f"simple.moved.{cell}"] for cell in ("both", "lost", "gained", "neither")
    )
    return both + lost + gained + neither, both + gained, both + lost, both + lost + gained


def _point(e: Evaluator, settings: dict[str, Any]) -> Point:
    """The router at half of the saving."""
    layer = Route(tiers=TIERS, **settings)
    points = e.effect((layer,)).detail["curve"]
    if points:
        half = min(points, key=lambda p: abs(p["saved_share"] - 0.5))["threshold"]
        name = "threshold" if layer.right_answer_usd is None else "right_answer_usd"
        layer = replace(layer, **{name: half})
    effect = e.effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    return Point(report.evidence["quality"]["simple"], _usd_share(e, layer))


def _usd_share(e: Evaluator, layer: Route) -> float:
    """Dollars of the calls that went to the large model, behind the router and its overhead, to before."""
    large = np.array(e.trace.dims["model"].texts()) == LARGE
    charged = large & (e.bill_of(e.recorded).status == PriceStatus.PRICED)
    priced = e.priced(e.state((layer,)))
    after = int(priced.net_pusd[charged].sum()) + int(priced.overhead_pusd.sum())
    return after / int(e.baseline.net_pusd[charged].sum())


def _told(table: Table, name: str, router: str, points: list[Point]) -> None:
    beside = [p.beside for p in points]
    for word in ("moved_share", "saved_share"):
        table.shown(
            f"{name}: {router}: {word.replace('_', ' ')}", _range([b[word] for b in beside])
        )
    table.shown(
        f"{name}: {router}: dollars, of always-large", _range([p.usd_share for p in points])
    )
    for word in (
        "always_small",
        "random_mixing",
        "dearest_first",
        "routed",
        "always_large",
        "oracle",
    ):
        table.shown(
            f"{name}: {router}: {word.replace('_', ' ')}", _range([b[word] for b in beside])
        )
    advantage = [100 * b["advantage"] for b in beside]
    table.shown(f"{name}: {router}: above the line, points", _range(advantage, 1))
    sure = sum(b["verdict"] == "better than the line" for b in beside)
    low, high = _mean_interval([b["advantage"] for b in beside])
    verdict = "better than the line" if low > 0 else "not better than the line"
    table.shown(
        f"{name}: {router}: mean advantage, 95 %",
        f"{100 * (low + high) / 2:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", verdict,
    )  # fmt: skip
    table.shown(f"{name}: {router}: splits surely above the line", f"{sure} of {len(beside)}")


def _range(values: list[float], digits: int = 3) -> str:
    low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _mean_interval(values: list[float]) -> tuple[float, float]:
    """Of the advantage over random halves. The halves overlap, so the spread of the splits is not divided

    by their number: the standard deviation over splits is what one left-out half tells (Nadeau and
    Bengio's correction with as many judged as learnt from: 1/n + 1 of the variance).
    """
    spread = float(np.std(values, ddof=1)) * np.sqrt(1.0 / len(values) + 1.0)
    mean = float(np.mean(values))
    return mean - 1.96 * spread, mean + 1.96 * spread


def _line_is_honest(table: Table, name: str, splits: list[Evaluator]) -> None:
    """A router that knows nothing (even places in the shuffled stream) lies on the line, and is told so."""
    sure, advantages = 0, []
    for e in splits:
        layer = Route(tiers=TIERS, rules=(("simple", (("session", ("p*[02468]",)),)),))
        effect = e.effect((layer,))
        beside = layer.report(effect.tally, effect.detail).evidence["quality"]["simple"]
        advantages.append(100 * beside["advantage"])
        sure += beside["verdict"] == "better than the line"
    table.shown(f"{name}: a coin as router: above the line, points", _range(advantages, 1))
    table.at_most(f"{name}: a coin as router called better, of {len(splits)}", 2, sure)


def _agents(table: Table, traces: Path) -> None:
    """Real agents, by rule, without labels: what it would save if the answers held, and what is lost."""
    table.title("Routing of real agents by rule: unverified; dollars through the provider's cache")
    from validation import routing_agents

    routing_agents.run(traces, table)
