"""A layer's page: its class docstring and its settings, with defaults as a policy writes them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import get_type_hints

from costopt.layers.base import Layer
from costopt.layers.discover import layer_class
from costopt.wiring.field_docs import field_docs

PAGE_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings."""

    name: str
    type: str
    default: str
    """Empty: it has to be given."""
    doc: str


def layer_page(name: str) -> str:
    """Page and settings as text. KeyError: no such layer."""
    cls = layer_class(name)
    lines = [inspect.cleandoc(cls.__doc__ or ""), "", "## Settings", ""]
    rows = settings_of(cls)
    for row in rows:
        default = f"default {row.default}" if row.default else "has to be given"
        lines.append(f"{row.name}  ({row.type}; {default})")
        lines += textwrap.wrap(row.doc, PAGE_WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines if rows else [*lines, "None."])


def layer_markdown(name: str) -> str:
    """The same as Markdown, one heading level down, with a table of settings."""
    cls = layer_class(name)
    text = re.sub(r"^## ", "### ", inspect.cleandoc(cls.__doc__ or ""), flags=re.MULTILINE)
    rows = settings_of(cls)
    table = ["| setting | type | default | what it does |", "|---|---|---|---|"]
    for row in rows:
        default = f"`{row.default}`" if row.default else "none: has to be given"
        table.append(f"| `{row.name}` | {row.type} | {_cell(default)} | {_cell(row.doc)} |")
    settings = "\n".join(table) if rows else "None."
    return f"## {name}\n\n{text}\n\n### Settings\n\n{settings}"


def layer_section(name: str, heading: str) -> str:
    """The text of one `## heading` of a layer's page as one line; empty: it has none."""
    page = inspect.cleandoc(layer_class(name).__doc__ or "")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    return _cell(" ".join(found[1].split())) if found else ""


def settings_of(cls: type[Layer]) -> list[Setting]:
    """Settings in the order of the class."""
    from costopt.wiring.policy.kinds import in_words
    from costopt.wiring.policy.write import default_of

    docs, hints = field_docs(cls), get_type_hints(cls, include_extras=True)
    return [
        Setting(f.name, in_words(hints[f.name]), default_of(cls, f), docs.get(f.name, ""))
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
