"""`prices.yaml`: what it changes, and errors that say the line and the nearest name."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.errors import UsageError
from costopt.model.leaf import Leaf
from costopt.prices.book import load_book
from costopt.prices.contract import Unpriced
from costopt.prices.overlay.content import UNITS
from costopt.prices.overlay.schema import Units
from tests.prices.pricing import book, dated, overlay, tier_at, usd_per_mtok

NOW = "2026-11-09"
EXAMPLE = """\
models:
  gpt-4o: {input: 2.40, cached_input: 1.20, cache_write_5m: 2.40, output: 9.00}
  acme/llama-70b: {input: 0.40, output: 0.60, provider: selfhosted}
  claude-opus-4-6:
    - {input: 4, cached_input: 0.4, cache_write_5m: 5, output: 20, from: 2026-04-01, to: 2026-06-30}
discounts:
  - {provider: openai, multiplier: 0.85}
  - {provider: openai, model: gpt-4.1*, multiplier: 0.7}
batch: {openai: 0.4}
aliases: {azure/prod-chat: gpt-4o-mini, dep-x: anthropic/claude-sonnet-4-5}
seats: [{provider: anthropic, model: claude-haiku*}]
"""


def test_an_entry_replaces_the_books_price_for_alias_and_snapshot(tmp_path: Path) -> None:
    mine = overlay(tmp_path, EXAMPLE)
    for name in ("gpt-4o", "gpt-4o-2024-11-20", "openai/gpt-4o"):
        assert usd_per_mtok(mine.rates("openai", name), NOW, Leaf.INPUT_FRESH) == 2.4
    assert usd_per_mtok(mine.rates("openai", "gpt-4o-2024-05-13"), NOW, Leaf.INPUT_FRESH) == 5.0
    assert "prices.yaml:2" in dated(mine.rates("openai", "gpt-4o")).periods[0].source


def test_dates_are_days_and_the_book_holds_outside_of_them(tmp_path: Path) -> None:
    rates = overlay(tmp_path, EXAMPLE).rates("anthropic", "claude-opus-4-6")
    expected = {"2026-03-31": 5.0, "2026-04-01": 4.0, "2026-06-30T23:59": 4.0, "2026-07-01": 5.0}
    for day, price in expected.items():
        assert usd_per_mtok(rates, day, Leaf.INPUT_FRESH) == price


def test_a_model_the_book_does_not_know(tmp_path: Path) -> None:
    rates = overlay(tmp_path, EXAMPLE).rates("selfhosted", "acme/llama-70b")
    assert usd_per_mtok(rates, NOW, Leaf.OUTPUT_TEXT) == 0.6
    assert usd_per_mtok(rates, NOW, Leaf.CACHE_READ) == 0.4  # no cached price given: plain input
    assert usd_per_mtok(rates, NOW, Leaf.INPUT_AUDIO) == -1


def test_list_and_net_are_kept_apart(tmp_path: Path) -> None:
    mine = overlay(tmp_path, EXAMPLE)
    assert dated(mine.rates("openai", "gpt-5")).discount_multiplier_ppm == 850_000
    assert dated(mine.rates("openai", "gpt-4.1-mini")).discount_multiplier_ppm == 700_000
    assert dated(mine.rates("anthropic", "claude-opus-4-6")).discount_multiplier_ppm == 1_000_000
    listed = usd_per_mtok(mine.rates("openai", "gpt-5"), NOW, Leaf.INPUT_FRESH)
    assert listed == usd_per_mtok(book().rates("openai", "gpt-5"), NOW, Leaf.INPUT_FRESH)


def test_batch_multiplier_of_a_provider(tmp_path: Path) -> None:
    mine = overlay(tmp_path, EXAMPLE)
    own = mine.rates("openai", "gpt-4o", tier="batch")
    assert usd_per_mtok(own, NOW, Leaf.OUTPUT_TEXT) == 3.6
    other = mine.rates("openai", "gpt-5", tier="batch")
    assert usd_per_mtok(other, NOW, Leaf.INPUT_FRESH) == 0.5
    # gpt-4o's cached reads lose their discount in batch, gpt-5's keep it, at your prices too.
    assert usd_per_mtok(own, NOW, Leaf.CACHE_READ) == 0.96
    assert usd_per_mtok(other, NOW, Leaf.CACHE_READ) == 0.05


def test_a_tier_without_a_multiplier_takes_the_books_ratio_or_none(tmp_path: Path) -> None:
    mine = overlay(
        tmp_path,
        "models: {o3: {input: 4, cached_input: 1, output: 16}, own: {input: 1, output: 2}}",
    )
    flex = mine.rates("openai", "o3", tier="flex")
    assert usd_per_mtok(flex, NOW, Leaf.INPUT_FRESH) == 2.0
    assert usd_per_mtok(flex, NOW, Leaf.CACHE_READ) == 0.5
    unknown = mine.rates("", "own", tier="batch")
    assert isinstance(unknown, Unpriced)
    assert "batch" in unknown.reason


def test_a_known_cached_price_is_not_replaced_by_a_guess(tmp_path: Path) -> None:
    mine = overlay(tmp_path, "models: {gpt-4o: {input: 2, output: 8}}")
    assert usd_per_mtok(mine.rates("openai", "gpt-4o"), NOW, Leaf.CACHE_READ) == -1


def test_claudes_writes_are_multiples_of_a_negotiated_price(tmp_path: Path) -> None:
    text = "models: {claude-opus-4-6: {input: 4, cached_input: 0.4, output: 20}}"
    rates = overlay(tmp_path, text).rates("anthropic", "claude-opus-4-6")
    assert usd_per_mtok(rates, NOW, Leaf.CACHE_WRITE_5M) == 5.0
    assert usd_per_mtok(rates, NOW, Leaf.CACHE_WRITE_1H) == 8.0


def test_context_tiers_of_your_own(tmp_path: Path) -> None:
    text = "models: {own: {input: 1, output: 2, above: {100000: {input: 3, output: 4}}}}"
    rates = overlay(tmp_path, text).rates("", "own")
    assert usd_per_mtok(rates, NOW, Leaf.INPUT_FRESH, tokens=100_000) == 1.0
    assert usd_per_mtok(rates, NOW, Leaf.INPUT_FRESH, tokens=100_001) == 3.0


def test_deployments_and_seats(tmp_path: Path) -> None:
    mine = overlay(tmp_path, EXAMPLE)
    assert mine.canonical("azure", "prod-chat") == ("openai", "gpt-4o-mini")
    assert isinstance(mine.rates("openai", "prod-chat"), Unpriced)  # Azure's alias alone
    assert mine.canonical("", "dep-x") == ("anthropic", "claude-sonnet-4-5")
    assert dated(mine.rates("anthropic", "claude-haiku-4-5")).subscription
    assert not dated(mine.rates("anthropic", "claude-opus-4-6")).subscription
    seat = overlay(tmp_path, "models: {gpt-5: {provider: openai, billing: subscription}}")
    found = dated(seat.rates("openai", "gpt-5"))
    assert found.subscription
    assert usd_per_mtok(found, NOW, Leaf.INPUT_FRESH) == 1.25  # the API-equivalent is the book's


@settings(max_examples=25, deadline=None)
@given(st.decimals("0.001", "999", places=3), st.decimals("0.001", "999", places=3))
def test_prices_twice_as_high_are_rates_twice_as_high(
    tmp_path_factory: pytest.TempPathFactory, fresh: Decimal, out: Decimal
) -> None:
    def rates(factor: int) -> tuple[int, ...]:
        text = f"models: {{own: {{input: {fresh * factor}, output: {out * factor}}}}}"
        found = overlay(tmp_path_factory.mktemp("x2"), text).rates("", "own")
        return tier_at(dated(found), NOW).rates

    for once, twice in zip(rates(1), rates(2), strict=True):
        assert twice == 2 * once or once == twice == -1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models:\n  gpt-4o:\n    input: 2.5\n    outptu: 10\n",
         "prices.yaml:4  model `gpt-4o` has no setting `outptu`.\n  Did you mean `output`?"),
        ("models: {}\ndiscount: []\n",
         "prices.yaml:2  the price overlay has no section `discount`.\n  Did you mean `discounts`?"),
        ("models:\n  a: {input: 1, output: 2}\n  b: {input: -1, output: 2}\n",
         "prices.yaml:3  model `b`: `input`"),
        ("models:\n  b:\n    input: 1\n    output: cheap\n", "prices.yaml:4  model `b`: `output`"),
        ("models:\n  b: {provider: openai}\n", "prices.yaml:2  model `b` gives no price."),
        ("models:\n  b: {input: .inf, output: 2}\n", "prices.yaml:2  model `b`: `input`"),
        ("models:\n  b: {gpu_hour_usd: 2}\n", "prices.yaml:2  model `b`: own GPUs need `gpus`"),
        ("models:\n  b: {input: 1, from: 2026-02-01, to: 2026-01-01}\n", "`from` is after `to`"),
        ("models:\n  b:\n    - {input: 1, to: 2026-02-01}\n    - {input: 2, from: 2026-02-01}\n",
         "prices.yaml:4  model `b` has two prices for the same days.\n  The other one is on line 3"),
        ("models:\n  a: {input: 1}\n  a: {input: 2}\n",
         "prices.yaml:3  is not valid YAML: found duplicate key"),
        ("models: [\n", "is not valid YAML"),
        ("- a\n", "must be a mapping"),
        ("batch:\n  openai: half\n", "prices.yaml:2  `batch` of `openai`"),
        ("discounts:\n  - {provider: openai, multiplier: 0.85, until: 2026-01-01}\n",
         "prices.yaml:2  `discounts` has no setting `until`."),
        ("discounts: {openai: 0.85}\n", "prices.yaml:1  `discounts` must be a list."),
        ("aliases:\n  x: 5\n", "prices.yaml:2  alias `x` must name a model."),
    ],
)  # fmt: skip
def test_errors_say_where_and_what_to_type(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        overlay(tmp_path, text)
    assert message in str(error.value)
    assert error.value.exit_code == 2


def test_the_plain_unit_names_are_the_schemas() -> None:
    assert set(UNITS) == set(Units.model_fields)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_book(tmp_path / "none.yaml")
