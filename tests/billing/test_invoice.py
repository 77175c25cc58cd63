"""Reconciling with an invoice: rows sum exactly, and the known traps of each export."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from costopt.billing.invoice import InvoiceReconciliation, Row, reconcile_invoice
from costopt.errors import InputError
from costopt.model.bill import Bill, PriceStatus
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.trace import Trace
from costopt.model.usage import Counts, inside
from costopt.money import pico
from costopt.sources.invoices import read_invoice
from tests.fakes import INPUT_RATE, OUTPUT_RATE, READ_RATE, FakeBook, rates

DAY = 86_400_000_000
JAN_1 = 20_454 * DAY  # 2026-01-01


def call(key: str, day: int = 0, fresh: int = 1_000_000, output: int = 0, **more: Any) -> Call:
    """$1 a million fresh tokens, $10 a million output tokens."""
    usage = inside(Counts(input=fresh, output=output))
    at = JAN_1 + day * DAY + 1
    return Call(key, usage, at_us=at, provider="openai", model="gpt-x", **more)


def priced(trace: Trace) -> Bill:
    leaf = trace.leaves * np.array(rates(), np.int64)
    total = leaf.sum(axis=1)
    zero = np.zeros(trace.n, np.int64)
    status = np.full(trace.n, PriceStatus.PRICED, np.int8)
    return Bill(leaf, zero, total, zero, status, np.zeros(trace.n, np.int32), ("fake",))


def compare(calls: list[Call], text: str, fx: Decimal | None = None) -> InvoiceReconciliation:
    trace = trace_of(calls)
    invoice = read_invoice(text.encode(), "invoice", fx)
    found = reconcile_invoice(trace, priced(trace), invoice, FakeBook())
    rows = sum(d.pusd for d in found.differences)
    assert rows == found.invoice_pusd, "the rows sum to the invoice to the last pico-dollar"
    if all(line.amount_pusd is not None for line in invoice.lines):
        assert rows == sum(line.amount_pusd or 0 for line in invoice.lines)
    return found


def table(*rows: str) -> str:
    return "\n".join(["date,model,usd", *rows])


def test_equal_sides_are_explained() -> None:
    found = compare(
        [call("a"), call("b", day=1)], table("2026-01-01,gpt-x,1", "2026-01-02,gpt-x,1")
    )
    assert found.total(Row.EXPLAINED) == pico("2")
    assert found.off_share == 0


def test_a_model_that_only_the_invoice_has_is_not_in_the_logs() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,1", "2026-01-01,gpt-other,5"))
    assert found.total(Row.NOT_IN_LOGS) == pico("5")


def test_a_call_that_was_not_billed_is_a_row_of_its_own() -> None:
    found = compare([call("a"), call("b", day=3)], table("2026-01-01,gpt-x,1"))
    assert found.total(Row.NOT_BILLED) == pico("-1")
    assert found.total(Row.EXPLAINED) == pico("2")


def test_half_price_is_the_batch_tier() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,0.50"))
    assert found.total(Row.TIER) == pico("-0.5")


def test_one_other_price_on_all_days_is_a_price_difference() -> None:
    calls = [call("a"), call("b", day=1), call("c", day=2)]
    rows = [f"2026-01-0{d},gpt-x,0.85" for d in (1, 2, 3)]
    found = compare(calls, table(*rows))
    assert found.total(Row.PRICE) == pico("-0.45")


def test_late_data_moves_dollars_to_the_next_day() -> None:
    calls = [call("a"), call("b", day=1)]
    found = compare(calls, table("2026-01-01,gpt-x,0.70", "2026-01-02,gpt-x,1.30"))
    assert found.total(Row.UNEXPLAINED) == 0
    assert found.total(Row.DAYS) == 0


def test_what_fits_no_rule_stays_unexplained() -> None:
    found = compare([call("a")], table("2026-01-01,gpt-x,1.37"))
    assert found.total(Row.UNEXPLAINED) == pico("0.37")


def test_a_fraction_of_a_cent_is_rounding() -> None:
    found = compare([call("a", fresh=1_003_000)], table("2026-01-01,gpt-x,1.00"))
    assert found.total(Row.ROUNDING) == pico("-0.003")


def test_credits_and_tax_are_no_usage() -> None:
    text = table("2026-01-01,gpt-x,1", "2026-01-01,promotional credit,-3", "2026-01-31,VAT,0.19")
    found = compare([call("a")], text)
    assert found.total(Row.OTHER) == pico("-2.81")
    assert found.off_share == 0


def test_another_currency_needs_a_rate() -> None:
    text = "date,model,amount,currency\n2026-01-01,gpt-x,0.92,EUR"
    with pytest.raises(InputError, match="EUR"):
        compare([call("a")], text)
    assert compare([call("a")], text, Decimal("0.92")).off_share == 0


def test_a_header_without_an_amount_names_what_would_fit() -> None:
    with pytest.raises(InputError, match="amount") as caught:
        read_invoice(b"date,model,euros\n", "x.csv")
    assert "cost_usd" in str(caught.value)


def openai_usage(**counts: Any) -> str:
    result = {"object": "organization.usage.completions.result", "model": "gpt-x", **counts}
    bucket = {"object": "bucket", "start_time": JAN_1 // 1_000_000, "results": [result]}
    return json.dumps({"object": "page", "data": [bucket]})


def test_openai_input_includes_cached_tokens() -> None:
    cached = inside(Counts(input=3000, read=2000, output=100))
    calls = [Call("a", cached, at_us=JAN_1, provider="openai", model="gpt-x")]
    text = openai_usage(input_tokens=3000, input_cached_tokens=2000, output_tokens=100)
    found = compare(calls, text)
    assert found.usage_pusd == 1000 * INPUT_RATE + 2000 * READ_RATE + 100 * OUTPUT_RATE
    assert found.off_share == 0


def test_tokens_tell_missing_calls_from_another_price() -> None:
    found = compare([call("a", fresh=1000)], openai_usage(input_tokens=4000))
    assert found.total(Row.NOT_IN_LOGS) == 3000 * INPUT_RATE
    assert found.total(Row.UNEXPLAINED) == 0


def test_openai_days_are_utc() -> None:
    late = Call(
        "a",
        inside(Counts(input=1_000_000)),
        at_us=JAN_1 + DAY - 1,
        provider="openai",
        model="gpt-x",
    )
    assert compare([late], table("2026-01-01,gpt-x,1")).off_share == 0


def test_projects_that_the_log_never_names_are_not_in_it() -> None:
    text = "date,model,usd,project\n2026-01-01,gpt-x,1,mine\n2026-01-01,gpt-x,7,theirs"
    found = compare([call("a", project="mine")], text)
    assert found.total(Row.NOT_IN_LOGS) == pico("7")
    places = [d.place for d in found.differences if d.row == Row.NOT_IN_LOGS]
    assert places == ["project theirs"]


def test_anthropic_costs_are_in_cents() -> None:
    result = {"amount": "123.45", "currency": "USD", "cost_type": "tokens", "model": "claude-x"}
    bucket = {"starting_at": "2026-01-01T00:00:00Z", "results": [result]}
    invoice = read_invoice(json.dumps({"data": [bucket]}).encode(), "costs.json")
    assert invoice.lines[0].amount_pusd == pico("1.2345")


def test_anthropic_searches_are_no_tokens() -> None:
    result = {"amount": "10", "currency": "USD", "cost_type": "web_search", "model": None}
    bucket = {"starting_at": "2026-01-01T00:00:00Z", "results": [result]}
    found = compare([call("a")], json.dumps({"data": [bucket]}))
    assert found.total(Row.NON_TOKEN) == pico("0.10")


def test_an_unknown_json_is_refused() -> None:
    with pytest.raises(InputError, match="usage or cost export"):
        read_invoice(b'{"hello": 1}', "x.json")
