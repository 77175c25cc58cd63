"""What comes back and where it goes; profiles; the vectors of segments."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.accel.artifacts import Artifacts
from costopt.errors import UsageError
from costopt.layers.base import ArtifactSpec
from costopt.layers.memory import Memory
from costopt.layers.parts.retrieval import Store, asking_uses, before_last_message
from costopt.layers.parts.turns import turns_of
from costopt.layers.profiles.memory_profile import (
    known,
    memory_profile,
    memory_profiles,
    profiled,
)
from costopt.model.view import View
from tests.billing.small import call, timed, usage
from tests.layers.cases.memory import BLUE, FREE, RED, SYSTEM, TASK, run, vectors
from tests.layers.context import Builders, evaluator_of


def view_of(*requests: list[str]) -> View:
    return View.of(timed([call(f"c{i}", r, usage(100)) for i, r in enumerate(requests)]))


def test_the_nearest_come_back_and_ties_go_to_the_first() -> None:
    unit = np.eye(3, dtype=np.float32)
    store = Store(
        np.array([3, 5, 8], np.int32), unit, {}, np.zeros(1, np.int64), np.zeros(1, np.int64)
    )
    ids = np.array([8, 3, 5], np.int32)
    assert store.nearest(np.array([5], np.int32), ids, 1, 0.5).tolist() == [5]
    assert store.nearest(np.array([5], np.int32), ids, 3, -1).tolist() == [5, 8, 3]
    assert store.nearest(np.array([5], np.int32), ids, 3, 0.5).tolist() == [5]
    assert store.nearest(np.zeros(0, np.int32), ids, 3, -1).tolist() == []


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (["system:s", "user:t", "assistant:a", "user:u"], 3),
        (["system:s", "user:t", "assistant:a", "user:u", "user:v"], 3),
        # In front of the call that the result answers, never between the two.
        (["user:t", "call/f:x", "result/f:y", "call/f:z", "result/f:w"], 3),
        (["user:t", "call/f:x", "result/f:y", "user:u"], 3),
    ],
)
def test_what_comes_back_stands_in_front_of_the_last_message(
    request_: list[str], place: int
) -> None:
    view = view_of(["user:first"], request_)
    assert before_last_message(view, turns_of(view))[1] == 1 + place


def test_the_last_messages_ask() -> None:
    view = view_of(["user:a", "assistant:b", "user:c"], ["user:d", "call/f:e", "result/f:g"])
    assert asking_uses(view, 1).tolist() == [False, False, True, False, False, True]
    assert asking_uses(view, 2).tolist() == [True, False, True, True, False, True]


def test_without_text_nothing_is_stored_or_asked() -> None:
    calls = run("blue paint")
    for i, c in enumerate(calls):
        for j, part in enumerate(c.request or ()):
            part.tokens, part.digest, part.text = 10, bytes([i, j] * 8), ""
    layer = Memory(working_turns=1)
    effect = evaluator_of(calls).effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    assert effect.is_empty
    assert "no text" in report.notes[0]


def test_a_cheap_embedder_of_the_product_itself_finds_what_shares_words() -> None:
    calls = run("which order was blue paint")
    view = (
        evaluator_of(calls, builder=Artifacts(None))
        .state((Memory(working_turns=1, top_k=1, **FREE),))
        .view
    )
    blue = evaluator_of(calls).handed.store.get(view.request.row(3))
    assert BLUE.partition(":")[2] in blue
    assert RED.partition(":")[2] not in blue


def test_vectors_of_equal_segments_are_made_once() -> None:
    evaluator = evaluator_of(run("blue paint"), builder=Artifacts(None))
    builder = evaluator.handed.builder
    assert isinstance(builder, Artifacts)
    view = evaluator.recorded
    for part in ([1, 2, 3], [2, 3]):
        ids = np.array(part, np.int32)
        spec = ArtifactSpec(
            "segment_vectors", (("embedder", "builtin"), ("segments", ids.tobytes()))
        )
        rows = evaluator.handed.build(spec, view)
        assert len(rows) == len(ids)
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        again = evaluator.handed.build(spec, view)
        assert again is rows


def test_given_vectors_are_refused_with_what_to_do() -> None:
    evaluator = evaluator_of(run("blue paint"), builder=Artifacts(None))
    layer = Memory(working_turns=1, embedder="openai:model-without-url")
    with pytest.raises(UsageError):
        evaluator.effect((layer,))


def test_a_profile_fills_what_was_left_alone() -> None:
    assert memory_profiles() == ("zep",)
    layer = profiled(Memory(profile="zep", top_k=7), "zep")
    assert (layer.top_k, layer.query_messages, layer.across_sessions) == (7, 4, True)
    assert profiled(Memory(), "") == Memory()
    with pytest.raises(ValueError, match="zep"):
        known("zap")


def test_a_saving_without_the_price_of_the_product_is_not_verified() -> None:
    layer = Memory(profile="zep", working_turns=1)
    calls = run("which order was blue paint")
    builder = Builders({"segment_vectors": vectors})
    effect = evaluator_of(calls, builder=builder).effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    assert not report.verified
    assert report.settings["query_messages"] == 4
    profile = memory_profile("zep")
    assert profile is not None
    assert set(profile.differs) < set(report.assumptions)
    assert any("usd_per_million_writes" in s for s in report.assumptions)


def test_system_prompt_and_task_stay() -> None:
    builder = Builders({"segment_vectors": vectors})
    evaluator = evaluator_of(run("blue paint"), builder=builder)
    view = evaluator.state((Memory(working_turns=1, **FREE),)).view
    for row in range(view.trace.n):
        told = evaluator.handed.store.get(view.request.row(row)[:2])
        assert told == [s.partition(":")[2] for s in (SYSTEM, TASK)]
