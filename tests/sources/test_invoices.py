"""Invoices with damaged cells: refused with the place, never a traceback and never another amount."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from costopt.errors import InputError
from costopt.money import pico
from costopt.sources.invoices import read_invoice

DAMAGE = (
    None, "", "x", True, -1, 12.5, "12.5", 1e30, "1e999999", "NaN", "-Infinity", [], [5], {}, "²",
    "99999999999999", "2026-13-45", 10**40,
)  # fmt: skip


def openai_page() -> dict[str, Any]:
    cost = {
        "amount": {"value": 1.5, "currency": "usd"}, "line_item": "gpt-x, input", "quantity": 2.0,
        "quantity_unit": "1000_tokens", "project_id": "p",
    }  # fmt: skip
    usage = {
        "input_tokens": 90, "input_cached_tokens": 20, "input_cache_write_tokens": 9,
        "input_cache_write_30m_tokens": 4, "input_cache_write_12h_tokens": 5, "output_tokens": 3,
    }  # fmt: skip
    bucket = {"object": "bucket", "start_time": 1_767_225_600, "results": [cost, usage]}
    return {"data": [bucket]}


def anthropic_page() -> dict[str, Any]:
    cost = {"amount": "123.45", "currency": "USD", "cost_type": "tokens", "model": "claude-x"}
    usage = {
        "uncached_input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 7},
        "output_tokens": 1, "server_tool_use": {"web_search_requests": 2},
    }  # fmt: skip
    return {"data": [{"starting_at": "2026-01-01T00:00:00Z", "results": [cost, usage]}]}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        found += [(value, key), *places(value[key])]
    return found


@pytest.mark.parametrize("page", [openai_page, anthropic_page])
def test_a_damaged_report_is_refused_and_never_crashes(page: Any) -> None:
    for index in range(len(places(page()))):
        for damage in DAMAGE:
            broken = page()
            container, key = places(broken)[index]
            container[key] = damage
            try:
                invoice = read_invoice(json.dumps(broken).encode(), "report.json")
            except InputError as error:
                assert str(error)
            else:
                counted = [line for line in invoice.lines if line.amount_pusd is None]
                assert all((line.tokens or 0) > 0 for line in counted)


def test_a_damaged_table_is_refused_and_never_crashes() -> None:
    text = bytearray(
        b'date,model,usd,tokens\n2026-01-01,gpt-x,"1,234.50",7\n1767225600,VAT,0.19,\n'
    )
    draw = random.Random(7)
    for _ in range(2_000):
        broken = bytearray(text)
        for _ in range(draw.randint(1, 4)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        try:
            read_invoice(bytes(broken), "table.csv")
        except InputError as error:
            assert str(error)


def test_a_comma_is_a_thousands_mark_or_refused() -> None:
    def amount(cell: str) -> int | None:
        text = f'date,model,usd\n2026-01-01,gpt-x,"{cell}"\n'
        return read_invoice(text.encode(), "table.csv").lines[0].amount_pusd

    assert amount("$1,234.50") == pico("1234.50")
    assert amount("-12,345,678") == pico("-12345678")
    for cell in ("0,05", "1.234,56", "12,3", "1,2345"):
        with pytest.raises(InputError, match="not an amount") as caught:
            amount(cell)
        assert "1234.56" in str(caught.value)


def test_openai_cached_tokens_above_the_input_are_no_negative_line() -> None:
    page = openai_page()
    page["data"][0]["results"][1]["input_cached_tokens"] = 900
    with pytest.raises(InputError, match="bucket 1.*more than the input"):
        read_invoice(json.dumps(page).encode(), "report.json")
