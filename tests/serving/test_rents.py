"""Rents: dated quotes become ranges, the user's own come first, unknown stays unknown."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest

from costopt.errors import UsageError
from costopt.money import usd
from costopt.serving.hardware import gpus
from costopt.serving.rents import Rent, Rents, Terms, Unrented, per_second_pusd, quotes

NOW = dt.date(2026, 11, 25)


def test_every_quote_has_a_known_gpu_a_source_and_a_day() -> None:
    for quote in quotes():
        assert quote.gpu in gpus()
        assert quote.source.startswith("https://") and quote.via.startswith("https://")
        assert dt.date(2025, 1, 1) < quote.read <= NOW
        assert Decimal("0.05") < quote.usd_per_gpu_hour < 20


def test_a_quote_read_again_says_where() -> None:
    for quote in quotes():
        assert quote.provider and isinstance(quote.terms, Terms)
        assert quote.read_at.startswith("https://") if quote.confirmed else not quote.read_at


def test_a_rent_counts_what_was_read_again() -> None:
    rent, own = Rents(NOW).rent("b200"), Rents(NOW, {"b200": 5}).rent("b200")
    assert isinstance(rent, Rent) and isinstance(own, Rent)
    again = sum(quote.confirmed for quote in rent.quotes)
    assert 0 < again < len(rent.quotes)
    assert rent.state == f"{again} of {len(rent.quotes)} quotes read again"
    assert own.state == ""


UNREAD = {"b300_sxm", "gb200", "gb300"}
"""For predictions; nobody's rent of them was read, so it is unknown."""


def test_every_gpu_can_be_rented_on_demand() -> None:
    assert not any(isinstance(Rents(NOW).rent(name), Rent) for name in UNREAD)
    for name in {one.name for one in gpus().values()} - UNREAD:
        rent = Rents(NOW).rent(name)
        assert isinstance(rent, Rent), name
        assert rent.low_pusd <= rent.typical_pusd <= rent.high_pusd


def test_a_provider_counts_with_its_last_quote_up_to_the_day() -> None:
    """RunPod's secure H100 was 3.49 in September and 3.99 in November of 2026."""

    def price(day: dt.date) -> Decimal:
        rent = Rents(day).rent("h100")
        assert isinstance(rent, Rent)
        found = [q for q in rent.quotes if q.provider == "RunPod secure"]
        return found[0].usd_per_gpu_hour

    assert price(dt.date(2026, 10, 1)) == Decimal("3.49")
    assert price(NOW) == Decimal("3.99")


def test_before_the_first_quote_there_is_no_rent() -> None:
    found = Rents(dt.date(2024, 1, 1)).rent("h100")
    assert isinstance(found, Unrented)
    assert "first on_demand price known" in found.reason


def test_terms_nobody_is_known_to_offer_are_said_to_be_unknown() -> None:
    assert Rents(NOW).rent("h100_nvl", Terms.SPOT) == Unrented("no spot price of h100_nvl is known")
    assert {rent.terms for rent in Rents(NOW).known("h100_nvl")} == {Terms.ON_DEMAND}


def test_an_hour_in_seconds_is_the_hour_again() -> None:
    for quote in quotes():
        day = usd(per_second_pusd(quote.usd_per_gpu_hour) * 86_400)
        assert abs(day - 24 * quote.usd_per_gpu_hour) < Decimal("0.0000001")


def test_own_rents_replace_the_books() -> None:
    own = Rents(NOW, {"h100": "2.10", "a10g": {"spot": [0.4, 0.2, 0.3]}})
    h100, spot = own.rent("H100-SXM"), own.rent("a10g", Terms.SPOT)
    assert isinstance(h100, Rent) and isinstance(spot, Rent)
    assert h100.low_pusd == h100.high_pusd == per_second_pusd(Decimal("2.10"))
    assert [spot.low_pusd, spot.typical_pusd, spot.high_pusd] == [
        per_second_pusd(Decimal(text)) for text in ("0.2", "0.3", "0.4")
    ]
    assert own.rent("l4") == Rents(NOW).rent("l4")


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        ({"h1000": 2}, "No GPU is called `h1000`."),
        ({"h100": {"spott": 2}}, "Did you mean `spot`?"),
        ({"h100": "cheap"}, "a number of US dollars"),
        ({"h100": -1}, "not negative"),
        ({"h100": []}, "not negative"),
    ],
)
def test_a_wrong_rent_is_named(overlay: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Rents(NOW, overlay)
    assert says in str(caught.value)


def test_the_page_counts_the_quotes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "self-hosting.md").read_text()
    assert f"Rents are {len(quotes())} quotes" in page
    assert f"{sum(quote.confirmed for quote in quotes())} were read again (`read_at`)" in page


def test_no_provider_quotes_twice_on_one_day() -> None:
    days = [(q.gpu, q.terms, q.provider, q.read) for q in quotes()]
    assert len(days) == len(set(days))


def test_a_server_of_several_is_divided_by_its_number() -> None:
    """Where a note names the server's price, eight GPUs have it together."""
    for quote in quotes():
        if price := re.search(r"\b(?:of eight\b.*?|eight GPUs): (\d+(?:\.\d+)?)", quote.note):
            assert abs(Decimal(price[1]) / 8 - quote.usd_per_gpu_hour) < Decimal("0.0001"), quote
