"""Threshold curve: what a semantic cache would answer at each threshold, and how much of it wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, Fact, NotApplicable, Series, Table
from costopt.report.policy_words import NO_POLICY
from costopt.report.words import percent

ORDER = 58
NAME, TITLE = "threshold_curve", "Semantic cache: hits and false hits by threshold"
Evidence = Mapping[str, Any]


def build(result: Result) -> Card | NotApplicable:
    """Each semantic cache of the policy that has a curve."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    layers = result.projection.layers
    found = [layer["evidence"] for layer in layers if has_thresholds(layer["evidence"])]
    if not found:
        return NotApplicable(NAME, TITLE, "no layer of the policy has a threshold to choose")
    several = len(found) > 1
    numbers = [f" {i}" if several else "" for i in range(1, len(found) + 1)]
    return Card(
        NAME, TITLE, " ".join(_lead(e) for e in found),
        facts=[fact for e in found for fact in _facts(e)],
        tables=[_table(e, n) for e, n in zip(found, numbers, strict=True)],
        charts=[_chart(e, n) for e, n in zip(found, numbers, strict=True)],
        notes=[
            "Each threshold is a replay of its own: a hit stores nothing that a later call could have "
            "hit, so a lower threshold can have fewer hits.",
            "Both answers of every would-be hit are in the log; free text that is not identical counts "
            "as false, although it may mean the same.",
        ],
    )  # fmt: skip


def has_thresholds(evidence: Evidence) -> bool:
    """A curve of a semantic cache; a router's curve has no hits."""
    curve = evidence.get("curve") or []
    return bool(curve) and "hits" in curve[0]


def _lead(evidence: Evidence) -> str:
    threshold, asked = evidence.get("threshold"), int(evidence["eligible_calls"])
    if threshold is None:
        return f"No threshold is used: {evidence.get('threshold_reason') or 'the cache is off'}."
    hits, false = int(evidence["hits"]), int(evidence["false_hits"])
    said = f"At {threshold:g} it answers {percent(hits, asked)} of {asked:,} eligible calls"
    return f"{said}, {percent(false, hits)} of them wrongly." if hits else f"{said}."


def _facts(evidence: Evidence) -> list[Fact]:
    out = [Fact("Embedder", str(evidence.get("embedder") or "unknown"))]
    floor, repeats = evidence.get("self_disagreement"), evidence.get("byte_equal_repeats")
    if floor is not None:
        of = "" if repeats is None else f"{repeats:,} "
        out.append(Fact(
            "The log against itself", percent(floor, 1) or "0 %",
            f"of {of}byte-equal requests were answered otherwise the second time: no cache does better",
        ))  # fmt: skip
    held = evidence.get("held_out")
    if held and held["rate"] is not None:
        low, high = (100 * v for v in held["ci95"])
        out.append(Fact(
            "False hits in calls that chose nothing", percent(held["rate"], 1),
            f"95 %: {low:.1f} to {high:.1f} %, {held['hits']:,.0f} hits",
        ))  # fmt: skip
    return out


def _rates(evidence: Evidence) -> list[tuple[float, int, float | None, int, float | None]]:
    """(threshold, hits, hit rate, false hits, false-hit rate), lowest threshold first."""
    asked = int(evidence["eligible_calls"])
    out = []
    for point in sorted(evidence["curve"], key=lambda p: float(p["threshold"])):
        hits, false = int(point["hits"]), int(point["false_hits"])
        rate = point.get("false_hit_rate", false / hits if hits else None)
        out.append((float(point["threshold"]), hits, hits / asked if asked else None, false, rate))
    return out


def _chart(evidence: Evidence, number: str) -> Chart:
    rows = _rates(evidence)
    chosen = evidence.get("threshold")
    marked = [hit_rate if threshold == chosen else None for threshold, _, hit_rate, _, _ in rows]
    series = [
        Series("answered from the cache, of eligible calls", [r[2] for r in rows]),
        Series("wrong answers, of those", [r[4] for r in rows]),
    ]
    if any(value is not None for value in marked):
        series.append(Series("the policy's threshold", marked))
    return Chart(
        f"threshold_curve{number.replace(' ', '_')}", f"{TITLE}{number}", "line",
        [f"{r[0]:g}" for r in rows], series, "share", x_label="similarity threshold",
        y_label="share", x_unit="number",
    )  # fmt: skip


def _table(evidence: Evidence, number: str) -> Table:
    rows: list[tuple[Cell, ...]] = [(f"{r[0]:g}", *r[1:]) for r in _rates(evidence)]
    return Table(
        f"By threshold{number}", ("threshold", "hits", "hit rate", "false hits", "false-hit rate"),
        ("text", "count", "share", "count", "share"), rows,
    )  # fmt: skip
