"""Claim: 80 % of tasks can go to small models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from convert_gsm8k import convert as gsm8k
from convert_mmlu import convert as mmlu
from validation.routing import TIERS, evaluator
from validation.routing_agents import ARMS

from costopt.engine.evaluate import Evaluator
from costopt.layers.parts.interval import wilson
from costopt.layers.route import Route
from study.logs import Log, small_model
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, rate, saved, span, table

CLAIMED = 0.8
SETS = {"GSM8K (school mathematics)": ("route-gsm8k", gsm8k),
        "MMLU (questions of 15 subjects)": ("route-mmlu", mmlu)}  # fmt: skip
SPLITS = 10


def of_log(e: Evaluator, log: Log) -> Figures:
    """By the usual rule, and four calls of five whatever they are."""
    return {
        "calls": int(e.charged.sum()), "small": small_model(e),
        "rule": priced(e, Route(tiers=(("simple", small_model(e)),))),
        "most": priced(e, four_of_five(e)),
    }  # fmt: skip


def four_of_five(e: Evaluator) -> Route:
    """The 80 % with the shortest requests: as good a guess at `simple` as a log without labels allows."""
    inputs = e.trace.input_tokens[e.charged]
    limit = int(np.quantile(inputs, CLAIMED)) if len(inputs) else 0
    return Route(
        tiers=(("simple", small_model(e)),),
        rules=(("simple", (("max_input_tokens", limit),)),),
    )


def of_sets(folder: Path) -> Figures:
    """Problems answered by a small and a large model, and judged; and one agent on four models."""
    found: Figures = {}
    for name, (where, convert) in SETS.items():
        path = folder / "traces" / where
        if path.exists():
            found[name] = _of_set([evaluator(path, convert, seed) for seed in range(SPLITS)])
    return found


def of_arms(e: Evaluator, folder: Path) -> Figures:
    """tau2-retail alone: the same tasks were run on four models, so a projection can be held to the truth."""
    passed = _passed(folder / "traces" / "tau2-retail")
    agent = np.array(e.trace.dims["agent"].texts()) == "retail_agent"
    model = np.array(e.trace.dims["model"].texts())
    out = {}
    for source, target in ARMS:
        rule = (("model", (source,)), ("agent", ("retail_agent",)))
        layer = Route(tiers=(("simple", target), ("complex", source)), rules=(("simple", rule),))
        rows, there = agent & (model == source), agent & (model == target)
        ends = [replace(layer, **dict(zip(layer.ranges(), end, strict=True)))
                for end in zip(*layer.ranges().values(), strict=True)]  # fmt: skip
        cases = [_each(e, e.priced(e.state((x,))).net_pusd, rows) for x in (layer, *ends)]
        out[f"{source} to {target}"] = {
            "before_usd": _each(e, e.baseline.net_pusd, rows),
            "projected_usd": cases[0], "projected_range": [min(cases), max(cases)],
            "real_usd": _each(e, e.baseline.net_pusd, there),
            "passed_before": passed.get(source), "passed_after": passed.get(target),
            "moved": bool(e.effect((layer,)).touched is not None),
        }  # fmt: skip
    return out


def _each(e: Evaluator, pusd: Any, rows: Any) -> float:
    return float(pusd[rows].sum()) / max(1, len(np.unique(e.trace.session[rows]))) / 1e12


def _passed(folder: Path) -> dict[str, tuple[int, int]]:
    """By model: runs with full reward, and runs, straight from the runs' own files."""
    out: dict[str, tuple[int, int]] = {}
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        runs = [json.loads(p.read_text()) for p in sorted(place.glob("*.json"))]
        runs = [r for r in runs if r["messages"]]
        good = sum((r.get("reward_info") or {}).get("reward") == 1.0 for r in runs)
        for short in ("gpt-5-nano", "gpt-5-mini", "gemini-3-flash", "gpt-4.1-mini"):
            if short in place.name:
                name = "gemini-3-flash-preview" if short == "gemini-3-flash" else short
                out[name] = (good, len(runs))
                break
    return out


def _of_set(splits: list[Evaluator]) -> Figures:
    """A router learnt on one half of the problems, judged on the other, where it moves 80 %."""
    whole = Route(tiers=TIERS, rules=(("simple", (("agent", ("solver",)),)),))
    tally = splits[0].effect((whole,)).tally
    both, lost, gained, neither = (
        tally[f"simple.moved.{cell}"] for cell in ("both", "lost", "gained", "neither")
    )
    points = [_at(e) for e in splits]
    n = both + lost + gained + neither
    low, high = wilson(both + gained, n)
    return {
        "problems": n, "small_right": (both + gained) / n, "small_ci95": [float(low), float(high)],
        "large_right": (both + lost) / n,
        **{name: _quantiles([p[name] for p in points]) for name in points[0]},
    }  # fmt: skip


def _at(e: Evaluator) -> dict[str, float]:
    curve = e.effect((Route(tiers=TIERS, classifier="features"),)).detail["curve"]
    point = min(curve, key=lambda p: abs(p["moved_share"] - CLAIMED))
    return {
        "moved": point["moved_share"], "cheaper": point["saved_share"],
        "right": point["routed"], "lost": point["always_large"] - point["routed"],
        "line": point["random_mixing"],
    }  # fmt: skip


def _quantiles(values: list[float]) -> list[float]:
    return [float(v) for v in np.quantile(values, (0.5, 0.025, 0.975))]


def told(found: Figures, logs: Figures) -> list[str]:
    lines: list[str] = []
    if found.get("sets"):
        lines += [*table(
            ("judged problems", "small model right", "large model right", "80 % moved: right answers lost",
             "cheaper, of what all moved would be", "random mixing as cheap: right", "router: right"),
            (_set_row(n, f) for n, f in found["sets"].items())), ""]  # fmt: skip
    lines += table(
        ("log", "small model", "short, first turn, no tools", "bill saved", "shortest 80 % moved: bill saved",
         "cached before, after", "eaten by so many extra steps a session"),
        (_row(n, f, logs) for n, f in found["logs"].items()))  # fmt: skip
    if found.get("arms"):
        lines += ["", *table(
            ("one help desk, four models", "a session cost", "projected", "it really cost",
             "tasks passed, before", "after"),
            (_arm(n, a) for n, a in found["arms"].items())), "", *_arms_told(found["arms"])]  # fmt: skip
    return lines


def _set_row(name: str, f: Figures) -> tuple[str, ...]:
    def three(key: str, scale: float = 100, unit: str = " %") -> str:
        middle, low, high = (scale * v for v in f[key])
        return f"{middle:.1f}{unit} ({low:.1f} to {high:.1f})"

    return (
        f"{name}, {f['problems']:,}", rate(f["small_right"], f["small_ci95"]),
        pct(f["large_right"], 0), three("lost", unit=" of 100"), three("cheaper"),
        three("line"), three("right"),
    )  # fmt: skip


def _row(name: str, f: Figures, logs: Figures) -> tuple[str, ...]:
    most = f["most"]["layers"][0]
    even = most["break_even"]
    cached = [most["evidence"].get(f"cached_share_{when}") for when in ("before", "after")]
    return (
        named(name, logs), f["small"], pct(f["rule"]["layers"][0]["touched"] / f["calls"], 0),
        saved(f["rule"]), saved(f["most"]), f"{pct(cached[0], 0)}, {pct(cached[1], 0)}",
        "-" if even is None
        else f"{even['extra_steps_per_session']:.0f} on {even['steps_per_session']:.0f}",
    )  # fmt: skip


def _arm(name: str, a: Figures) -> tuple[str, ...]:
    def runs(pair: list[int] | None) -> str:
        if pair is None:
            return "-"
        low, high = wilson(*pair)
        return f"{pair[0]} of {pair[1]} ({100 * float(low):.0f} to {100 * float(high):.0f} %)"

    low, high = a["projected_range"]
    projected = (
        f"${a['projected_usd']:.5f} ({low:.5f} to {high:.5f})" if a["moved"] else "not moved"
    )
    return (
        name, f"${a['before_usd']:.5f}", projected, f"${a['real_usd']:.5f}",
        runs(a["passed_before"]), runs(a["passed_after"]),
    )  # fmt: skip


def _arms_told(arms: Figures) -> list[str]:
    fewer, known = _fewer(arms)
    if not known:
        return []
    return [
        f"After {fewer} of {known} moves fewer tasks passed. The price list could be read beforehand, the "
        "passes could not. Brackets behind a projection: the range of what no log measures, visible length "
        "and whether a model without hidden reasoning thinks aloud. It books the dear end of the latter."
    ]


def _fewer(arms: Figures) -> tuple[int, int]:
    """(moves after which fewer tasks passed, moves of which it is known)."""
    known = [a for a in arms.values() if a["passed_before"] and a["passed_after"]]
    shares = [[p[0] / p[1] for p in (a["passed_before"], a["passed_after"])] for a in known]
    return sum(after < before for before, after in shares), len(known)


def headline(found: Figures) -> Headline:
    rule = [100 * f["rule"]["layers"][0]["touched"] / f["calls"] for f in found["logs"].values()]
    says = f"{span(rule)} of the agents' calls are short, without tools and without history"
    sets = found.get("sets", {}).values()
    if sets:
        lost = [100 * f["lost"][0] for f in sets]
        right = [100 * f["small_right"] for f in sets]
        says += (
            f"; on judged problems the small model is right on {span(right)}, and moving 80 % of them "
            f"loses {span(lost, '')} right answers in 100"
        )
    fewer, known = _fewer(found.get("arms", {}))
    if known:
        says += f"; a help desk really run on four models passed fewer tasks after {fewer} of {known} moves"
    return Headline(
        "80 % of tasks can go to small models", says,
        "cheaper, yes; as good, no" if sets else "cheaper, yes; as good, unverified",
    )  # fmt: skip


def marks(found: Figures) -> list[Mark]:
    agents = [
        Mark(n, 100 * f["rule"]["layers"][0]["touched"] / f["calls"], assumed=True)
        for n, f in found["logs"].items()
    ]
    return agents + [
        Mark(n.split(" ")[0], 100 * f["small_right"]) for n, f in found.get("sets", {}).items()
    ]
