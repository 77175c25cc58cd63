"""The report as Markdown: tables that GitHub and GitLab render; everything from a log is escaped."""

from __future__ import annotations

import re

from costopt.model.escape import clean
from costopt.model.result import Result
from costopt.report.card import Card, Cell, Kind, NotApplicable, Table, build_cards
from costopt.report.render.format import cell_text
from costopt.report.render.screen import dollars

# Everything that starts markup, a link, a mention, HTML or a table cell.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~@:&$-])")


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", clean(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def markdown_report(result: Result) -> str:
    """The whole report as text."""
    parts = [f"# LLM bill: {dollars(result.bill.total_usd)}", ""]
    for card in build_cards(result):
        parts += _card(card)
    return "\n".join(parts).rstrip() + "\n"


def _card(card: Card | NotApplicable) -> list[str]:
    if isinstance(card, NotApplicable):
        return [f"## {card.title}", "", f"Not shown: {escape(card.reason)}.", ""]
    lines = [f"## {card.title}", "", escape(card.lead), ""]
    for table in card.tables:
        lines += [f"**{table.title}**", "", *_table(table), ""]
    for note in card.notes:
        lines += [escape(note), ""]
    return lines


def _table(table: Table) -> list[str]:
    rule = ["---" if kind == "text" else "---:" for kind in table.kinds]
    rows = [*table.rows, *([table.total] if table.total else [])]
    return [
        "| " + " | ".join(table.columns) + " |",
        "|" + "|".join(rule) + "|",
        *[_row(row, table.kinds) for row in rows],
    ]


def _row(row: tuple[Cell, ...], kinds: tuple[Kind, ...]) -> str:
    cells = [escape(cell_text(v, k)) for v, k in zip(row, kinds, strict=True)]
    return "| " + " | ".join(cells) + " |"
