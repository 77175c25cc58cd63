"""The report as one HTML file: no network, a strict content policy, light and dark, sortable tables.

Everything from a log goes through `clean` (controls, direction overrides) and jinja's autoescape.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from costopt.model.escape import clean
from costopt.model.result import Result
from costopt.report.card import Card, Cell, Item, Kind, NotApplicable, Table, absent, build_cards
from costopt.report.render.format import table_texts
from costopt.report.render.svg import svg
from costopt.report.words import plural, trace_name

_COMMAND = re.compile(r"`(costopt [a-z]+(?: [\w.-]+)*)`")
HERE = Path(__file__).parent
STATES = ("pass", "fail", "harmful", "unknown", "n/a")
RIGHT: tuple[Kind, ...] = ("usd", "count", "share", "number")


def html_report(result: Result) -> str:
    """The whole page as text."""
    import jinja2
    from markupsafe import Markup

    # Trusted: our own files. Everything else in the template is escaped.
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((HERE / "page.html.j2").read_text())
    built = build_cards(result)
    cards = [_card(c) for c in built if isinstance(c, Card) or c.failed]
    for card in cards:
        for chart in card.get("charts", ()):
            chart["svg"] = Markup(chart["svg"])
    return template.render(
        title=clean(trace_name(result)) or "LLM bill", subtitle=_subtitle(result), cards=cards,
        absent=[(clean(why), ", ".join(titles)) for why, titles in absent(built).items()],
        style=Markup(style), script=Markup(script),
        style_hash=_hash(style), script_hash=_hash(script),
        footer=f"costopt {result.costopt} · {clean(result.price_book)}.",
    )  # fmt: skip


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _subtitle(result: Result) -> str:
    trace = result.trace
    parts = [plural(trace.calls, "call")]
    if trace.sessions_known:
        parts.append(plural(trace.sessions, "session"))
    if trace.first_at and trace.last_at:
        parts.append(f"{trace.first_at[:10]} to {trace.last_at[:10]} UTC")
    return " · ".join([*parts, f"content: {result.coverage.content}"])


def _card(card: Card | NotApplicable) -> dict[str, Any]:
    if isinstance(card, NotApplicable):
        return {"name": card.name, "title": card.title, "reason": clean(card.reason)}
    charts = [{"title": clean(c.title), "svg": svg(c)} for c in card.charts]
    return {
        "name": card.name, "title": card.title, "lead": clean(card.lead), "charts": charts,
        "facts": [
            {"label": clean(f.label), "value": clean(f.value), "note": clean(f.note)}
            for f in card.facts
        ],
        "items": [_item(i) for i in card.items], "tables": [_table(t) for t in card.tables],
        "notes": [_pieces(n) for n in card.notes],
    }  # fmt: skip


def _item(item: Item) -> dict[str, Any]:
    return {
        "mark": clean(item.mark), "kind": item.mark if item.mark in STATES else "",
        "title": clean(item.title), "amount": clean(item.amount),
        "body": [clean(b) for b in item.body], "action": _pieces(item.action),
    }  # fmt: skip


def _pieces(text: str) -> list[tuple[bool, str]]:
    """(is a command, text) in turn. Only our own commands are set as code, nothing that a log says."""
    parts = _COMMAND.split(clean(text))
    return [(i % 2 == 1, part) for i, part in enumerate(parts) if part]


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {"name": clean(name), "right": kind in RIGHT}
        for name, kind in zip(table.columns, table.kinds, strict=True)
    ]
    texts, total = table_texts(table)
    rows = [_row(row, cells, table.kinds) for row, cells in zip(table.rows, texts, strict=True)]
    last = _row(table.total, total, table.kinds) if table.total and total else None
    wide = len(columns) > 4
    return {
        "title": clean(table.title),
        "columns": columns,
        "rows": rows,
        "total": last,
        "wide": wide,
    }


def _row(row: tuple[Cell, ...], texts: list[str], kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    return [
        {
            "text": clean(text).strip(),
            "right": kind in RIGHT,
            "deep": text.startswith("  "),
            "sort": "" if value is None else clean(str(value)),
        }
        for value, text, kind in zip(row, texts, kinds, strict=True)
    ]
