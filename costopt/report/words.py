"""How amounts and counts are worded, the same in every section and renderer."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from costopt.model.result import Result
from costopt.money import pico, show


def dollars(value: float, places: int = 2) -> str:
    """`$40,218.64`; under a cent keeps two significant digits, so nothing shows as $0.00."""
    return show(pico(Decimal(repr(value))), places)


def percent(part: float, whole: float) -> str:
    """`37 %`, `0.4 %` below one, `<0.1 %`; empty where the whole is 0."""
    if not whole:
        return ""
    value = 100 * part / whole
    if 0 < abs(value) < 0.1:
        return "<0.1 %"
    return f"{value:.0f} %" if abs(value) >= 1 or value == 0 else f"{value:.1f} %"


def plural(count: int, word: str) -> str:
    """`1 call`, `2,148 calls`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def places_for(whole: float) -> int:
    """Decimals of a block of dollars: cents, and three significant digits where the whole is small."""
    if not whole:
        return 2
    return min(12, max(2, 2 - Decimal(repr(abs(whole))).adjusted()))


def units(values: list[float], whole: float, places: int) -> list[int]:
    """Each value in units of the last decimal, so that they sum to the rounded whole.

    Largest remainder: every value is its floor or one more. `whole` is what the values sum to.
    """
    exact = [Decimal(repr(v)).scaleb(places) for v in values]
    goal = int(Decimal(repr(whole)).scaleb(places).to_integral_value(ROUND_HALF_EVEN))
    floors = [int(e.to_integral_value(ROUND_FLOOR)) for e in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: max(0, goal - sum(floors))]:
        floors[i] += 1
    return floors


def unit_text(count: int, value: float, places: int) -> str:
    """`$1,234.50`; a value too small for the column is shown as below its last decimal."""
    step = Decimal(1).scaleb(-places)
    if not count and value:
        return f"<${step}"
    amount = count * step
    return f"-${-amount:,}" if amount < 0 else f"${amount:,}"


def trace_name(result: Result) -> str:
    """The file, or the folder that holds them all, with their number."""
    names = [f.path for f in result.trace.files]
    if len(names) == 1:
        return names[0].rsplit("/", 1)[-1]
    folders = {n.rsplit("/", 1)[0] for n in names if "/" in n}
    if len(folders) == 1 and names:
        return f"{folders.pop().rsplit('/', 1)[-1]}/ ({plural(len(names), 'file')})"
    return plural(len(names), "file")


def total_text(result: Result) -> str:
    """The bill: `unknown` where not one call has a known cost, `estimated` where text was counted."""
    bill = result.bill
    unknown = bill.unpriced_calls + bill.missing_usage_calls
    if not bill.total_usd and unknown and unknown >= result.trace.calls:
        return "unknown"
    guessed = " estimated" if bill.estimated_in_bill and bill.estimated_calls else ""
    return dollars(bill.total_usd, places_for(bill.total_usd)) + guessed
