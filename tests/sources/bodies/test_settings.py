"""Further parameters of requests: kept as they were said, equal for equal ones, without what is nobody's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costopt.model.request_settings import (
    DIGESTS,
    HIDDEN,
    MOST_CHARS,
    OTHERS,
    form,
    unsendable,
    without_text,
)
from costopt.sources.bodies import read_request
from costopt.sources.bodies.native import native_call
from costopt.sources.bodies.quick import QuickLoads
from costopt.sources.bodies.requests import USUAL
from costopt.sources.bodies.settings import (
    ELSEWHERE,
    KNOWN,
    USUAL_SETTINGS,
    settings_of,
    usual_settings,
)

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def settings(**more: Any) -> dict[str, Any]:
    found = read_request({**ASK, **more}).settings
    told: dict[str, Any] = json.loads(found) if found else {}
    return told


def test_what_stands_elsewhere_is_no_setting() -> None:
    body = {
        "max_tokens": 5, "temperature": 0.5, "stream": True, "stream_options": {"include_usage": True},
        "service_tier": "flex", "prompt_cache_key": "p", "user": "u", "metadata": {"a": "b"},
        "store": False, "top_p": None, "tools": [],
    }  # fmt: skip
    assert read_request({**ASK, **body}).settings == ""
    assert read_request(ASK).settings == ""


def test_canonical_whatever_the_order() -> None:
    one = read_request({**ASK, "top_p": 0.5, "stop": ["a"], "seed": 1})
    other = read_request({"seed": 1, "stop": ["a"], **ASK, "top_p": 0.5, "user": "x"})
    assert one.settings == other.settings == '{"seed":1,"stop":["a"],"top_p":0.5}'


def test_settings_inside_a_configuration() -> None:
    config = {"maxOutputTokens": 5, "topP": 0.5, "stopSequences": ["a"]}
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": config}
    found = read_request(body)
    assert (found.max_tokens, found.settings) == (5, '{"stopSequences":["a"],"topP":0.5}')


def test_keys_users_and_headers_are_never_kept() -> None:
    secret = {"api_key": "sk-1234567890abcdef", "extra_headers": {"Authorization": "Bearer abcdefghij"},
              "user": "jane", "safety_identifier": "jane", "my_gateway_token": "hush-hush"}  # fmt: skip
    found = read_request({**ASK, **secret, "top_p": 1}).settings
    assert json.loads(found) == {"top_p": 1, OTHERS: ["my_gateway_token"]}
    assert not unsendable(found)


def test_hidden_text_cannot_be_sent_again() -> None:
    found = read_request({**ASK, "previous_response_id": "resp_1"}).settings
    assert json.loads(found) == {HIDDEN: ["previous_response_id"]}
    assert unsendable(found) == (
        "it refers to text that the log does not hold (previous_response_id)"
    )


def test_too_long_ones_are_named_and_still_told_apart() -> None:
    first, second = (
        read_request({**ASK, "response_format": {"a": c * MOST_CHARS}, "top_p": 0.5}).settings
        for c in "ab"
    )
    assert first != second and len(first) < 200
    assert json.loads(first)["top_p"] == 0.5 and list(json.loads(first)[DIGESTS]) == [
        "response_format"
    ]
    assert "does not keep all of its parameters (response_format)" in unsendable(first)
    assert form(first) != form(second)


def test_without_text_words_go_and_numbers_stay() -> None:
    kept = read_request({**ASK, "stop": ["Jane"], "seed": 3, "tool_choice": "auto"}).settings
    bare = without_text(kept)
    assert "Jane" not in bare
    assert {"seed": 3, "tool_choice": "auto"}.items() <= json.loads(bare).items()
    assert unsendable(bare) and not unsendable(kept)
    assert without_text("") == ""


@pytest.mark.parametrize("name", USUAL_SETTINGS)
def test_the_fast_path_reads_what_its_twin_reads(name: str) -> None:
    record = {
        "id": "1", "timestamp": 1_780_000_000, "request": {**ASK, name: ["x"], "top_p": 0.5},
        "response": {"id": "r", "model": "m", "choices": [],
                     "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
    }  # fmt: skip
    quick, plain = QuickLoads()(json.dumps(record).encode()), native_call(1, record)
    assert quick.settings == plain.settings  # type: ignore[union-attr]
    assert json.loads(quick.settings).keys() == {name, "top_p"}


def test_the_usual_body_is_read_alike_either_way() -> None:
    body = {
        **ASK,
        "top_p": 0.5,
        "stop": None,
        "n": 2,
        "response_format": {"b": 1, "a": [2]},
        "stream": True,
    }
    assert usual_settings(body) == settings_of(body) != ""


def test_every_usual_field_is_a_setting_or_read_elsewhere() -> None:
    assert USUAL <= KNOWN | ELSEWHERE and not KNOWN & ELSEWHERE
