"""What a section gives to every renderer: words, tables and series. No HTML, no colours."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from costopt.model.result import Result

Kind = Literal["text", "usd", "count", "share", "number"]
Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; `kinds` say how a renderer writes and sorts each column."""

    title: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    rows: list[tuple[Cell, ...]]
    total: tuple[Cell, ...] | None = None
    places: int | None = None
    """Decimals of its dollars; None: each column's own, by its largest or its total."""


@dataclass(frozen=True, slots=True)
class Series:
    """One named line or one colour of bars; None is a gap, never 0."""

    name: str
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture as data. `bars`: one horizontal bar a label; `stack`: parts of each bar;
    `line`: values over ordered labels; `columns`: vertical bars over ordered labels;
    `waterfall`: amounts and the changes between them, told apart by `marks`;
    `points`: series risk, low, high (x, a span) and saved (y), a point a label."""

    name: str
    title: str
    kind: Literal["bars", "stack", "line", "columns", "waterfall", "points"]
    labels: list[str]
    series: list[Series]
    unit: Kind
    x_label: str = ""
    y_label: str = ""
    marks: list[str] = field(default_factory=list)
    """[label]: `total` (an amount, from 0 on), `verified`, `unproven`, `idle` (changes nothing)."""
    x_unit: Kind = "text"
    """Of `points`; a `line` with `number` or `share` has labels that are numbers, at true distances."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure that a reader should see first."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: what, how much, why, and what to do."""

    mark: str
    """Short word in front of it: `F1`, `fail`."""
    title: str
    amount: str = ""
    body: tuple[str, ...] = ()
    action: str = ""
    """One imperative sentence."""


@dataclass(frozen=True, slots=True)
class Card:
    """One section of a report."""

    name: str
    title: str
    lead: str
    """The section in one sentence, with its number."""
    facts: list[Fact] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The section says nothing about this trace, and why."""

    name: str
    title: str
    reason: str
    failed: bool = False
    """A defect, not a choice: it is shown where the section would stand."""


def build_cards(result: Result) -> list[Card | NotApplicable]:
    """All sections in their order; one that fails becomes a card that says so."""
    return [_built(build, result) for build in sections()]


def absent(cards: Sequence[Card | NotApplicable]) -> dict[str, list[str]]:
    """Titles of the sections that do not apply, by their reason: one list at a report's end."""
    found: dict[str, list[str]] = {}
    for card in cards:
        if isinstance(card, NotApplicable) and not card.failed:
            found.setdefault(card.reason, []).append(card.title)
    return found


def sections() -> list[Callable[[Result], Card | NotApplicable]]:
    """The `build` functions of `report/sections/*.py`, by each module's ORDER."""
    import costopt.report.sections as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{n}") for n in names]
    modules.sort(key=lambda m: (m.ORDER, m.__name__))
    return [m.build for m in modules]


def _built(build: Callable[[Result], Card | NotApplicable], result: Result) -> Card | NotApplicable:
    name = build.__module__.rsplit(".", 1)[-1]
    try:
        return build(result)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # The report still comes out; a missing section is visible, not silent.
        return NotApplicable(
            name, name, f"this section failed: {type(error).__name__}: {error}", True
        )
