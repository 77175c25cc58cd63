"""Answer caches: hits against the usual target, wrong ones, and which setting to turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY, Row, layers_of, proof
from costopt.report.words import percent

ORDER = 57
NAME, TITLE = "answer_caches", "Answers from a cache"
LAYERS = ("exact_cache", "semantic_cache")
Evidence = Mapping[str, Any]


def build(result: Result) -> Card | NotApplicable:
    """One row a cache, the target of each, and what turning a setting would give."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result, *LAYERS)
    if not rows:
        return NotApplicable(NAME, TITLE, "the policy has no cache of answers")
    table = Table(
        "Hits", ("layer", "eligible calls", "hits", "hit rate", "other answers", "rate", "low", "high",
                 "judged how", "proof"),
        ("text", "count", "count", "share", "count", "share", "share", "share", "text", "text"),
        [_row(name, row) for name, row in rows],
    )  # fmt: skip
    tables = [table, *(t for name, row in rows for t in _turns(name, row["evidence"]))]
    notes = [f"{name}: {text}" for name, row in rows for text in row.get("notes") or []]
    lead = " ".join(_lead(name, row["evidence"]) for name, row in rows)
    return Card(NAME, TITLE, lead, tables=tables, notes=notes)


def _lead(name: str, seen: Evidence) -> str:
    asked, hits = int(seen.get("eligible_calls") or 0), int(seen.get("hits") or 0)
    said = f"{name} answers {percent(hits, asked) or '0 %'} of {asked:,} eligible calls"
    kpi = seen.get("kpi")
    if not kpi or not asked:
        return f"{said}."
    target, low = kpi["target"], kpi["retune_below"]
    return f"{said} (target {100 * target:.0f} %, retune below {100 * low:.0f} %: {kpi['status']})."


def _row(name: str, row: Row) -> tuple[Cell, ...]:
    seen = row["evidence"]
    word = "false_hit" if "false_hits" in seen else "differing"
    other = "false_hits" if "false_hits" in seen else "differing_hits"
    ci = seen.get(f"{word}_ci95") or (None, None)
    basis = seen.get("false_basis") or seen.get("differing_basis") or "—"
    return (
        name, seen.get("eligible_calls"), seen.get("hits"), seen.get("hit_rate"), seen.get(other),
        seen.get(f"{word}_rate"), *ci, basis, proof(row),
    )  # fmt: skip


def _turns(name: str, seen: Evidence) -> list[Table]:
    """What each setting alone would give, replayed."""
    turns = seen.get("advice") or []
    if not turns:
        return []
    now: tuple[Cell, ...] = (
        "as it is",
        "",
        seen.get("hits"),
        seen.get("hit_rate"),
        seen.get("false_hit_rate"),
    )
    rows: list[tuple[Cell, ...]] = [
        (t["turn"], str(t["to"]), t["hits"], t["hit_rate"], t.get("false_hit_rate")) for t in turns
    ]
    return [Table(
        f"{name}: which setting to turn", ("setting", "to", "hits", "hit rate", "false-hit rate"),
        ("text", "text", "count", "share", "share"), [now, *rows],
    )]  # fmt: skip
