"""Shorter requests: what each layer left out, and how often the logged answers went back for it."""

from __future__ import annotations

from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY, acts, layers_of, places_of, proof
from costopt.report.words import plural

ORDER = 52
NAME, TITLE = "shortened_contexts", "Shorter requests"
LAYERS = ("window", "trim_tools", "tool_dedup", "memory", "compress")
MORE = (
    ("results_cut", "results cut"), ("summaries", "summaries made"),
    ("repeats_answered", "repeated tool calls left out"),
    ("results_differ", "of those, the result had changed"),
    ("stored_messages", "messages stored"), ("recalled_messages", "messages brought back"),
    ("reach_back_rate_without_retrieval", "reach-back of a plain window"),
    ("embedder", "embedder"), ("ratio", "measured ratio"),
)  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """Tokens removed, the share of answers that use what is gone, and calls that could not be judged."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result, *LAYERS)
    if not rows:
        return NotApplicable(NAME, TITLE, "no layer of the policy shortens a request")
    removed = sum(int(row["evidence"].get("tokens_removed") or 0) for _, row in rows)
    body = [_row(name, row) for name, row in rows]
    tables = [Table(
        "Removed, and reached back for",
        ("layer", "tokens removed", "dollars at its place", "calls touched", "reach-back", "low",
         "high", "calls without text", "proof"),
        ("text", "count", "usd", "count", "share", "share", "share", "count", "text"), body,
        places=places_of(result.projection),
    )]  # fmt: skip
    more = [line for name, row in rows for line in _more(name, row["evidence"])]
    if more:
        tables.append(Table("More of what was seen", ("layer", "what", "value"),
                            ("text", "text", "text"), more))  # fmt: skip
    notes = [
        "Reach-back: the share of the shortened calls whose logged answer uses a number, a name, a path "
        "or a quote that then stood nowhere in the request any more. Calls without text are not judged."
    ]
    said = [f"{name}: {text}" for name, row in rows for text in row.get("notes") or []]
    return Card(NAME, TITLE, f"{plural(removed, 'token')} less are sent.", tables=tables,
                notes=[*notes, *said])  # fmt: skip


def _row(name: str, row: Any) -> tuple[Cell, ...]:
    evidence, ci = row["evidence"], row["risk"].get("ci95") or (None, None)
    rate = evidence.get("reach_back_rate", row["risk"].get("value"))
    if not acts(row):
        rate, ci = None, (None, None)
    return (
        name, evidence.get("tokens_removed"), row["step_usd"], row["calls_touched"], rate, *ci,
        evidence.get("calls_without_text"), proof(row),
    )  # fmt: skip


def _more(name: str, evidence: Any) -> list[tuple[Cell, ...]]:
    out: list[tuple[Cell, ...]] = []
    for key, words in MORE:
        value = evidence.get(key)
        if value is None:
            continue
        if key.endswith("retrieval"):
            value = f"{100 * value:.1f} %"
        out.append((name, words, f"{value:,}" if isinstance(value, int) else str(value)))
    return out
