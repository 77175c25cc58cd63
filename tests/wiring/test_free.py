"""A model that counts nothing because of its address is named: a gateway looks just like a machine."""

from __future__ import annotations

from dataclasses import replace

from costopt.replay.money import Money
from costopt.replay.terms import Terms
from costopt.wiring.replaying.asked import Asked
from costopt.wiring.replaying.free import free_notes
from costopt.wiring.replaying.places import Place
from costopt.wiring.replaying.wishes import Wishes
from tests.fakes import FakeBook
from tests.replay.made_plan import item, plan

HOME = Place("", "http://10.0.0.7:4000/v1", "", "")
PUBLIC = Place("", "https://api.example.com/v1", "", "")


def notes(model: str, *places: Place) -> tuple[str, ...]:
    asked = Asked(Wishes(), Terms(), places, "none", 1.0)
    one = item("a")
    return free_notes(
        plan([replace(one, request=replace(one.request, model=model))]),
        asked,
        Money(FakeBook(), free=asked.free),
    )


def test_an_unpriced_model_at_home_is_named_with_its_address() -> None:
    (note,) = notes("unknown-7", HOME)
    assert note.startswith("10.0.0.7:4000 is taken for your own machine: unknown-7 counts $0 there")
    assert "prices.yaml" in note


def test_what_has_a_price_or_is_not_sent_needs_no_word() -> None:
    assert notes("m", HOME) == () and notes("unknown-7", PUBLIC) == () and notes("unknown-7") == ()
