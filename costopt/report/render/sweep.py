"""A sweep as a table for the terminal, as CSV and as JSON. The points of the Pareto front are marked."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from costopt.engine.sweep import SweepPoint, SweepResult
from costopt.model.escape import clean, fit
from costopt.money import usd_float
from costopt.report.render.screen import dollars, places_for, plural, wrap

MAX_WIDTH = 100
MAX_ROWS = 30
MORE_PLACES = 4
MARK = "*"
FIGURES = ("projected_usd", "savings_usd", "savings_pct", "risk", "unmeasured", "pareto")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Swept:
    """A sweep with what it was made over."""

    policy: str
    as_of: str
    result: SweepResult

    @cached_property
    def front(self) -> frozenset[int]:
        """Numbers of the points on the Pareto front."""
        return frozenset(self.result.front)

    @property
    def names(self) -> list[str]:
        """The swept settings, in the order asked."""
        return list(self.result.points[0].settings) if self.result.points else []

    def saved_pct(self, point: SweepPoint) -> float | None:
        """Of the bill without a policy."""
        base = self.result.baseline_pusd
        return 100 * point.savings_pusd / base if base else None


def sweep_screen(found: Swept, width: int = 80, seconds: float | None = None) -> list[str]:
    """The points in the order of the grid; of many the front and the cheapest."""
    width = min(width, MAX_WIDTH)
    points = found.result.points
    took = "" if seconds is None else f" · {seconds:.1f} s"
    head = f"{found.policy} · {plural(len(points), 'point')} · prices of {found.as_of}{took}"
    base = usd_float(found.result.baseline_pusd)
    shown = _shown(found)
    end = [
        f"{MARK} no other point saves more at the same or a lower risk. Risk: the upper bound of the"
        " share of calls whose answer may differ."
    ]
    unmeasured = sorted({name for p in points for name in p.unmeasured})
    if unmeasured:
        end.append(f"? not measured, so all calls that it changes count: {', '.join(unmeasured)}")
    if len(shown) < len(points):
        end.append(
            f"{plural(len(points) - len(shown), 'point')} not shown: --out sweep.csv, --json"
        )
    lines = wrap(clean(head), width, "  ")
    lines += [f"Bill without a policy {dollars(base, _places(found))}", ""]
    lines += [*_table(found, shown, width), ""]
    return lines + [part for text in end for part in wrap(text, width, "  ")]


def _shown(found: Swept) -> list[int]:
    """Numbers of the points that the screen has room for."""
    points = found.result.points
    by_worth = sorted(
        range(len(points)), key=lambda i: (i not in found.front, points[i].projected_pusd, i)
    )
    return sorted(by_worth[:MAX_ROWS])


def _table(found: Swept, shown: list[int], width: int) -> list[str]:
    """Settings on the left, dollars and risk on the right."""
    places = _places(found)
    rows = [[*found.names, "bill", "saves", "", "risk"]]
    rows += [_row(found, found.result.points[i], places) for i in shown]
    rooms = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    marks = [" ", *(MARK if i in found.front else " " for i in shown)]
    return [
        fit(f"{mark} " + "  ".join(f"{c:>{r}}" for c, r in zip(row, rooms, strict=True)), width)
        for mark, row in zip(marks, rows, strict=True)
    ]


def _places(found: Swept) -> int:
    """Decimals that show the largest saving with three digits."""
    bill = places_for(usd_float(found.result.baseline_pusd))
    largest = max((abs(p.savings_pusd) for p in found.result.points), default=0)
    return max(bill, min(bill + MORE_PLACES, places_for(usd_float(largest))))


def _row(found: Swept, point: SweepPoint, places: int) -> list[str]:
    pct = found.saved_pct(point)
    return [
        *(value_text(value) for value in point.settings.values()),
        dollars(usd_float(point.projected_pusd), places),
        dollars(usd_float(point.savings_pusd), places),
        "" if pct is None else f"{pct:.1f} %",
        f"{100 * point.risk:.2f} %{' ?' if point.unmeasured else ''}",
    ]


def value_text(value: Any) -> str:
    """A setting's value in a cell."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return clean(str(value))


def sweep_csv(found: Swept) -> str:
    """One row a point: its settings, its dollars, its risk, and the step of every layer."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    points = found.result.points
    layers = points[0].layers if points else []
    steps = [f"{i}_{row['layer']}_step_usd" for i, row in enumerate(layers, 1)]
    writer.writerow([*found.names, *FIGURES, *steps])
    for number, point in enumerate(points):
        writer.writerow([
            *(_cell(value) for value in point.settings.values()),
            usd_float(point.projected_pusd), usd_float(point.savings_pusd),
            found.saved_pct(point), point.risk, " ".join(point.unmeasured),
            number in found.front, *(row["step_usd"] for row in point.layers),
        ])  # fmt: skip
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets a quote before it."""
    if isinstance(value, (int, float)) or value is None:
        return value
    text = clean(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def sweep_json(found: Swept) -> str:
    """`costopt.sweep/1`, with the policy and the date of its prices."""
    import orjson

    document = found.result.to_json() | {"policy": found.policy, "as_of": found.as_of}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(document, option=options).decode()
