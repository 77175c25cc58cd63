"""Batch: which groups of calls may wait, why that is thought, and what they cost today."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY, Row, layers_of
from costopt.report.words import dollars, plural

ORDER = 55
NAME, TITLE = "batching", "Calls that can wait"
LEFT = (
    ("in_batch_already", "in a batch already"), ("too_deep", "wait for each other too often"),
    ("no_batch_price", "no batch price in the book"), ("left_as_dearer", "would be dearer in a batch"),
    ("cache_lost_calls", "moved, but lose the discount of their cached input"),
)  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """Groups with their reason and dollars, and calls that stay with theirs."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result, "batch")
    if not rows:
        return NotApplicable(NAME, TITLE, "the policy puts nothing into a batch")
    tables = [table for name, row in rows for table in _tables(name, row)]
    notes = [f"{name}: {text}" for name, row in rows for text in row.get("notes") or []]
    lead = " ".join(_lead(name, row) for name, row in rows)
    return Card(NAME, TITLE, lead, tables=[t for t in tables if t.rows], notes=notes)


def _lead(name: str, row: Row) -> str:
    seen = row["evidence"]
    calls, usd = int(seen.get("eligible_calls") or 0), float(seen.get("eligible_usd") or 0.0)
    if not calls:
        return f"{name}: no call can wait."
    word = "saves" if row["step_usd"] >= 0 else "costs, more than it saves,"
    step = dollars(abs(row["step_usd"]))
    return f"{name}: {plural(calls, 'call')} of {dollars(usd)} can wait; that {word} {step}."


def _tables(name: str, row: Row) -> list[Table]:
    seen = row["evidence"]
    groups: list[tuple[Cell, ...]] = [
        (g["agent"] or "(no name)", g["task"] or "(no name)", g["why"], g["calls"], g["usd"])
        for g in seen.get("groups") or []
    ]
    total = ("all", "", "", sum(g["calls"] for g in seen.get("groups") or []),
             sum(g["usd"] for g in seen.get("groups") or []))  # fmt: skip
    left: list[tuple[Cell, ...]] = [(words, seen[key]) for key, words in LEFT if seen.get(key)]
    return [
        Table(f"{name}: groups", ("agent", "task", "why it can wait", "calls", "cost before"),
              ("text", "text", "text", "count", "usd"), groups, total),
        Table(f"{name}: what else was seen", ("calls that", "calls"), ("text", "count"), left),
    ]  # fmt: skip
