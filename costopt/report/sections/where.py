"""Where the money goes: by component, agent, model, tool and day."""

from __future__ import annotations

from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, Series, Table

ORDER = 20
MAX_BARS = 10


def build(result: Result) -> Card:
    """Bars of what is paid for; tables by agent, model, task and tool."""
    bill = result.bill
    components = [(str(r["component"]), float(r["usd"])) for r in bill.by_component]
    components = sorted(components, key=lambda r: (-r[1], r[0]))[:MAX_BARS]
    chart = Chart(
        "components",
        "Cost by component of the request and answer",
        "bars",
        [name for name, _ in components],
        [Series("dollars", [value for _, value in components])],
        "usd",
        x_label="dollars",
    )
    tables = [
        _component_table(bill.by_component),
        _table("By agent", "agent", bill.by_agent, ("calls", "sessions")),
        _table("By model", "model", bill.by_model, ("calls", "input_tokens", "output_tokens")),
        _table("By task", "task", bill.by_task, ("calls",)),
        _table("By tool", "tool", bill.by_tool, ("calls",)),
    ]
    top = components[0] if components else ("nothing", 0.0)
    lead = f"The largest part pays for {top[0]}."
    return Card("where", "Where the money goes", lead, [t for t in tables if t.rows], [chart])


def _component_table(rows: list[dict[str, Any]]) -> Table:
    body: list[tuple[Cell, ...]] = [
        (str(r["component"]), r["new_tokens"], r["resent_tokens"], r["usd"]) for r in rows
    ]
    total = sum(float(r["usd"]) for r in rows)
    return Table(
        "By component",
        ("component", "new tokens", "tokens sent again", "dollars"),
        ("text", "count", "count", "usd"),
        body,
        (
            "all",
            sum(int(r["new_tokens"]) for r in rows),
            sum(int(r["resent_tokens"]) for r in rows),
            total,
        ),
    )


def _table(title: str, key: str, rows: list[dict[str, Any]], counts: tuple[str, ...]) -> Table:
    named = [r for r in rows if r.get(key)] or []
    shown: tuple[str, ...] = tuple(c for c in counts if all(c in r for r in rows))
    body: list[tuple[Cell, ...]] = [
        (str(r[key]) or "(no name)", *[r[c] for c in shown], r["usd"]) for r in rows[:20]
    ]
    if not named:
        body = []
    columns = (key, *[c.replace("_", " ") for c in shown], "dollars")
    kinds: Any = ("text", *["count"] * len(shown), "usd")
    return Table(title, columns, kinds, body)
