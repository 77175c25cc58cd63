"""Our own data: every entry has a source and a day, nothing is stale, and the version is instant."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from costopt.model.build import trace_of
from costopt.model.call import Call, Usage, UsageState
from costopt.money import pico
from costopt.prices.book import load_book
from costopt.prices.catalog import Row, catalog
from costopt.prices.check import check_book, check_trace, own_entries
from costopt.prices.own_data import data, moment_us
from costopt.prices.self_hosted import self_hosted_rows
from costopt.prices.version import book_date
from tests.prices.pricing import book, dated, leaves, overlay

# Providers change prices a few times a year: older figures must be looked up again before a release.
MOST_DAYS_SINCE_A_CHECK = 180


FILES = ("models", "corrections", "tiers", "regions", "fallbacks", "cache_rules")


def test_every_entry_has_a_source_that_was_read_or_says_what_was_not_found() -> None:
    entries = list(own_entries())
    in_files = [i for f in FILES for s in data(f).values() if isinstance(s, list) for i in s]
    assert len(entries) == len(in_files) > 100
    for name, item in entries:
        assert item["confirmed"] in (True, False), name
        assert "checked" in item, name
        dt.date.fromisoformat(item["checked"])
        if item["confirmed"]:
            assert re.search(r"https?://", item["source"]), name
        else:
            assert len(item["note"]) > 20, name


def test_unconfirmed_entries_are_counted_and_named() -> None:
    found = check_book(book(), book_date())
    assert 0 < len(found.unconfirmed) < found.entries
    assert any("priority" in line and "day is not known" in line for line in found.unconfirmed)


def test_entries_name_models_that_the_book_has() -> None:
    for item in data("corrections")["corrections"]:
        assert isinstance(catalog()[item["provider"]].find(item["model"]), Row), item["model"]
    for item in data("cache_rules")["rules"]:
        names = catalog()[item["provider"]].names()
        assert any(re.fullmatch(item["models"], n) for n in names), item["models"]
    for section in ("tiers", "speeds"):
        for item in data("tiers")[section]:
            named = item["models"] if isinstance(item["models"], list) else []
            assert set(named) <= set(catalog()[item["provider"]].names()), item


def test_no_entry_is_stale() -> None:
    today = dt.datetime.now(tz=dt.UTC).date()
    days = {name: today - dt.date.fromisoformat(item["checked"]) for name, item in own_entries()}
    old = [name for name, age in days.items() if age.days > MOST_DAYS_SINCE_A_CHECK]
    assert not old, "look these up again and set `checked`"


def test_staleness_is_told_by_the_day() -> None:
    fresh = check_book(book(), book_date() + dt.timedelta(days=30))
    assert not fresh.stale
    late = check_book(book(), book_date() + dt.timedelta(days=31))
    assert late.stale
    assert late.age_days == 31
    assert len(check_book(book(), dt.date(2027, 12, 1)).old_entries) == len(list(own_entries()))


def test_as_of_is_the_books_date_and_never_the_clock() -> None:
    assert load_book().as_of == book_date()
    assert load_book(as_of=dt.date(2025, 1, 1)).as_of == dt.date(2025, 1, 1)


def test_the_version_loads_no_prices() -> None:
    code = (
        "import sys; from costopt.prices.book import load_book; print(load_book().version);"
        "print([m for m in ('genai_prices', 'ruamel', 'pydantic') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[1] == "[]"
    assert re.search(r"genai-prices \d.* of 20\d\d-\d\d-\d\d", out.stdout)


def test_a_hundred_models_compile_in_a_second() -> None:
    names = [("openai", n) for n in catalog()["openai"].names()][:50]
    names += [("google", n) for n in catalog()["google"].names()][:30]
    names += [("aws", n) for n in catalog()["aws"].names()][:20]
    fresh = load_book()
    started = time.perf_counter()
    for provider, model in names:
        fresh.rates(provider, model)
    assert time.perf_counter() - started < 1.0


def _call(id: str, provider: str, model: str, day: str = "2026-11-01", **counts: int) -> Call:
    usage = Usage(leaves(**(counts or {"input_fresh": 10})), 0, UsageState.REPORTED)
    return Call(key=id, id=id, provider=provider, model=model, at_us=moment_us(day), usage=usage)


def test_check_names_what_has_no_price() -> None:
    trace = trace_of(
        [
            _call("1", "openai", "gpt-4o"),
            _call("2", "openai", "gpt-4o"),
            _call("3", "azure", "prod-chat"),
            _call("4", "", "openai/gpt-oss-120b"),
            _call("5", "openai", "gpt-4o-mini", input_audio=5),
            _call("6", "openai", "gpt-5", day="2027-03-01"),
        ]
    )
    found = {c.model: c for c in check_trace(trace, book())}
    assert found["gpt-4o"].status == "priced"
    assert found["gpt-4o"].calls == 2
    assert found["prod-chat"].status == "unpriced"
    assert found["openai/gpt-oss-120b"].status == "ambiguous"
    assert found["gpt-4o-mini"].status == "no_unit"
    assert "input_audio (1 calls)" in found["gpt-4o-mini"].reason
    assert found["gpt-5"].status == "stale"
    assert check_trace(trace, book())[-1].status == "priced"


@pytest.mark.parametrize("hours", ["2", "null"])
def test_own_gpus_cost_their_hours_idle_time_included(tmp_path: Path, hours: str) -> None:
    text = f"models: {{my-llama: {{provider: vllm, gpu_hour_usd: 2.20, gpus: 2, hours: {hours}}}}}"
    mine = overlay(tmp_path, text)
    first = moment_us("2026-11-01")
    calls = [_call(str(i), "vllm", "my-llama") for i in range(3)]
    for call, start, latency in zip(
        calls, (0, 600, 6600), (1_200_000, 1_200_000, 600_000), strict=True
    ):
        call.at_us, call.latency_ms = first + start * 1_000_000, float(latency)
    calls.append(_call("end", "openai", "gpt-4o"))
    calls[-1].at_us = first + 7_200_000_000
    row = self_hosted_rows(mine.self_hosted, trace_of(calls))[0]
    # 2 hours x 2 GPUs x $2.20 = $8.80; busy 1,800 s (two calls overlap) + 600 s of 7,200.
    assert row.total_pusd == pico("8.80")
    assert (row.busy_pusd or 0) + (row.idle_pusd or 0) == row.total_pusd
    assert row.busy_pusd == row.total_pusd // 3
    assert row.calls == 3
    rates = dated(mine.rates("vllm", "my-llama"))
    assert set(rates.periods[0].tiers[0].rates) == {0}
