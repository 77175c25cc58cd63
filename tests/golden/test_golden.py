"""Golden usage records: what a log holds, its leaves, and its dollars worked out by hand.

Each record of `tests/golden/*.yaml` states the list prices that were in force, the arithmetic and its
result, so the first test needs no code of ours. The others import the record and price it.
`leaves` are those of all calls that a provider answered; `status` stands where no dollars are due,
`reason` for a part of what the bill then says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from costopt.billing.meter import meter
from costopt.billing.reconcile import recorded_total
from costopt.model.bill import PriceStatus
from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, UsageContradiction
from costopt.model.leaf import LEAF_NAMES
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import pico, usd_text
from costopt.prices.book import Book, load_book
from costopt.sources.bodies.native import native_call

HERE = Path(__file__).parent
GROUPS = 11
LEAST = 150


@dataclass(frozen=True)
class Golden:
    """One record of a file."""

    file: str
    row: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.row['title']}"


def records() -> list[Golden]:
    yaml = YAML(typ="safe")
    return [
        Golden(path.stem, row)
        for path in sorted(HERE.glob("*.yaml"))
        for row in yaml.load(path.read_text("utf-8"))
    ]


ALL = records()
PRICED = [g for g in ALL if "usd" in g.row]
READ = [g for g in ALL if g.row.get("status") != "rejected"]


def by_name(goldens: list[Golden]) -> Any:
    return pytest.mark.parametrize("golden", goldens, ids=[g.name for g in goldens])


@cache
def book() -> Book:
    return load_book(as_of=dt.date(2026, 11, 20))


def trace_from(golden: Golden) -> Trace:
    found = [native_call(i, row) for i, row in enumerate(golden.row["log"], 1)]
    return trace_of([c for c in found if isinstance(c, Call)])


def test_every_group_of_traps_has_records() -> None:
    assert len(ALL) >= LEAST
    groups = {g.file.split("_")[0] for g in ALL}
    assert groups >= {f"{i:02d}" for i in range(1, GROUPS + 1)}
    assert len({g.name for g in ALL}) == len(ALL)


@by_name(PRICED)
def test_the_arithmetic_of_the_record(golden: Golden) -> None:
    row = golden.row
    terms = [term.split(" x ") for term in row["work"].split(" + ") if term != "0"]
    micro = sum((Decimal(a) * Decimal(b) for a, b in terms), Decimal(0))
    assert micro / 1_000_000 == Decimal(row["usd"])
    stated = {(str(row["leaves"][n]), p) for n, p in row["usd_per_mtok"].items()}
    fees = {b for _, b in terms if b == row.get("fee_micro_usd")}
    assert {(a, b) for a, b in terms if b not in fees} == stated


@by_name(READ)
def test_leaves(golden: Golden) -> None:
    trace = trace_from(golden)
    answered = trace.status != CallStatus.GATEWAY_HIT
    sums = trace.leaves[answered].sum(axis=0).tolist()
    assert {n: v for n, v in zip(LEAF_NAMES, sums, strict=True) if v} == golden.row["leaves"]


@by_name([g for g in ALL if g.row.get("status") == "rejected"])
def test_refused(golden: Golden) -> None:
    with pytest.raises(UsageContradiction):
        trace_from(golden)


@by_name(READ)
def test_dollars_by_the_real_book(golden: Golden) -> None:
    row = golden.row
    trace = trace_from(golden)
    bill = meter(View.of(trace), book())
    unpaid = {"no_model", "no_unit", "no_usage", "not_charged"}
    if row.get("status") in unpaid:
        assert [PriceStatus(s).name.lower() for s in bill.status] == [row["status"]]
        assert bill.total_pusd == 0
        assert row.get("reason", "") in "".join(bill.reasons)
        return
    assert bill.priced.all(), (bill.reasons, [PriceStatus(s).name for s in bill.status])
    assert usd_text(bill.total_pusd) == usd_text(pico(row["usd"])), bill.sources
    for name, per_mtok in row["usd_per_mtok"].items():
        dollars = int(bill.leaf_pusd[:, LEAF_NAMES.index(name)].sum())
        assert dollars == pico(Decimal(row["leaves"][name]) * Decimal(per_mtok) / 1_000_000), name


@by_name([g for g in ALL if "recorded_usd" in g.row])
def test_recorded_cost(golden: Golden) -> None:
    assert recorded_total(trace_from(golden)) == pico(golden.row["recorded_usd"])
