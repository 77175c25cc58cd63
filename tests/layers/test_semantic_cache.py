"""The semantic cache with the real builders: sweeps that build once, edits that embed a few, words."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from costopt.accel.artifacts import Artifacts
from costopt.engine.evaluate import Evaluator
from costopt.errors import UsageError
from costopt.layers.exact_cache import ExactCache
from costopt.layers.parts.graph import PPM
from costopt.layers.parts.semantic_run import grid
from costopt.layers.profiles.cache_profile import cache_profile, cache_profiles
from costopt.layers.semantic_cache import SemanticCache
from costopt.model.call import Call
from costopt.model.effect import LayerReport
from tests.billing.small import call, usage
from tests.layers.context import evaluator_of

TOPICS = ("refund", "invoice", "password", "delivery", "address", "discount")


def questions(n: int, seed: int = 0) -> list[Call]:
    """Short questions about a few things, each in several wordings; the answer is the thing."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        topic = TOPICS[int(rng.integers(len(TOPICS)))]
        number = int(rng.integers(3))
        words = ("please tell me about the", "what about my", "i have a question on the")[number]
        out.append(call(
            str(i), ["system:answer", f"user:{words} {topic}"], usage(200, out=5),
            [f"assistant:{topic}"], latency_ms=500.0,
        ))  # fmt: skip
    return out


def many_things() -> list[Call]:
    """1,000 questions about 150 things with names of their own."""
    rng = np.random.default_rng(5)
    names = ["".join(rng.choice(list("abcdefghijklmnop"), 12)) for _ in range(150)]
    out = []
    for i in range(1000):
        name = names[int(rng.integers(150))]
        asks = f"user:{('price of', 'cost of', 'the price of')[i % 3]} {name}"
        out.append(call(str(i), [asks], usage(200, out=5), [f"assistant:{name}"], latency_ms=5.0))
    return out


def world(n: int = 60, **more: Any) -> tuple[Evaluator, Artifacts]:
    artifacts = Artifacts(None)
    return evaluator_of(questions(n), builder=artifacts, **more), artifacts


def told(evaluator: Evaluator, layer: SemanticCache, *before: Any) -> LayerReport:
    effect = evaluator.effect((*before, layer))
    return layer.report(effect.tally, effect.detail)


def test_a_sweep_builds_once_and_equals_one_by_one() -> None:
    evaluator, artifacts = world()
    layers = [SemanticCache(threshold=t / 100) for t in range(60, 101, 5)]
    swept = [evaluator.value((layer,)) for layer in layers]
    built = artifacts.builds
    assert built == 4  # the look-ups, the graph, the vectors, the embedder
    assert swept == [world()[0].value((layer,)) for layer in layers]
    for ttl in (10.0, "none"):
        evaluator.value((SemanticCache(threshold=0.7, ttl=ttl, capacity=3, eviction="lfu"),))
    assert artifacts.builds == built


def test_a_second_run_embeds_nothing_and_an_edit_only_what_changed(tmp_path: Path) -> None:
    def run(calls: list[Call]) -> int:
        artifacts = Artifacts(tmp_path)
        evaluator_of(calls, builder=artifacts).value((SemanticCache(),))
        return artifacts._kept.made

    calls = questions(60)
    distinct = len({c.request[1].text for c in calls if c.request})
    assert run(calls) == distinct
    assert run(questions(60)) == 0


def test_an_exact_cache_in_front_leaves_vectors_shared() -> None:
    evaluator, artifacts = world()
    evaluator.value((SemanticCache(),))
    made = artifacts._kept.made
    evaluator.value((ExactCache(), SemanticCache()))
    assert artifacts._kept.made == made


def test_the_curve_is_what_each_threshold_gives() -> None:
    evaluator, _ = world()
    curve = told(evaluator, SemanticCache(threshold=0.8)).evidence["curve"]
    assert [p["threshold"] for p in curve] == [t / PPM for t in grid(500_000)]
    for point in curve[::4]:
        shown = told(evaluator, SemanticCache(threshold=point["threshold"])).evidence
        assert (shown["hits"], shown["false_hits"]) == (point["hits"], point["false_hits"])


def test_auto_is_what_its_threshold_gives() -> None:
    """Many things, each asked for several times: a threshold can be shown to keep 10 %."""
    evaluator = evaluator_of(many_things(), builder=Artifacts(None))
    auto = SemanticCache(threshold="auto", max_false_hit_rate=0.1, ttl="none")
    report = told(evaluator, auto)
    chosen = report.settings["threshold"]
    assert report.verified and report.evidence["false_basis"] == "label"
    fixed = replace(auto, threshold=chosen)
    assert evaluator.value((auto,)) == evaluator.value((fixed,))
    assert report.evidence["held_out"]["rate"] <= 0.1


def test_a_threshold_that_later_calls_speak_against_is_not_verified() -> None:
    counts = {"eligible_calls": 900, "hits": 500, "compared_hits": 500, "false_hits": 20}
    held = {"drifted": False, "rate": 0.01}
    choice = {"threshold": 0.97, "threshold_reason": "tested", "held_out": held}
    detail = {"choice": choice, "threshold": 0.97, "false_hit_ci95": (0.02, 0.06), "advice": []}
    layer = SemanticCache(threshold="auto")
    assert layer.report(counts, detail).verified
    drifted = {**detail, "choice": {**choice, "held_out": {**held, "drifted": True}}}
    assert not layer.report(counts, drifted).verified


def test_auto_without_a_threshold_does_nothing_and_says_how_many_hits_it_takes() -> None:
    evaluator, _ = world(60)
    report = told(evaluator, SemanticCache(threshold="auto", max_false_hit_rate=0.01))
    assert report.evidence["threshold"] is None and report.settings == {}
    assert report.evidence["hits_needed"] > 300
    assert evaluator.value((SemanticCache(threshold="auto"),)) == evaluator.baseline.total_pusd


def test_a_low_hit_rate_says_what_to_turn() -> None:
    evaluator, _ = world(60)
    report = told(evaluator, SemanticCache(threshold=0.99, ttl=15.0))
    assert report.evidence["kpi"]["status"] == "retune"
    assert "turn ttl first" in report.notes[0]
    good = told(evaluator, SemanticCache(threshold=0.99, ttl="none"))
    assert good.evidence["kpi"]["status"] == "target met"
    assert good.evidence["advice"] == []


ANSWERS = ("It is due on Monday.", "Monday is the day it is due.", "It is due in June.")


def judged_by(path: Path) -> SemanticCache:
    """A judge to whom the first two answers mean the same and the third does not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sha = [hashlib.sha256(a.encode()).hexdigest() for a in ANSWERS]
    vectors = [[1.0, 0.0], [0.99, 0.1], [0.6, 0.8]]
    pq.write_table(pa.table({"text_sha256": sha, "v": vectors}), path)
    return SemanticCache(threshold=0.9, ttl="none", judge=f"column:{path}/v")


def test_a_judge_gives_free_text_a_second_figure(tmp_path: Path) -> None:
    calls = [
        call(str(i), ["user:when is it due"], usage(200, out=5), [f"assistant:{answer}"])
        for i, answer in enumerate(ANSWERS)
    ]
    layer = judged_by(tmp_path / "answers.parquet")
    evaluator = evaluator_of(calls, builder=Artifacts(None))
    found = told(evaluator, layer).evidence
    assert (found["hits"], found["not_identical"], found["judged_different"]) == (2, 2, 1)
    assert found["false_hits"] == 1
    assert found["false_basis"] == "judged by vectors of answers.parquet"
    assert found["self_disagreement"] == 0.5
    effect = evaluator.effect((layer,))
    assert effect.at_risk is not None and effect.at_risk.sum() == 2
    alone = told(evaluator, replace(layer, judge=None)).evidence
    assert (alone["false_hits"], alone["judged_different"]) == (2, None)


def test_the_cache_does_not_judge_itself() -> None:
    with pytest.raises(UsageError, match="own embedder"):
        world(4)[0].effect((SemanticCache(judge="builtin"),))


def test_false_hits_above_the_bound_are_not_verified() -> None:
    evaluator, _ = world(60)
    loose = told(evaluator, SemanticCache(threshold=0.5, ttl="none"))
    assert loose.evidence["false_hits"] > 0 and not loose.verified
    assert any("above max_false_hit_rate" in note for note in loose.notes)


def test_latency_that_is_not_known_is_said() -> None:
    calls = questions(4)
    calls[0].latency_ms = None
    report = told(evaluator_of(calls, builder=Artifacts(None)), SemanticCache())
    assert any("no latency" in sentence for sentence in report.assumptions)


def test_thresholds_below_the_floor_lower_it_in_steps() -> None:
    evaluator, artifacts = world(20)
    evaluator.value((SemanticCache(threshold=0.45),))
    built = artifacts.builds
    evaluator.value((SemanticCache(threshold=0.41),))
    assert artifacts.builds == built
    assert told(evaluator, SemanticCache(threshold=0.41)).evidence["lowest_threshold"] == 0.4


@pytest.mark.parametrize("name", cache_profiles())
def test_a_profile_presets_what_the_policy_leaves_out(name: str) -> None:
    profile, layer = cache_profile(name), SemanticCache(profile=name)
    assert layer.rules.eviction == profile.eviction
    assert layer.rules.refresh == profile.refresh
    own = SemanticCache(profile=name, ttl=60.0, capacity=7, eviction="fifo", refresh=False)
    assert (own.rules.ttl_us, own.rules.capacity, own.rules.eviction) == (60_000_000, 7, "fifo")
    evaluator, _ = world(20)
    report = told(evaluator, layer)
    assert any(profile.source in note for note in report.notes)
    assert "checked 20" in profile.source and profile.differs


def test_profiles_write_a_threshold_in_their_own_units() -> None:
    written = {n: cache_profile(n).setting(0.9) for n in cache_profiles()}
    assert written == {
        "redisvl": "distance_threshold=0.1",
        "pgvector": "WHERE embedding <=> $1 <= 0.1",
        "gptcache": "Config(similarity_threshold=0.95)",
        "litellm": "similarity_threshold: 0.9",
    }


@pytest.mark.parametrize(
    "wrong",
    [{"profile": "reddis"}, {"eviction": "random"}, {"threshold": "automatic"}, {"floor": 2}],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(SemanticCache).validate_python(wrong)


def test_settings_as_people_write_them() -> None:
    read = TypeAdapter(SemanticCache).validate_python(
        {"threshold": "auto", "ttl": "2h", "scope": ["user"], "match": {"agent": "faq-*"}}
    )
    assert (read.ttl, read.scope, read.match) == (7200.0, ("user",), (("agent", ("faq-*",)),))
    assert hash(read)
