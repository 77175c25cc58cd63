"""Budgets: which sessions would have been stopped, and how they ended in the log."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY, Row, layers_of
from costopt.report.words import dollars, plural

ORDER = 59
NAME, TITLE = "session_budgets", "Sessions stopped by a budget"


def build(result: Result) -> Card | NotApplicable:
    """A stopped session that ended well is an answer lost."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result, "session_budget")
    if not rows:
        return NotApplicable(NAME, TITLE, "the policy sets no budget")
    tables = [Table(f"{name}: how the stopped sessions ended", ("in the log they", "sessions"),
                    ("text", "count"), _ends(row)) for name, row in rows if _ends(row)]  # fmt: skip
    lead = " ".join(_lead(name, row) for name, row in rows)
    notes = [f"{name}: {text}" for name, row in rows for text in row.get("notes") or []]
    if tables:
        notes.insert(0, "What a session had reached when it was stopped counts as worth nothing.")
    return Card(NAME, TITLE, lead, tables=tables, notes=notes)


def _lead(name: str, row: Row) -> str:
    seen = row["evidence"]
    stopped, whole = int(seen.get("stopped_sessions") or 0), int(seen.get("sessions") or 0)
    if not stopped:
        return f"{name} stops none of {plural(whole, 'session')}."
    usd = dollars(float(seen.get("stopped_usd") or 0.0))
    calls = plural(int(seen.get("stopped_calls") or 0), "call")
    step = seen.get("first_stopped_step")
    at = "" if step is None else f", half of them before step {step + 1}"
    return f"{name} stops {stopped:,} of {plural(whole, 'session')}{at}: {calls} of {usd} are not made."


def _ends(row: Row) -> list[tuple[Cell, ...]]:
    seen = row["evidence"]
    stopped = int(seen.get("stopped_sessions") or 0)
    if not stopped:
        return []
    good, unknown = int(seen.get("ended_well") or 0), int(seen.get("ended_unknown") or 0)
    return [
        ("ended well: lost by the stop", good),
        ("ended badly: nothing lost", stopped - good - unknown),
        ("ended, the log does not tell how", unknown),
    ]
