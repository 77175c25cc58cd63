"""Routing: which calls move, how much more work would eat the saving, and what is known of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, NotApplicable, Series, Table
from costopt.report.policy_words import NO_POLICY, Row, layers_of, proof
from costopt.report.words import percent

ORDER = 54
NAME, TITLE = "routing", "Routing to other models"
KEPT = {
    "same": "already on their tier's model", "stronger": "the target stands above their model",
    "reasoning": "the target reasons, how much is not known", "no_price": "the target has no price",
    "too_long": "too long for the target", "no_tier": "no model stands for their tier",
    "unknown": "the log does not tell", "matched": "not asked for",
}  # fmt: skip
BESIDE = (
    ("always_large", "always the logged model"), ("dearest_first", "the dearest calls first"),
    ("random_mixing", "random mixing, same savings"), ("routed", "this router"),
    ("oracle", "an oracle: the best possible"), ("always_small", "always the target"),
)  # fmt: skip
Evidence = Mapping[str, Any]


def build(result: Result) -> Card | NotApplicable:
    """Moves, break-even, and where answers were judged the router beside what needs no router."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result, "route")
    if not rows:
        return NotApplicable(NAME, TITLE, "the policy routes nothing")
    tables = [table for name, row in rows for table in _tables(name, row["evidence"])]
    charts = [chart for name, row in rows for chart in _charts(name, row["evidence"])]
    notes = [f"{name}: {text}" for name, row in rows for text in row.get("notes") or []]
    lead = " ".join(_lead(name, row) for name, row in rows)
    return Card(NAME, TITLE, lead, tables=[t for t in tables if t.rows], charts=charts, notes=notes)


def _lead(name: str, row: Row) -> str:
    seen = row["evidence"]
    moved, asked = int(seen.get("moved_calls") or 0), int(seen.get("asked_calls") or 0)
    if not moved:
        return f"{name} moves no call."
    share = percent(moved, asked)
    return f"{name} moves {moved:,} of {asked:,} calls ({share}): {proof(row)}."


def _tables(name: str, seen: Evidence) -> list[Table]:
    moves: list[tuple[Cell, ...]] = [
        (m["from"], m["to"], m["tier"], m["calls"], m["output_ratio"], m["output_basis"].replace("_", " "))
        for m in seen.get("moves") or []
    ]  # fmt: skip
    kept: list[tuple[Cell, ...]] = [
        (KEPT.get(why, str(why).replace("_", " ")), n)
        for why, n in (seen.get("kept") or {}).items()
    ]
    return [
        Table(f"{name}: moves", ("from", "to", "tier", "calls", "output length", "known from"),
              ("text", "text", "text", "count", "number", "text"), moves),
        Table(f"{name}: break-even", ("the saving is gone with", "value"), ("text", "text"),
              _break_even(seen.get("break_even"))),
        Table(f"{name}: calls that stay", ("why", "calls"), ("text", "count"), kept),
        *_quality(name, seen.get("quality") or {}),
    ]  # fmt: skip


def _break_even(even: Evidence | None) -> list[tuple[Cell, ...]]:
    if not even:
        return []
    steps = f"{even['steps_per_session']:.1f} steps a session now"
    return [
        ("extra steps a session, at their mean price",
         f"{even['extra_steps_per_session']:.2f} ({steps})"),
        ("extra steps a session, at the price of the last one",
         f"{even['extra_late_steps_per_session']:.2f}"),
        ("retries a moved call", f"{even['retries_per_moved_call']:.2f}"),
    ]  # fmt: skip


def _quality(name: str, quality: Evidence) -> list[Table]:
    tables = []
    for tier, found in quality.items():
        rows: list[tuple[Cell, ...]] = [
            (words, found[key]) for key, words in BESIDE if key in found
        ]
        low, high = (100 * v for v in found["advantage_ci95"])
        gained = f"{100 * found['advantage']:+.1f} ({low:+.1f} to {high:+.1f}) points"
        rows.append((f"above the line of random mixing: {found['verdict']}", gained))
        judged = f"{found['judged_calls']:,} judged calls"
        tables.append(Table(f"{name}, {tier}: right answers of {judged}", ("who decides", "right"),
                            ("text", "share"), rows))  # fmt: skip
    return tables


def _charts(name: str, seen: Evidence) -> list[Chart]:
    """One bar a way to decide, where answers were judged."""
    charts: list[Chart] = []
    for tier, found in (seen.get("quality") or {}).items():
        shown = [(words, found[key]) for key, words in BESIDE if key in found]
        charts.append(Chart(
            f"routing_{len(charts) + 1}_{name.split()[0]}", f"{name}, {tier}: share of right answers",
            "bars", [words for words, _ in shown], [Series("right", [v for _, v in shown])],
            "share", x_label="share of judged calls with a right answer",
        ))  # fmt: skip
    curve = _curve(name, seen.get("curve") or [])
    return charts if curve is None else [*charts, curve]


def _curve(name: str, points: list[dict[str, Any]]) -> Chart | None:
    """Right answers over what is saved, at other thresholds, beside the line of random mixing."""
    found = sorted(points, key=lambda p: float(p["saved_share"]))
    if len(found) < 2:
        return None
    lines = (("routed", "this router"), ("random_mixing", "random mixing that saves as much"),
             ("dearest_first", "the dearest calls first"))  # fmt: skip
    return Chart(
        f"routing_curve_{name.split()[0]}", f"{name}: right answers over savings, by threshold", "line",
        [f"{100 * float(p['saved_share']):.1f}" for p in found],
        [Series(words, [p[key] for p in found]) for key, words in lines],
        "share", x_label="saved, % of what moving all calls would save", y_label="right answers",
        x_unit="number",
    )  # fmt: skip
