"""The bill of an edited view from the bill before the edit: only the calls that differ are priced.

A call's price depends on that call alone, so the others keep theirs; `meter` of the whole view is the
specification.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import At
from costopt.billing.meter import meter
from costopt.billing.prompt_cache.affected import moved, part_of_trace
from costopt.model.bill import Bill
from costopt.model.trace import Categorical
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
S = TypeVar("S", bound=np.generic)
_MOST_SHARE = 0.7
"""Of changed calls: above it the whole view is priced sooner than a part is taken out and put back."""


def meter_changed(
    before: View, bill: Bill, after: View, prices: PriceBook, *, at: At = "call"
) -> Bill:
    """The bill of `after`, a view of the same trace as `before`, which costs `bill`."""
    rows = np.flatnonzero(_differs(before, after, at))
    if not len(rows):
        return bill
    if len(rows) > _MOST_SHARE * after.trace.n:
        return meter(after, prices, at=at)
    part = meter(_part(after, rows), prices, at=at)
    sources, place = _joined(bill.sources, part.sources)
    reasons, reason = _joined(bill.reasons, part.reasons)
    codes = None if part.reason_code is None else reason[part.reason_code]
    return replace(
        bill,
        leaf_pusd=_put(bill.leaf_pusd, rows, part.leaf_pusd),
        fee_pusd=_put(bill.fee_pusd, rows, part.fee_pusd),
        list_pusd=_put(bill.list_pusd, rows, part.list_pusd),
        discount_pusd=_put(bill.discount_pusd, rows, part.discount_pusd),
        status=_put(bill.status, rows, part.status),
        rate_row=_put(bill.rate_row, rows, place[part.rate_row]),
        reason_code=_put_optional(bill.reason_code, rows, codes),
        equivalent_pusd=_put_optional(bill.equivalent_pusd, rows, part.equivalent_pusd),
        sources=sources,
        reasons=reasons,
    )


def _differs(before: View, after: View, at: At) -> NDArray[np.bool_]:  # [call]
    out = np.zeros(after.trace.n, np.bool_)
    if before.leaves is not after.leaves:
        out |= (before.leaves != after.leaves).any(axis=1)
    if before.sent is not after.sent:
        out |= before.sent != after.sent
    if at == "call":
        out |= before.at_us != after.at_us
    for name in ("provider", "model", "service_tier", "region"):
        out |= moved(getattr(before, name), getattr(after, name))
    return out


def _part(view: View, rows: Int) -> View:
    """These calls as the meter reads them; blocks are not."""
    return replace(
        view, trace=part_of_trace(view.trace, rows), sent=view.sent[rows],
        provider=_rows(view.provider, rows), model=_rows(view.model, rows),
        service_tier=_rows(view.service_tier, rows), region=_rows(view.region, rows),
        leaves=view.leaves[rows], at_us=view.at_us[rows], max_tokens=view.max_tokens[rows],
    )  # fmt: skip


def _rows(column: Categorical, rows: Int) -> Categorical:
    return Categorical(column.codes[rows], column.values)


def _joined(
    first: tuple[str, ...], second: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """All names, and the place of each of the second among them; the last one, -1, stays -1."""
    names = dict.fromkeys((*first, *second))
    index = {name: i for i, name in enumerate(names)}
    return tuple(names), np.array([*(index[name] for name in second), -1], np.int32)


def _put(column: NDArray[S], rows: Int, values: NDArray[S]) -> NDArray[S]:
    out = column.copy()
    out[rows] = values
    return out


def _put_optional(
    column: NDArray[S] | None, rows: Int, values: NDArray[S] | None
) -> NDArray[S] | None:
    return None if column is None or values is None else _put(column, rows, values)
