"""The report as Markdown: tables that GitHub and GitLab render; everything from a log is escaped."""

from __future__ import annotations

import re

from costopt.model.escape import clean
from costopt.model.result import Result
from costopt.report.card import Card, Fact, Item, NotApplicable, Table, absent, build_cards
from costopt.report.render.format import table_texts
from costopt.report.words import total_text

# Everything that starts markup, a link, a mention, HTML, mathematics or a table cell.
_MARKUP = re.compile(r"([\\`*_\[\]<>|~@&$]|(?<=\])\()")
# What makes the start of a line a list, a quote or a heading.
_LINE_START = re.compile(r"^(\s*)([-+=#]|\d+(?=[.)]))")
_COMMAND = re.compile(r"\\`(costopt [\w .-]+)\\`")


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", clean(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def paragraph(text: str) -> str:
    """Text on a line of its own; our own commands in code type."""
    return _COMMAND.sub(r"`\1`", _LINE_START.sub(r"\1&#8203;\2", escape(text.strip())))


def markdown_report(result: Result) -> str:
    """The whole report as text."""
    parts = [f"# LLM bill: {escape(total_text(result))}", ""]
    cards = build_cards(result)
    for card in cards:
        if isinstance(card, Card) or card.failed:
            parts += _card(card)
    parts += _absent(cards)
    return "\n".join(parts).rstrip() + "\n"


def _absent(cards: list[Card | NotApplicable]) -> list[str]:
    """What is not there, and why."""
    found = absent(cards)
    lines = [f"- {escape(', '.join(titles))}: {escape(why)}." for why, titles in found.items()]
    return ["## Not in this report", "", *lines, ""] if lines else []


def _card(card: Card | NotApplicable) -> list[str]:
    if isinstance(card, NotApplicable):
        return [f"## {card.title}", "", f"Not shown: {escape(card.reason)}.", ""]
    lines = [f"## {card.title}", "", paragraph(card.lead), ""]
    lines += [_fact(fact) for fact in card.facts] + [""] * bool(card.facts)
    lines += [_item(item) for item in card.items] + [""] * bool(card.items)
    for table in card.tables:
        lines += [f"**{escape(table.title)}**", "", *_table(table), ""]
    for note in card.notes:
        lines += [paragraph(note), ""]
    return lines


def _fact(fact: Fact) -> str:
    note = f", {escape(fact.note)}" if fact.note else ""
    return f"- {escape(fact.label)}: **{escape(fact.value)}**{note}"


def _item(item: Item) -> str:
    amount = f" · {escape(item.amount)}" if item.amount else ""
    lines = [f"- `{clean(item.mark)}` **{escape(item.title)}**{amount}"]
    lines += [f"  {escape(text)}" for text in item.body]
    if item.action:
        lines.append(f"  → {escape(item.action)}")
    return "\\\n".join(lines)


def _table(table: Table) -> list[str]:
    rule = ["---" if kind == "text" else "---:" for kind in table.kinds]
    rows, total = table_texts(table)
    return [
        _row(list(table.columns)),
        "|" + "|".join(rule) + "|",
        *[_row(row) for row in rows],
        *([_row(total)] if total else []),
    ]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
