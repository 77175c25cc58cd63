"""What a server says back: the key in any place of it, and JSON that only a tolerant reader takes."""

from __future__ import annotations

import json

import pytest

from costopt.endpoints.json_text import loads
from costopt.endpoints.scrub import scrubbed
from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    Block,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Trouble,
    outcome_json,
)

KEY = "a-key-of-no-known-shape-4711"


def answered(key: str) -> Outcome:
    blocks = (Block(SegmentKind.ASSISTANT, f"it is {key}", key, key),)
    answer = Answer(
        blocks, key, (1,) * 14, extra=((key, (1,)),), model=key, service_tier=key, id=key
    )
    return Completion(answer, Origin.ENDPOINT, {}, 1.0, request_id=f"Bearer {key}")


@pytest.mark.parametrize(
    "told", [answered(KEY), Refusal(Trouble.STOP, f"bad key {KEY}", request_id=KEY)]
)
def test_a_key_that_comes_back_is_kept_nowhere(told: Outcome) -> None:
    kept = json.dumps(outcome_json(scrubbed(told, KEY)))
    assert KEY in json.dumps(outcome_json(told)) and KEY not in kept and "***" in kept


def test_a_placeholder_is_no_secret_and_an_answer_may_hold_it() -> None:
    told = answered("none")
    assert scrubbed(told, "none") is told and scrubbed(told, None) is told


def test_half_a_surrogate_pair_is_read_and_nothing_else_that_is_no_json() -> None:
    assert loads(b'{"text": "\\ud83d"}') == {"text": "\ufffd"}
    assert loads(b'{"a": ["\\ud83d\\ude00", "\\uDE00", 1]}') == {"a": ["\U0001f600", "\ufffd", 1]}
    for raw in (b"{", b'{"a": NaN, "b": "\\ud83d"}', b"[" * 100_000 + b'"\\ud83d"'):
        with pytest.raises(ValueError):
            loads(raw)
