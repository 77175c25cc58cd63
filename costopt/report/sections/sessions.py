"""Sessions: how the cost of one spreads, and the dearest twenty."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.money import usd
from costopt.report.card import Card, Cell, Chart, NotApplicable, Series, Table
from costopt.report.words import dollars

ORDER = 40
NAME, TITLE = "sessions", "Cost of a session"
DEAREST = 20


def build(result: Result) -> Card | NotApplicable:
    """Distribution over logarithmic classes and the dearest sessions."""
    if not result.trace.sessions_known:
        return NotApplicable(NAME, TITLE, "the log names no sessions")
    costs = [int(s.usd_pico) for s in result.sessions if int(s.usd_pico) > 0]
    if not costs:
        return NotApplicable(NAME, TITLE, "no session has a known cost")
    per = result.bill.per_session_usd
    labels, counts = _classes(costs)
    chart = Chart(
        "sessions", "Sessions by cost", "columns", labels, [Series("sessions", counts)],
        "count", x_label="dollars a session", y_label="sessions",
    )  # fmt: skip
    without = len(result.sessions) - len(costs)
    notes = [f"{without:,} sessions without a known cost are not drawn."] if without else []
    dearest = sorted(result.sessions, key=lambda s: (-int(s.usd_pico), s.key))[:DEAREST]
    rows: list[tuple[Cell, ...]] = [
        (s.key, s.agent, s.task, s.calls, s.input_tokens, float(usd(int(s.usd_pico))))
        for s in dearest
    ]
    table = Table(
        "The dearest sessions", ("session", "agent", "task", "calls", "input tokens", "dollars"),
        ("text", "text", "text", "count", "count", "usd"), rows,
    )  # fmt: skip
    lead = f"Half cost at most {dollars(per.p50)}, one in twenty more than {dollars(per.p95)}."
    return Card(NAME, TITLE, lead, tables=[table], charts=[chart], notes=notes)


def _classes(costs: list[int]) -> tuple[list[str], list[float | None]]:
    """Classes 1-2-5 per decade of dollars: right for costs that spread over orders of magnitude."""
    edges = [m * 10.0**e for e in range(-6, 7) for m in (1, 2, 5)]
    values = [float(usd(c)) for c in costs]
    index = [sum(v >= e for e in edges) for v in values]
    low, high = min(index), max(index)
    labels, counts = [], []
    for i in range(low, high + 1):
        below = edges[i - 1] if i else 0.0
        above = f"{edges[i]:,g}" if i < len(edges) else "more"
        labels.append(f"${below:,g}-{above}")
        counts.append(float(sum(k == i for k in index)))
    return labels, list(counts)
