"""The report as one HTML file: no network, a strict content policy, light and dark, sortable tables.

Everything from a log goes through `clean` (controls, direction overrides) and jinja's autoescape.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from costopt.model.escape import clean
from costopt.model.result import Result
from costopt.report.card import Card, Cell, Kind, NotApplicable, Table, build_cards
from costopt.report.render.format import cell_text
from costopt.report.render.screen import dollars
from costopt.report.render.svg import svg

HERE = Path(__file__).parent
RIGHT: tuple[Kind, ...] = ("usd", "count", "share", "number")


def html_report(result: Result) -> str:
    """The whole page as text."""
    import jinja2
    from markupsafe import Markup

    # Trusted: our own files. Everything else in the template is escaped.
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((HERE / "page.html.j2").read_text())
    cards = [_card(c) for c in build_cards(result)]
    for card in cards:
        for chart in card.get("charts", ()):
            chart["svg"] = Markup(chart["svg"])
    return template.render(
        title=_title(result), total=dollars(result.bill.total_usd), cards=cards,
        subtitle=f"for {result.trace.calls:,} calls in {result.trace.sessions:,} sessions",
        style=Markup(style), script=Markup(script),
        style_hash=_hash(style), script_hash=_hash(script),
        footer=f"costopt {result.costopt} · {clean(result.price_book)}.",
    )  # fmt: skip


def _title(result: Result) -> str:
    names = [f.path.rsplit("/", 1)[-1] for f in result.trace.files]
    return clean(names[0] if len(names) == 1 else f"{len(names)} files") or "LLM bill"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _card(card: Card | NotApplicable) -> dict[str, Any]:
    if isinstance(card, NotApplicable):
        return {"name": card.name, "title": card.title, "reason": clean(card.reason)}
    charts = [{"title": c.title, "svg": svg(c)} for c in card.charts]
    return {
        "name": card.name, "title": card.title, "lead": clean(card.lead), "charts": charts,
        "tables": [_table(t) for t in card.tables], "notes": [clean(n) for n in card.notes],
    }  # fmt: skip


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {"name": name, "right": kind in RIGHT}
        for name, kind in zip(table.columns, table.kinds, strict=True)
    ]
    rows = [_row(row, table.kinds) for row in table.rows]
    total = _row(table.total, table.kinds) if table.total else None
    return {"title": table.title, "columns": columns, "rows": rows, "total": total}


def _row(row: tuple[Cell, ...], kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    return [
        {
            "text": clean(cell_text(value, kind)),
            "right": kind in RIGHT,
            "sort": "" if value is None else clean(str(value)),
        }
        for value, kind in zip(row, kinds, strict=True)
    ]
