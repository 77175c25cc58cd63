"""`route` over more calls than a story holds: learning, groups, tokenizers, the cache that a switch loses."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from costopt.accel.artifacts import Artifacts
from costopt.engine.evaluate import Evaluator
from costopt.errors import UsageError
from costopt.layers.parts.retokenise import fresh, ratios, rescaled_input, same_family
from costopt.layers.route import Route
from costopt.model.call import Call
from costopt.model.effect import LayerReport
from costopt.model.leaf import INPUT, N_LEAVES, Leaf
from costopt.model.view import View
from tests.billing.small import LetterTokens, call, timed, usage
from tests.layers.context import evaluator_of
from tests.layers.two_prices import TwoPrices

TIERS = (("simple", "small"), ("complex", "big"))
EASY, HARD = "sum of apples and pears", "proof about prime ideals"


def problems(n: int, seed: int, learnable: bool = True) -> list[Call]:
    """Each asked of both models. The small one fails on hard ones where `learnable`, else on any."""
    chance, out = random.Random(seed), []
    for i in range(n):
        hard = chance.random() < 0.5
        text = f"user:{HARD if hard else EASY}, problem {i}"
        fails = chance.random() < ((0.7 if hard else 0.05) if learnable else 0.4)
        for model, right in (("big", chance.random() < 0.9), ("small", not fails)):
            out.append(call(
                f"{i}-{model}", [text], usage(300, out=20), ["assistant:done"], model=model,
                session_id=f"s{i}", task="hard" if hard else "easy", metadata={"correct": str(right)},
            ))  # fmt: skip
    return out


def reported(route: Route, calls: list[Call]) -> tuple[LayerReport, Evaluator]:
    evaluator = evaluator_of(calls, prices=TwoPrices())
    effect = evaluator.effect((route,))
    return route.report(effect.tally, effect.detail), evaluator


@pytest.mark.parametrize("classifier", ["features", "embedding"])
def test_what_can_be_learnt_is_learnt_and_judged_on_the_later_half(classifier: Any) -> None:
    route = Route(classifier=classifier, tiers=TIERS, threshold=0.75, max_loss=0.1)
    report, evaluator = reported(route, problems(400, 1))
    beside = report.evidence["quality"]["simple"]
    assert beside["judged_calls"] == 200 and 0.3 < beside["moved_share"] < 0.7
    assert beside["verdict"] == "better than the line" and beside["advantage"] > 0.05
    assert report.verified and report.basis == "from_log" and "later half" in report.risk.basis
    assert report.risk.value is not None and report.risk.value < 0.1
    assert evaluator.value((route,)) < evaluator.baseline.total_pusd
    strict = replace(route, max_loss=0.01)
    effect = evaluator.effect((strict,))
    told = strict.report(effect.tally, effect.detail)
    assert not told.verified and told.risk == report.risk
    assert any("max_loss allows 1" in note for note in told.notes)
    points = report.evidence["curve"]
    assert points[0]["moved_share"] == 1.0 and len(points) > 1


def test_what_cannot_be_learnt_is_not_better_than_the_line() -> None:
    better = 0
    for seed in range(4):
        route = Route(classifier="features", tiers=TIERS, threshold=0.6)
        report, _ = reported(route, problems(100, 40 + seed, learnable=False))
        better += report.evidence["quality"]["simple"]["verdict"] == "better than the line"
    assert better <= 1


def test_no_call_is_decided_by_its_own_label() -> None:
    """Turning the labels of one half around changes nothing of how that half is scored."""
    calls = problems(120, 2)
    route = Route(classifier="features", tiers=TIERS, threshold=0.7)
    _, evaluator = reported(route, calls)
    turned = [replace(c) for c in calls]
    for c in turned[120:]:  # the later half of the requests
        if c.model == "small":
            c.metadata = {"correct": str(c.metadata["correct"] != "True")}
    _, other = reported(route, turned)
    a, b = evaluator.effect((route,)).touched, other.effect((route,)).touched
    assert a is not None and b is not None
    assert a[120:].tolist() == b[120:].tolist() and a[:120].tolist() != b[:120].tolist()


def test_groups_hold_only_where_their_loss_is_bounded() -> None:
    route = Route(classifier="recorded", tiers=TIERS, by=("task",), max_loss=0.15)
    report, evaluator = reported(route, problems(600, 3))
    touched = evaluator.effect((route,)).touched
    assert touched is not None
    task = np.array(evaluator.trace.dims["task"].texts())
    assert set(task[touched].tolist()) == {"easy"} and report.verified


def test_a_cascade_that_is_told_what_is_right_verifies_nothing() -> None:
    report, _ = reported(Route(tiers=TIERS, cascade=True), problems(200, 4))
    assert not report.verified and report.risk.value is None
    beside = report.evidence["quality"]["simple"]
    assert beside["routed"] == pytest.approx(beside["oracle"])


def test_a_cascade_by_confidence_needs_its_column() -> None:
    calls = problems(200, 5)
    for c in calls:
        if c.model == "small":
            c.metadata = c.metadata | {"sure": "0.9" if c.task == "easy" else "0.1"}
    route = Route(tiers=TIERS, cascade=True, accept="metadata.sure", accept_at=0.5)
    report, _ = reported(route, calls)
    assert report.evidence["rejected_attempts"] > 50 and report.evidence["moved_calls"] > 50
    with pytest.raises(UsageError, match=r"no column `metadata\.other`"):
        reported(replace(route, accept="metadata.other"), calls)


def test_an_llm_that_was_never_asked_needs_a_replay() -> None:
    with pytest.raises(UsageError, match="not in the log") as told:
        reported(Route(classifier="llm", tiers=TIERS, llm_model="small"), problems(2, 6))
    assert "Replay" in told.value.hint


def test_a_tier_without_a_price_is_refused() -> None:
    with pytest.raises(UsageError, match="no price"):
        reported(Route(tiers=(("simple", "unknown-model"),)), problems(2, 6))


def test_a_switch_in_the_middle_of_a_session_loses_the_providers_cache() -> None:
    """Eight growing steps, nearly all read from the cache; every second one goes to the other model."""
    said, calls = ["system:" + "s" * 4_000], []
    for i in range(8):
        said.append(f"user:{i}" + "u" * 1_000)
        size = sum(len(s.partition(":")[2]) for s in said)
        read = (size - 1_001) // 128 * 128 if i else 0
        calls.append(call(f"c{i}", list(said), usage(size - read, read, out=20), ["assistant:ok"],
                          model="big", task="odd" if i % 2 else "even"))  # fmt: skip
    rules = (("simple", (("task", ("odd",)),)),)
    report, _ = reported(Route(tiers=TIERS, rules=rules), calls)
    before, after = report.evidence["cached_share_before"], report.evidence["cached_share_after"]
    assert before > 0.75 and after < before - 0.1
    assert not report.verified and report.risk.value is None and report.risk.basis == "unverified"
    assert any("not tested" in note for note in report.notes)


def test_the_moved_call_uses_the_logs_own_spelling_so_that_it_shares_its_cache() -> None:
    calls = [call("a", ["user:a"], usage(9, out=1), model="small"),
             call("b", ["user:b"], usage(9, out=1), model="big")]  # fmt: skip
    route = Route(tiers=TIERS)
    _, evaluator = reported(route, calls)
    view = evaluator.state((route,)).view
    assert view.model.texts() == ["small", "small"] and len(view.model.values) == 3


def test_settings_as_people_write_them() -> None:
    read = TypeAdapter(Route).validate_python
    found = read({
        "tiers": {"complex": "big", "simple": "small"},
        "rules": {"simple": {"agent": "triage-*", "max_input_tokens": 900, "tools": False}},
    })  # fmt: skip
    assert found.tiers == TIERS
    assert found.rules == (
        ("simple", (("agent", ("triage-*",)), ("max_input_tokens", 900), ("tools", False))),
    )
    assert hash(found) == hash(read(TypeAdapter(Route).dump_python(found)))
    with pytest.raises(ValidationError, match="Did you mean `simple`"):
        read({"tiers": {"simpel": "small"}})
    with pytest.raises(ValidationError, match="number of tokens"):
        read({"rules": {"simple": {"max_input_tokens": "many"}}})


@dataclass(frozen=True)
class TwoTokenizers(LetterTokens):
    """`wide` needs three tokens for each byte; `blurred` models have no public tokenizer."""

    def count(self, segments: Any, model: str) -> Any:
        return super().count(segments, model) * (3 if model == "wide" else 1)

    def label(self, model: str) -> str:
        return "estimated" if model.startswith("blurred") else "exact"


def test_texts_are_counted_again_and_the_hidden_prompt_with_them() -> None:
    said = ["reasoning:hm", "assistant:1234567"]
    calls = [call("a", ["user:12345"], usage(100, 64, out=7), said, model="m"),
             call("b", None, usage(50, out=7), model="m")]  # fmt: skip
    trace = timed(calls)
    view, rows = View.of(trace), np.array([0, 1])
    found = ratios(view, rows, "wide", TwoTokenizers(trace.segments))
    assert found.request.tolist() == [3, 1] and found.answer.tolist() == [3, 1]
    assert found.without_text.tolist() == [False, True]
    leaves = rescaled_input(view.leaves, found.request)
    assert leaves[:, INPUT].sum(axis=1).tolist() == [3 * 164, 50]
    assert leaves[0, Leaf.CACHE_READ] == 3 * 64
    assert fresh(leaves)[0, Leaf.INPUT_FRESH] == 3 * 164


def test_rescaled_input_is_exact_at_any_ratio_and_leaves_pictures_alone() -> None:
    rng = np.random.default_rng(1)
    leaves = rng.integers(0, 1_000, (200, N_LEAVES))
    ratio = rng.uniform(0.5, 2.0, 200)
    found = rescaled_input(leaves, ratio)
    text = list(range(7))
    assert (
        found[:, text].sum(axis=1).tolist() == np.rint(leaves[:, text].sum(axis=1) * ratio).tolist()
    )
    assert (found >= 0).all() and (found[:, 7:] == leaves[:, 7:]).all()
    assert (rescaled_input(leaves, np.ones(200)) == leaves).all()


def test_one_makers_models_without_a_public_tokenizer_count_alike() -> None:
    tokens = TwoTokenizers(timed([call("a", ["user:x"], usage(1))]).segments)
    assert same_family("blurred-pro", "blurred-flash", ("g", "g"), tokens)
    assert not same_family("blurred-pro", "wide", ("g", "o"), tokens)
    assert not same_family("m", "wide", ("o", "o"), tokens)


def test_pairs_of_the_log_tell_how_long_the_small_models_answers_are() -> None:
    calls = problems(120, 7)
    for c in calls:
        if c.model == "small":
            c.usage.leaves[Leaf.OUTPUT_TEXT] = 50
    report, evaluator = reported(Route(tiers=TIERS), calls)
    move = report.evidence["moves"][0]
    assert move["output_basis"] == "from_log" and move["output_ratio"] == 2.5
    assert Route(tiers=TIERS).ranges()["output_ratio"][1] > 1


def test_a_models_own_reasoning_in_the_log_is_billed_at_its_upper_bound() -> None:
    calls = [call(f"r{i}", [f"user:{i}"], usage(100, out=20, reasoning=40 + i % 3 * 20), ["assistant:x"],
                  model="o4-mini", session_id=f"r{i}") for i in range(120)]  # fmt: skip
    calls.append(
        call("c", ["user:c"], usage(100, out=20), ["assistant:x"], model="big", session_id="c")
    )
    report, evaluator = reported(Route(tiers=(("simple", "o4-mini"), ("complex", "big"))), calls)
    move = report.evidence["moves"][0]
    assert move["reasoning_basis"] == "from_log" and 3.0 < move["reasoning_ratio"] < 3.2


def test_labels_may_be_a_part_of_the_policys_fields() -> None:
    calls = problems(200, 1)
    for c in calls:
        c.metadata = {"passed": c.metadata["correct"]}
    evaluator = evaluator_of(calls, prices=TwoPrices(), fields={"verdict": "metadata.passed"})
    route = Route(classifier="features", tiers=TIERS, labels="verdict", threshold=0.7)
    assert evaluator.effect((route,)).tally["moved_calls"] > 20


def test_a_sweep_over_thresholds_learns_once() -> None:
    builder = Artifacts(None)
    evaluator = evaluator_of(problems(100, 8), prices=TwoPrices(), builder=builder)
    for threshold in (0.4, 0.6, 0.8):
        evaluator.effect((Route(classifier="features", tiers=TIERS, threshold=threshold),))
    evaluator.effect((Route(classifier="features", tiers=TIERS, right_answer_usd=0.01),))
    assert builder.builds == 1


def test_weighing_dollars_moves_what_saves_more_than_it_risks() -> None:
    """Equal chances, unequal sizes: only the long question is worth the risk."""
    calls = problems(120, 9)
    for i, c in enumerate(calls):
        if i // 2 % 2:
            c.usage.leaves[Leaf.INPUT_FRESH] = 6_000
    route = Route(classifier="features", tiers=TIERS, right_answer_usd=0.05)
    _, evaluator = reported(route, calls)
    touched = evaluator.effect((route,)).touched
    assert touched is not None
    size = evaluator.trace.input_tokens
    big = np.array(evaluator.trace.dims["model"].texts()) == "big"
    assert touched[big & (size == 6_000)].mean() > touched[big & (size == 300)].mean() + 0.3


def test_a_log_without_text_still_routes_by_sizes_and_says_so() -> None:
    """Hashes and counts alone: rules hold, and tokens stay as they are under the target."""
    calls = [call("a", ["user:not kept"], usage(300, out=20), None, model="big")]
    calls[0].request = [
        replace(s, digest=b"0" * 16, text="", tokens=300) for s in calls[0].request or ()
    ]
    report, evaluator = reported(Route(tiers=TIERS), calls)
    assert report.evidence["moved_calls"] == 1
    assert evaluator.value((Route(tiers=TIERS),)) * 10 == evaluator.baseline.total_pusd


def test_no_call_moves_onto_a_seat() -> None:
    """What a seat covers stands beside the bill: a move there would look like a saving."""
    simple = [call("a", ["user:hi"], usage(10, out=1), model="big")]
    for prices, moves in ((TwoPrices(), True), (_SmallIsASeat(), False)):
        evaluator = evaluator_of(simple, prices=prices)
        assert evaluator.effect((Route(tiers=TIERS),)).is_empty is not moves


class _SmallIsASeat(TwoPrices):
    def rates(self, provider: str, model: str, **more: Any) -> Any:
        found = super().rates(provider, model, **more)
        return replace(found, subscription=True) if model == "small" else found
