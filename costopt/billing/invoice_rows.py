"""The rows of a reconciliation, and which of them explains a difference between two equal cells."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from costopt.billing.invoice_cells import Key, Side
from costopt.money import PicoUsd

# A line of an invoice is rounded to the cent at the coarsest: half a cent a line may be rounding.
ROUNDING_PUSD_PER_LINE = 5_000_000_000
# More than a fiftieth of a cell is no rounding, however many lines it has.
LEAST_ROUNDED = 50
# Batch and flex cost half of the default rate, priority up to twice (sources: `prices/data/tiers.json`).
TIER_RATIOS = (0.5, 2.0)
RATIO_SLACK = 0.002


class Row(StrEnum):
    """The rows of a reconciliation, in the order in which they are printed. They sum to the invoice."""

    EXPLAINED = "explained"
    NOT_IN_LOGS = "not in the logs"
    NOT_BILLED = "in the logs, not billed"
    PRICE = "price differs"
    TIER = "tier or batch"
    NON_TOKEN = "non-token items"
    OTHER = "credits, tax, commitments"
    DAYS = "day boundary or late data"
    ROUNDING = "rounding"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """One amount in one row, at one place."""

    row: Row
    place: str
    pusd: PicoUsd


def compare(ours: dict[Key, Side], theirs: dict[Key, Side]) -> list[Difference]:
    """Differences of all cells; with the log's dollars they sum to the invoice's."""
    found: list[Difference] = []
    open_cells: dict[Key, list[tuple[int, int, int]]] = defaultdict(list)
    for key in sorted(set(ours) | set(theirs)):
        log, bill = ours.get(key), theirs.get(key)
        place = f"{key.day} {key.model} {key.unit} {key.project}"
        place = " ".join(place.split()) or "all"
        if bill is None and log is not None:
            found += _some(Row.NOT_BILLED, place, -log.pusd)
        elif log is None and bill is not None:
            found += _some(Row.NOT_IN_LOGS, place, bill.pusd)
        elif log is not None and bill is not None:
            parts, left = _same_cell(log, bill, place)
            found += parts
            if left:
                open_cells[key._replace(day="")].append((left, log.pusd, bill.lines))
    for key, cells in sorted(open_cells.items()):
        found += _by_model(f"{key.model} {key.unit} {key.project}".strip(), cells)
    return found


def _same_cell(log: Side, bill: Side, place: str) -> tuple[list[Difference], int]:
    """Differences that the cell itself explains, and the dollars that it leaves open."""
    left = bill.pusd - log.pusd
    parts: list[Difference] = []
    counted = bool(log.tokens and bill.tokens)
    if log.tokens and bill.tokens and log.tokens != bill.tokens:
        if bill.tokens > log.tokens:
            extra = bill.pusd * (bill.tokens - log.tokens) // bill.tokens
            parts += _some(Row.NOT_IN_LOGS, place, extra)
        else:
            extra = -(log.pusd * (log.tokens - bill.tokens) // log.tokens)
            parts += _some(Row.NOT_BILLED, place, extra)
        left -= extra
    small = abs(left) * LEAST_ROUNDED <= max(bill.pusd, 1)
    if small and abs(left) <= ROUNDING_PUSD_PER_LINE * bill.lines:
        return [*parts, *_some(Row.ROUNDING, place, left)], 0
    tiers_differ = bool(bill.special_pusd) != bool(log.special_pusd)
    base = bill.pusd - left
    if base and (tiers_differ or _near(bill.pusd / base)):
        return [*parts, *_some(Row.TIER, place, left)], 0
    if counted:  # the same tokens for other dollars
        return [*parts, *_some(Row.PRICE, place, left)], 0
    return parts, left


def _near(ratio: float) -> bool:
    return any(abs(ratio / r - 1) <= RATIO_SLACK for r in TIER_RATIOS)


def _some(row: Row, place: str, pusd: int) -> list[Difference]:
    return [Difference(row, place, PicoUsd(pusd))] if pusd else []


def _by_model(place: str, cells: list[tuple[int, int, int]]) -> list[Difference]:
    """What only shows over several days: dollars moved to the next day, or one other price."""
    net = sum(left for left, _, _ in cells)
    lines = sum(n for _, _, n in cells)
    if len(cells) > 1 and abs(net) <= ROUNDING_PUSD_PER_LINE * lines:
        return _some(Row.DAYS, f"{place}, over its days", net)
    ratios = [1 + left / pusd for left, pusd, _ in cells if pusd]
    one_price = len(ratios) > 1 and max(ratios) - min(ratios) <= 2 * RATIO_SLACK
    if not one_price:
        return _some(Row.UNEXPLAINED, place, net)
    share = 100 * (1 + net / sum(pusd for _, pusd, _ in cells))
    return _some(Row.PRICE, f"{place} (the invoice charges {share:.1f} % of the book)", net)
