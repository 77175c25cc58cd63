"""Token counts of a trace: lazy, once each, exact where they can be, calibrated where they cannot."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.accel.features import FEATURES, features
from costopt.accel.ranks import Encoder, find_encoder
from costopt.accel.tokens import (
    NOMINAL_IMAGE_TOKENS,
    Counter,
    exact_encoder,
    shared_tokens,
    token_counter,
)
from costopt.model.beginning import shared_length
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind
from costopt.model.identity import segment_digest
from costopt.model.trace import Trace
from tests.billing.small import call, usage

pytest.importorskip("bpe_openai")


class Kept:
    """Texts that note what was asked for."""

    def __init__(self, calls: list[Call], trace: Trace, lose: Sequence[str] = ()) -> None:
        by_digest = {
            segment_digest(s): s.text
            for c in calls
            for s in (*(c.request or ()), *(c.response or ()))
        }
        index = {int.from_bytes(d[:8], "big"): t for d, t in by_digest.items()}
        self.texts = [index[int(a)] for a, _ in trace.segments.digest]
        self.lose, self.asked = lose, []

    def get(self, segments: Any) -> list[str | None]:
        self.asked += [int(i) for i in segments]
        found = [self.texts[int(i)] for i in segments]
        return [None if t in self.lose else t for t in found]


def counter(calls: list[Call], **more: Any) -> tuple[Counter, Trace, Kept]:
    trace = trace_of(calls)
    kept = Kept(calls, trace, **more)
    return token_counter(trace, kept), trace, kept


def exact() -> Encoder:
    found = find_encoder("o200k_base", None, False)
    assert found is not None
    return found


def test_counts_are_exact_and_made_once() -> None:
    calls = [
        call(
            "a",
            ["system:You are kind.", "user:hello there"],
            usage(9),
            ["assistant:hi"],
            model="gpt-4o",
        )
    ]
    tokens, trace, kept = counter(calls)
    assert kept.asked == []
    asked = np.array([1, 1, 0], np.int32)
    again = [tokens.count(asked, "gpt-4o").tolist() for _ in range(3)]
    assert again[0] == again[1] == [exact().count(kept.texts[i]) for i in asked]
    assert sorted(kept.asked) == [0, 1]
    tokens.count(asked, "gpt-4.1-mini")
    assert sorted(kept.asked) == [0, 1], "one encoding, one count"
    assert tokens.label("gpt-4o") == "exact (o200k_base)"


def test_the_logs_own_counts_and_blocks_stand() -> None:
    block = Segment(SegmentKind.BLOCK, "", tokens=512, digest=b"0" * 16)
    tokens, _, kept = counter([Call(key="a", usage=usage(512), request=[block], response=[])])
    assert tokens.count(np.array([0], np.int32), "gpt-4o").tolist() == [512]
    assert kept.asked == []


def test_names_of_called_tools_count_and_pictures_have_a_usual_size() -> None:
    made = Segment(SegmentKind.TOOL_CALL, '{"q":1}', "search_orders")
    picture = Segment(SegmentKind.IMAGE, "", digest=b"1" * 16)
    tokens, _, _ = counter(
        [Call(key="a", usage=usage(9), model="gpt-4o", request=[made, picture], response=[])],
        lose=[""],
    )
    found = tokens.count(np.array([0, 1], np.int32), "gpt-4o").tolist()
    assert found == [
        exact().count('{"q":1}') + exact().count("search_orders"),
        NOMINAL_IMAGE_TOKENS,
    ]


def test_a_text_that_was_not_kept_is_counted_by_its_size() -> None:
    lost = "words " * 100
    tokens, _, _ = counter([call("a", [f"user:{lost}"], usage(9), model="gpt-4o")], lose=[lost])
    assert tokens.count(np.array([0], np.int32), "gpt-4o").tolist() == [150]
    assert tokens.common_prefix(0, 0, "gpt-4o") == 150


def test_lone_surrogates_do_not_stop_the_count() -> None:
    tokens, _, _ = counter([call("a", ["user:broken \ud800 log"], usage(9), model="gpt-4o")])
    for model in ("gpt-4o", "claude-x"):
        assert tokens.count(np.array([0], np.int32), model)[0] > 0


WORDS = st.lists(
    st.sampled_from(["ab", " the", "\n\n", "  ", "2024", "'s", "é", "東京", "{", '"x":', "Z", "zz"])
)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS, WORDS)
def test_common_tokens_are_those_of_the_whole_texts(
    head: list[str], first: list[str], second: list[str]
) -> None:
    encoder = exact()
    a, b = "".join(head + first), "".join(head + second)
    pairs = list(zip(encoder.encode(a), encoder.encode(b), strict=False))
    expected = next((i for i, (x, y) in enumerate(pairs) if x != y), len(pairs))
    assert shared_tokens(encoder, a, b, shared_length(a, b)) == expected


def test_an_unknown_model_is_calibrated_on_the_traces_own_usage() -> None:
    # Truth: a vocabulary 30 % worse than usual on words, with a hidden prompt of 5,000 tokens.
    rng = random.Random(5)
    truth = np.array([1.35, 0.2, 0.6, 1.0, 1.0, 0.5, 4.0])
    calls = []
    for session in range(6):
        request: list[str] = []
        for step in range(8):
            size = rng.randint(40, 400)
            words = " ".join(
                rng.choice(["order", "refund", "12345", "{id}", "delivery\n"]) for _ in range(size)
            )
            request.append(f"user:{words} {session} {step}")
            reported = 5000 + int(features([r[5:] for r in request]).sum(axis=0) @ truth)
            calls.append(call(f"{session}-{step}", list(request), usage(reported, out=5), model="claude-x",
                              session_id=f"s{session}", at_us=(session * 100 + step) * 10**6))  # fmt: skip
    tokens, trace, kept = counter(calls)
    ids = np.arange(len(trace.segments), dtype=np.int32)
    expected = features(kept.texts)[:, :-1] @ truth[:-1]
    assert np.abs(tokens.count(ids, "claude-x") / expected - 1.0).max() < 0.06
    label = tokens.label("claude-x")
    assert label.startswith("estimated (no public tokenizer; calibrated on 42 reported counts")


def test_without_usage_the_estimator_says_so_and_is_near() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 40
    tokens, _, _ = counter([call("a", [f"user:{text}"], usage(0), model="claude-x")])
    assert "too little reported usage" in tokens.label("claude-x")
    assert (
        abs(int(tokens.count(np.array([0], np.int32), "claude-x")[0]) / exact().count(text) - 1)
        < 0.15
    )


def test_a_log_without_text_is_not_called_exact() -> None:
    bare = Call(key="a", usage=usage(100), model="gpt-4o", request=None)
    tokens, _, _ = counter([bare])
    assert tokens.label("gpt-4o") == "estimated (the log keeps no text)"


def test_features_of_one_text_do_not_depend_on_its_neighbours() -> None:
    texts = ["", "abc", "abc def 12", "\n\n", "東京", "{}[]", "abc" * 1000]
    alone = np.concatenate([features([t]) for t in texts])
    assert (features(texts) == alone).all() and alone.shape == (len(texts), len(FEATURES))


def test_exact_encoder_counts_or_is_none() -> None:
    encode = exact_encoder("gpt-4o")
    assert encode is not None and encode("hello world") == 2
    assert exact_encoder("claude-opus-4-1") is None
