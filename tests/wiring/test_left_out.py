"""What the endpoint of a planned request does not know is said with the plan."""

from __future__ import annotations

from dataclasses import replace

from costopt.model.exchange import Request
from costopt.replay.items import Plan
from costopt.wiring.replaying.left_out import MOST, left_out, left_out_notes
from costopt.wiring.replaying.places import Place
from tests.replay.made_plan import item, plan

OPENAI = Place("openai", "https://api.openai.com/v1", "", "")
ANTHROPIC = Place("", "https://api.anthropic.com", "", "")
LOCAL = Place("", "http://127.0.0.1:8000/v1", "openai", "")


def planned(settings: str, count: int = 1, provider: str = "openai") -> Plan:
    items = [item(f"i{n}", provider=provider) for n in range(count)]
    return plan([replace(i, request=replace(i.request, settings=settings)) for i in items])


def test_each_place_knows_its_own() -> None:
    request: Request = planned('{"seed":1,"thinking":{},"verbosity":"low"}').items[0].request
    assert left_out(request, OPENAI) == ["thinking"]
    assert left_out(request, LOCAL) == ["thinking", "verbosity"]
    assert left_out(request, ANTHROPIC) == ["seed", "verbosity"]


def test_one_sentence_counts_the_requests() -> None:
    three = planned('{"min_p":0.5,"top_a":1}', 3)
    assert left_out_notes(three, [OPENAI, ANTHROPIC]) == (
        "Not sent with the requests: min_p (3 requests), top_a (3 requests).",
    )
    many = planned('{"costopt.others":["a","b","c","d","e","f","g"]}')
    (note,) = left_out_notes(many, [LOCAL])
    assert note.count("1 request)") == MOST and note.endswith(", and 2 more.")


def test_nothing_left_out_and_nothing_sent_say_nothing() -> None:
    assert left_out_notes(planned('{"top_p":0.5}'), [LOCAL]) == ()
    assert left_out_notes(planned('{"min_p":0.5}'), []) == ()
