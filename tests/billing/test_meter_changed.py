"""Pricing only what changed gives the bill of the whole, for any edit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from costopt.billing.charges import At
from costopt.billing.meter import meter
from costopt.billing.meter_changed import meter_changed
from costopt.model.bill import Bill
from costopt.model.leaf import Leaf
from costopt.model.trace import Categorical, Trace
from costopt.model.view import View
from tests.billing.small import call, timed, usage
from tests.billing.test_meter import WideBook

MODELS = ("m", "dated", "long", "gap", "deal", "seat", "unknown-a")


def trace_at_random(seed: int) -> Trace:
    rng = np.random.default_rng(seed)
    return timed([
        call(
            f"k{i}", ["user:u"], usage(int(rng.integers(1, 3000)), int(rng.integers(0, 2000)), 0, 5),
            model=str(rng.choice(MODELS)), session_id=f"s{i % 5}",
        )
        for i in range(40)
    ])  # fmt: skip


def edited_at_random(view: View, rng: np.random.Generator, share: float) -> View:
    rows = rng.random(view.trace.n) < share
    leaves = view.leaves.copy()
    leaves[rows, Leaf.INPUT_FRESH] += rng.integers(0, 2000, int(rows.sum()))
    codes = view.model.codes.copy()
    moved = rng.random(view.trace.n) < share / 2
    codes[moved] = len(view.model.values)
    model = Categorical(codes, (*view.model.values, str(rng.choice(MODELS))))
    sent = view.sent & (rng.random(view.trace.n) >= share / 3)
    return view.edited(leaves=leaves, model=model, sent=sent)


def told(bill: Bill) -> list[list[Any]]:
    """All of a bill, with names instead of their numbers."""
    assert bill.reason_code is not None and bill.equivalent_pusd is not None
    columns: list[Any] = [
        bill.leaf_pusd, bill.fee_pusd, bill.list_pusd, bill.discount_pusd, bill.status,
        bill.equivalent_pusd,
    ]  # fmt: skip
    sources = [bill.sources[r] if r >= 0 else "" for r in bill.rate_row.tolist()]
    reasons = [bill.reasons[r] if r >= 0 else "" for r in bill.reason_code.tolist()]
    return [*(c.tolist() for c in columns), sources, reasons]


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, book = View.of(trace_at_random(seed)), WideBook()
    ways: tuple[At, ...] = ("call", "as_of")
    for at in ways:
        bill = meter(before, book, at=at)
        for share in (0.02, 0.3, 0.9):
            after = edited_at_random(before, rng, share)
            changed = meter_changed(before, bill, after, book, at=at)
            assert told(changed) == told(meter(after, book, at=at))


def test_nothing_changed_is_the_same_object() -> None:
    view, book = View.of(trace_at_random(1)), WideBook()
    bill = meter(view, book)
    assert meter_changed(view, bill, view.edited(), book) is bill
