"""Context growth: how large the request is at each step of a session."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Chart, NotApplicable, Series

ORDER = 30
NAME, TITLE = "context_growth", "Context growth by step"


def build(result: Result) -> Card | NotApplicable:
    """Mean input tokens over the step number; needs sessions with at least two steps."""
    rows = [r for r in result.bill.by_step if int(r["calls"]) > 0][:60]
    if len(rows) < 2:
        return NotApplicable(NAME, TITLE, "no session in this log has two steps")
    first, last = rows[0], rows[-1]
    lead = (
        f"Step {first['step']} sends {first['mean_input_tokens']:,.0f} tokens on average,"
        f" step {last['step']} sends {last['mean_input_tokens']:,.0f}."
    )
    labels = [str(r["step"]) for r in rows]
    tokens = Chart(
        "context_growth", "Mean input tokens by step", "line", labels,
        [Series("input tokens", [float(r["mean_input_tokens"]) for r in rows])],
        "count", x_label="step of the session", y_label="tokens",
    )  # fmt: skip
    cost = Chart(
        "cost_by_step", "Dollars by step, all sessions", "columns", labels,
        [Series("dollars", [float(r["usd"]) for r in rows])],
        "usd", x_label="step of the session", y_label="dollars",
    )  # fmt: skip
    notes = ["Late steps are means over few sessions: only long ones get there."]
    return Card(NAME, TITLE, lead, charts=[tokens, cost], notes=notes)
