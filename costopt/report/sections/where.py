"""Where the money goes: what is paid for, by component, agent, model, task and tool."""

from __future__ import annotations

from typing import Any

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, Kind, Series, Table
from costopt.report.words import percent

ORDER = 20
MAX_BARS = 10
MAX_ROWS = 20
PARTS = (
    ("new, fresh", "new_fresh_usd"),
    ("new, from cache", "new_cached_usd"),
    ("sent again, fresh", "resent_fresh_usd"),
    ("sent again, from cache", "resent_cached_usd"),
)


def build(result: Result) -> Card:
    """Bars by component, split into new and resent, cached and fresh; tables by name."""
    bill = result.bill
    components = sorted(bill.by_component, key=lambda r: (-float(r["usd"]), str(r["component"])))
    charts = [_chart(components[:MAX_BARS])] if components else []
    paid = [r for r in bill.paid_for if float(r["usd"]) > 0]
    tables = [
        _paid_table(paid, bill.total_usd),
        _component_table(bill.by_component),
        _table("By agent", "agent", bill.by_agent, ("calls", "sessions")),
        _table("By model", "model", bill.by_model, ("calls", "input_tokens", "output_tokens")),
        _table("By task", "task", bill.by_task, ("calls",)),
        _table("By tool", "tool", bill.by_tool, ("calls",)),
        *[_asked(name, rows) for name, rows in bill.by.items()],
    ]
    lead = "No call has a known cost."
    if paid:
        share = percent(float(paid[0]["usd"]), bill.total_usd)
        lead = f"{share} of the bill pays for {paid[0]['what']}."
    return Card(
        "where", "Where the money goes", lead, tables=[t for t in tables if t.rows], charts=charts
    )


def _chart(rows: list[dict[str, Any]]) -> Chart:
    title = "Dollars by component of the request and answer"
    labels = [str(r["component"]) for r in rows]
    split = [Series(name, [float(r.get(key, 0.0)) for r in rows]) for name, key in PARTS]
    shown = [s for s in split if any(s.values)]
    if not shown:
        shown = [Series("dollars", [float(r["usd"]) for r in rows])]
    kind: Any = "stack" if len(shown) > 1 else "bars"
    return Chart("components", title, kind, labels, shown, "usd", x_label="dollars")


def _paid_table(rows: list[dict[str, Any]], whole: float) -> Table:
    body: list[tuple[Cell, ...]] = [
        (str(r["what"]), float(r["usd"]), float(r["usd"]) / whole if whole else None) for r in rows
    ]
    return Table(
        "What is paid for", ("what", "dollars", "share"), ("text", "usd", "share"), body,
        ("all", sum(float(r["usd"]) for r in rows), 1.0 if whole else None),
    )  # fmt: skip


def _component_table(rows: list[dict[str, Any]]) -> Table:
    body: list[tuple[Cell, ...]] = [
        (str(r["component"]), r["new_tokens"], r["resent_tokens"], r["usd"]) for r in rows
    ]
    sums = [sum(r[key] for r in rows) for key in ("new_tokens", "resent_tokens", "usd")]
    return Table(
        "By component", ("component", "new tokens", "tokens sent again", "dollars"),
        ("text", "count", "count", "usd"), body, ("all", *sums),
    )  # fmt: skip


def _table(title: str, key: str, rows: list[dict[str, Any]], counts: tuple[str, ...]) -> Table:
    shown = tuple(c for c in counts if all(c in r for r in rows))
    columns = (key, *[c.replace("_", " ") for c in shown], "dollars")
    counted: list[Kind] = ["count"] * len(shown)
    kinds: tuple[Kind, ...] = ("text", *counted, "usd")
    if not any(r.get(key) for r in rows):
        return Table(title, columns, kinds, [])
    body: list[tuple[Cell, ...]] = [
        (str(r[key]) or "(no name)", *[r[c] for c in shown], _usd(r)) for r in rows[:MAX_ROWS]
    ]
    total: tuple[Cell, ...] | None = None
    if len(rows) <= MAX_ROWS:
        sums = [sum(r[c] for r in rows) if c == "calls" else None for c in shown]
        total = ("all", *sums, sum(float(r["usd"]) for r in rows))
    else:
        title += f" (dearest {MAX_ROWS} of {len(rows):,})"
    return Table(title, columns, kinds, body, total)


def _usd(row: dict[str, Any]) -> Cell:
    """Dollars of a group; `unknown` where not one call of it has a known cost."""
    usd = float(row["usd"])
    return "unknown" if not usd and row.get("unknown_calls") else usd


def _asked(name: str, rows: list[dict[str, Any]]) -> Table:
    """A breakdown asked for with --by."""
    names = name.split(",")
    named: list[Kind] = ["text"] * len(names)
    kinds: tuple[Kind, ...] = (*named, "count", "usd")
    body: list[tuple[Cell, ...]] = [
        (*[str(r[n]) or "(no name)" for n in names], r["calls"], _usd(r)) for r in rows[:MAX_ROWS]
    ]
    title = f"By {', '.join(names)}"
    if len(rows) > MAX_ROWS:
        title += f" (first {MAX_ROWS} of {len(rows):,})"
    return Table(title, (*names, "calls", "dollars"), kinds, body)
