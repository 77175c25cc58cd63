"""Dollars through the whole pipeline: they scale, never rise for a cache read, and sum to the whole."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costopt.money import PICO_PER_USD
from tests.cli.run import costopt
from tests.properties.auditing import audited, ledger_total
from tests.properties.logs import MODELS, Row, rows, written


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("log") / "calls.jsonl", rows())


def overlay(path: Path, factor: int) -> Path:
    """Own prices for every model, times a factor, written as people write them."""
    told = ["models:"]
    for i, (provider, model) in enumerate(MODELS):
        prices = {
            "input": Decimal("1.37") + i, "cached_input": Decimal("0.13") + i,
            "cache_write_5m": Decimal("1.7") + i, "output": Decimal("9.99") + i,
        }  # fmt: skip
        cells = ", ".join(f"{name}: {price * factor}" for name, price in prices.items())
        told.append(f"  {model}: {{{cells}, provider: {provider}}}")
    path.write_text("\n".join(told) + "\n")
    return path


def test_twice_the_prices_are_twice_the_bill(log: Path, tmp_path: Path) -> None:
    totals = []
    for factor in (1, 2):
        with audited(log, prices=overlay(tmp_path / f"{factor}.yaml", factor)) as done:
            totals.append(done.context.bill.net_pusd.tolist())
    assert totals[1] == [2 * usd for usd in totals[0]]
    assert sum(totals[0]) > 0


def _warmer(row: Row, share: float) -> Row:
    """The same call with a share of its fresh input read from the provider's cache."""
    row = copy.deepcopy(row)
    answer = row["response"] or {}
    usage: dict[str, Any] = answer.get("usage") or answer.get("usageMetadata") or {}
    if "prompt_tokens" in usage:
        details = usage["prompt_tokens_details"]
        details["cached_tokens"] += int((usage["prompt_tokens"] - details["cached_tokens"]) * share)
    elif "input_tokens" in usage:
        moved = int(usage["input_tokens"] * share)
        usage["input_tokens"] -= moved
        usage["cache_read_input_tokens"] += moved
    elif usage:
        fresh = usage["promptTokenCount"] - usage["cachedContentTokenCount"]
        usage["cachedContentTokenCount"] += int(fresh * share)
    return row


def test_a_cache_read_never_costs_more_than_fresh_input(tmp_path: Path) -> None:
    before: dict[str, int] = {}
    for share in (0.0, 0.3, 1.0):
        path = written(tmp_path / "calls.jsonl", [_warmer(row, share) for row in rows()])
        with audited(path) as done:
            trace, bill = done.context.trace, done.context.bill
            after = dict(zip(trace.id, bill.net_pusd.tolist(), strict=True))
        if before:
            assert all(after[id] <= usd for id, usd in before.items())
            assert sum(after.values()) < sum(before.values())
        before = after


@pytest.mark.parametrize(
    ("one", "rest"),
    [
        ({"where": ["agent=planner"]}, {"where": ["agent!=planner"]}),
        ({"where": ["model=gpt-*"]}, {"where": ["model!=gpt-*"]}),
        ({"until": "2026-05-03"}, {"since": "2026-05-03"}),
        ({"until": "2026-05-02T05:06:00Z"}, {"since": "2026-05-02T05:06:00Z"}),
    ],
)
def test_a_slice_and_the_rest_are_the_whole(
    log: Path, one: dict[str, Any], rest: dict[str, Any]
) -> None:
    with audited(log) as done, audited(log, **one) as first, audited(log, **rest) as second:
        parts = (first.context, second.context)
        assert sum(p.trace.n for p in parts) == done.context.trace.n
        assert min(p.trace.n for p in parts) > 0
        assert sum(p.bill.total_pusd for p in parts) == done.context.bill.total_pusd


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_ledger_sums_to_the_audit(
    log: Path, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"calls.{ending}"
    ran = costopt(capsys, "calls", log, "--no-store", "--json", "--out", out)
    assert ran.code == 0, ran.err
    with audited(log) as done:
        total = done.context.bill.total_pusd
        assert ledger_total(done.context.trace, done.context.bill) * PICO_PER_USD == total
    if ending == "jsonl":
        cells = [json.loads(line)["usd"] for line in out.read_text().splitlines()]
    else:
        import csv

        with out.open(newline="") as file:
            cells = [row["usd"] for row in csv.DictReader(file)]
    assert sum(Decimal(c) for c in cells if c) * PICO_PER_USD == total
    assert Decimal(json.loads(ran.out)["total_usd"]) * PICO_PER_USD == total
    assert len(cells) == len(rows())
