"""Context growth before and after: does the policy bend the curve, and does that pay?"""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, NotApplicable, Series, Table
from costopt.report.policy_words import NO_POLICY, places_of

ORDER = 31
NAME, TITLE = "context_after", "Context growth under the policy"
LEAST_SHARE = 0.1
"""Of the most calls of a step: later steps are means over a few long sessions."""


def build(result: Result) -> Card | NotApplicable:
    """Mean input tokens by step under both, and the dollars of each step."""
    found = result.projection
    if found is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    if not found.by_step:
        return NotApplicable(NAME, TITLE, "this result does not hold the steps of its sessions")
    rows = [r for r in found.by_step if not r["and_later"] and r["calls"]]
    if len(rows) < 2:
        return NotApplicable(NAME, TITLE, "no session in this log has two steps")
    chart = Chart(
        "context_after", "Mean input tokens by step, before and after", "line",
        [str(r["step"]) for r in rows],
        [
            Series("before", [r["mean_input_tokens_before"] for r in rows]),
            Series("under the policy", [r["mean_input_tokens_after"] for r in rows]),
        ],
        "count", x_label="step of the session", y_label="tokens",
    )  # fmt: skip
    notes = [
        "Means over the calls that are sent: those that a cache answers are not among them.",
        "Fewer tokens are not always fewer dollars: what the provider's cache served before may be "
        "fresh input now. The last two columns say which.",
    ]
    return Card(
        NAME,
        TITLE,
        _lead(rows),
        tables=[_table(found.by_step, places_of(found))],
        charts=[chart],
        notes=notes,
    )


def _lead(rows: list[dict[str, Cell]]) -> str:
    most = max(int(r["calls"] or 0) for r in rows)
    last = [r for r in rows if int(r["calls"] or 0) >= LEAST_SHARE * most][-1]
    before, after = (last[f"mean_input_tokens_{when}"] for when in ("before", "after"))
    told = f"Step {last['step']} sends {float(before or 0):,.0f} tokens on average"
    if after is None:
        return f"{told}; under the policy it is not sent."
    return f"{told}, under the policy {float(after):,.0f}."


def _table(rows: list[dict[str, Cell]], places: int) -> Table:
    body: list[tuple[Cell, ...]] = [
        (
            f"{r['step']} and later" if r["and_later"] else str(r["step"]), r["calls"],
            r["calls_after"], r["mean_input_tokens_before"], r["mean_input_tokens_after"],
            r["usd_before"], r["usd_after"],
        )
        for r in rows
    ]  # fmt: skip
    sums = [sum(float(r[key] or 0) for r in rows) for key in ("calls", "calls_after")]
    usd = [sum(float(r[key] or 0) for r in rows) for key in ("usd_before", "usd_after")]
    return Table(
        "By step of the session",
        ("step", "calls", "sent after", "tokens before", "tokens after", "dollars before",
         "dollars after"),
        ("text", "count", "count", "count", "count", "usd", "usd"), body,
        ("all", *sums, None, None, *usd), places,
    )  # fmt: skip
