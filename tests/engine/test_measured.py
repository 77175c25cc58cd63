"""Evidence of replays in a projection: what changes with it, what does not, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costopt.engine.cache_error import UNJUDGED, CommonError, replayed_error
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.executors.gathered import put_together, sessions_of
from costopt.engine.executors.shipped import ship, unship
from costopt.engine.matched import Evidence, bent, fits, same_model
from costopt.engine.measured import report_of, with_evidence
from costopt.engine.outcome import InProcess, outcome
from costopt.engine.partition import parts_of
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.engine.proof import METRIC, excess_ends
from costopt.engine.recommend import recommend
from costopt.engine.risk import upper_rate
from costopt.engine.run import waterfall
from costopt.engine.settings import plain, settings_of
from costopt.layers.base import Layer
from costopt.layers.memory import Memory
from costopt.layers.output import Output
from costopt.layers.prompt_layout import PromptLayout
from costopt.layers.semantic_cache import SemanticCache
from costopt.layers.session_budget import SessionBudget
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from costopt.model.evidence import with_others
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.result import Projection
from tests.engine.stories import calls_of
from tests.layers.context import evaluator_of

TRIM = TrimTools(max_tokens=60)
SESSIONS = 40


def settings(layer: Layer) -> dict[str, Any]:
    return settings_of(layer, {})


def entry(layer: Layer = TRIM, **more: Any) -> dict[str, Any]:
    """Four of 400 answers differ, and as many when the same is asked twice."""
    return {
        "settings": settings(layer), "run": 12, "at": "2026-11-25", "model": "", "test": "answers",
        "tests": {"same_action": 400}, "replayed_answers": 400, "answers_differ": 4,
        "noise_answers": 400, "noise_differ": 4, "sessions": 40, "ci95": [-0.012, 0.012], **more,
    }  # fmt: skip


RATIO: dict[str, Any] = {"output_ratio": 1.5, "output_ratio_ci95": [1.2, 1.8], "outputs": 400}


def evaluator(evidence: Mapping[str, Any] | None = None, sessions: int = SESSIONS) -> Evaluator:
    return evaluator_of(calls_of(sessions), evidence=evidence)


def projected(evidence: Mapping[str, Any] | None = None, layers: Layers = (TRIM,)) -> Projection:
    made = evaluator(evidence)
    return project(InProcess(made), made, Policy(layers, "p.yaml"), shapley=False)


def row(evidence: Mapping[str, Any], layers: Layers = (TRIM,)) -> dict[str, Any]:
    return projected(evidence, layers).layers[0]


def test_without_evidence_of_its_own_nothing_changes_to_the_byte() -> None:
    bare = asdict(projected())
    assert bare["layers"][0]["measured"] == [] and bare["layers"][0]["measured_run"] is None
    assert asdict(projected({})) == bare
    assert asdict(projected({"trim_tools": {}})) == bare
    assert asdict(projected({"window": entry(Window(), **RATIO)})) == bare


def test_a_measured_risk_stands_in_place_of_the_logs_and_verifies() -> None:
    before, after = row({}), row({"trim_tools": entry()})
    assert not before["verified"] and before["risk"]["metric"] == "reach_back_rate"
    assert after["verified"] and after["basis"] == "measured"
    assert after["risk"] == {
        "metric": METRIC, "value": 0.0, "ci95": [0.0, 0.012],
        "basis": "measured by replay 12 (2026-11-25): 4 of 400 answers differ (same tools and "
        "arguments), 4 of 400 when the same is asked twice",
    }  # fmt: skip
    assert after["measured"] == ["risk"] and after["measured_run"] == 12
    assert after["step_usd"] == before["step_usd"]
    assert after["evidence"]["replay"]["from_log"]["metric"] == "reach_back_rate"
    assert "The agent takes the same steps with the short results." in before["assumptions"]
    assert "The agent takes the same steps with the short results." not in after["assumptions"]


def test_the_projection_says_how_much_of_it_is_measured() -> None:
    notes = projected({"trim_tools": entry()}, (TRIM, Window(turns=2))).notes
    assert "1 of 2 layers carries measurements of replay 12 (2026-11-25)." in notes
    both = {"trim_tools": entry(), "window": entry(Window(turns=2), runs=[3, 9], run=9)}
    notes = projected(both, (TRIM, Window(turns=2))).notes
    assert "2 of 2 layers carry measurements of replays 3, 9 and 12 (2026-11-25)." in notes
    assert not [n for n in projected().notes if "replay" in n]


def test_other_settings_are_not_measured_and_say_so() -> None:
    other = TrimTools(max_tokens=70)
    found = row({"trim_tools": entry(other, **RATIO)})
    bare = row({})
    assert found["measured"] == [] and found["risk"] == bare["risk"]
    assert found["step_usd"] == bare["step_usd"]
    (said,) = [n for n in found["notes"] if n not in bare["notes"]]
    assert said.startswith("Replay 12 (2026-11-25) measured it at other settings (max_tokens)")
    beside = {"trim_tools": with_others([entry(other), entry(TRIM, run=3)])}
    assert row(beside)["measured_run"] == 3, "both settings were measured: its own stand"


def test_settings_that_change_no_request_may_differ_and_missing_ones_are_defaults() -> None:
    assert fits(replace(TRIM, max_reach_back=0.5), entry())
    assert not fits(replace(TRIM, keep="head"), entry())
    assert fits(TRIM, {"settings": {"max_tokens": 60}})
    assert not fits(TrimTools(), {"settings": {}}), "not told"
    assert not fits(TRIM, {"settings": {"max_tokens": 60, "of_another_version": 1}})
    assert fits(TRIM, {"replayed_answers": 3}), "evidence that names no settings is of any"


def test_what_a_layer_chose_itself_is_what_is_matched() -> None:
    auto, measured = SemanticCache(threshold="auto"), SemanticCache(threshold=0.93)
    found = {"settings": settings(measured)}
    assert fits(auto, found, {"threshold": 0.93}) and not fits(auto, found, {"threshold": 0.9})
    assert not fits(auto, found)
    zep = Memory(profile="zep")
    chosen = zep.report({}, {}).settings
    assert fits(zep, {"settings": plain(settings_of(zep, chosen))}, chosen)


def test_the_layers_limit_decides() -> None:
    strict = replace(TRIM, max_reach_back=0.01)
    assert not row({"trim_tools": entry()}, (strict,))["verified"]
    layout = PromptLayout()
    known = Evidence({"prompt_layout": entry(layout, ci95=[0.005, 0.04])}, ("m",))
    assert not report(layout, known).verified, "two in a hundred, where a layer has none of its own"


def report(layer: Layer, known: Evidence, tally: Mapping[str, int] | None = None) -> Any:
    return with_evidence(layer, layer.report(tally or {}, {}), known)


def test_too_few_answers_leave_what_the_log_has_proven() -> None:
    """A small replay must not make a policy worse that it does not speak against."""
    tally = {"results_cut": 9, "affected_calls": 900, "reach_clusters": 900, "reach_n": 900,
             "reach_nn": 900, "reach_x": 0, "reach_xx": 0, "reach_nx": 0}  # fmt: skip
    log = TRIM.report(tally, {})
    assert log.verified
    few = Evidence({"trim_tools": entry(ci95=[-0.05, 0.09])}, ("m",))
    found = report(TRIM, few, tally)
    assert found.verified and found.risk.ci95 == (0.0, 0.09)
    assert log.risk.ci95 is not None and upper_rate(found) == log.risk.ci95[1]
    assert any("too few" in n for n in found.notes)
    without_floor = entry(answers_differ=40, noise_answers=0, noise_differ=0, ci95=None)
    assert report(TRIM, Evidence({"trim_tools": without_floor}, ("m",)), tally).verified, (
        "what differs may be the endpoint's own"
    )
    against = Evidence({"trim_tools": entry(answers_differ=40, ci95=[0.05, 0.13])}, ("m",))
    found = report(TRIM, against, tally)
    assert not found.verified and upper_rate(found) == 1.0
    assert any("speaks against it" in n for n in found.notes)


def test_what_differs_by_chance_proves_nothing() -> None:
    """Where nearly every answer differs from itself, an excess of none is no agreement."""
    free = entry(answers_differ=384, noise_differ=380, ci95=[-0.01, 0.015])
    found = row({"trim_tools": free})
    assert found["risk"]["ci95"] == [0.0, 0.015] and not found["verified"]
    assert found["evidence"]["replay"]["changed_at_most"] == pytest.approx(0.015 / 0.05)
    assert any(
        "95 % of the answers differ when the same is asked twice" in n for n in found["notes"]
    )
    quiet = Evidence({"trim_tools": entry()}, ("m",))
    assert upper_rate(report(TRIM, quiet, {"results_cut": 1})) == pytest.approx(0.012 / 0.99)


def test_without_an_interval_the_counts_make_one() -> None:
    low, high = excess_ends(400, 4, 400, 4)
    assert -0.02 < low < 0 < high < 0.02 and low == pytest.approx(-high)
    assert excess_ends(50, 0, 0, 0) == pytest.approx((0.0, 0.0711), abs=1e-3)
    found = row({"trim_tools": entry(ci95=None, noise_answers=0, noise_differ=0)})
    assert found["risk"]["value"] == 0.01 and "no noise floor" in found["risk"]["basis"]


def test_a_caches_own_answers_are_counted() -> None:
    cache = SemanticCache(threshold=0.95)
    told = entry(cache, cached_answers=200, cached_differ=30, ci95=[0.1, 0.2])
    found = report(cache, Evidence({"semantic_cache": told}, ("m",)), {"hits": 10})
    assert found.risk.value == pytest.approx(30 / 200 - 4 / 400) and not found.verified
    assert "30 of 200 cached answers differ from the model's own" in found.risk.basis


def changed(found: Evaluator) -> np.ndarray[Any, Any]:
    touched = found.effect((TRIM,)).touched
    assert touched is not None
    return touched


def outputs(found: Evaluator, layers: Iterable[Layer] = (TRIM,)) -> np.ndarray[Any, Any]:
    return found.state(tuple(layers)).view.leaves[:, OUTPUT].sum(axis=1)


def test_a_measured_length_scales_the_answers_behind_the_layer_and_no_others() -> None:
    bare, known = evaluator(), evaluator({"trim_tools": entry(**RATIO)})
    rows, was = changed(bare), bare.trace.leaves[:, OUTPUT].sum(axis=1)
    assert np.array_equal(outputs(known)[~rows], was[~rows])
    assert np.array_equal(outputs(known)[rows], np.rint(was[rows] * 1.5))
    assert np.array_equal(
        known.state((TRIM,)).view.leaves[:, INPUT], bare.state((TRIM,)).view.leaves[:, INPUT]
    )
    for end, value in ((0, 1.2), (1, 1.8)):
        at = outputs(known, [bent(TRIM, "output_ratio", end)])
        assert np.array_equal(at[rows], np.rint(was[rows] * value))
    assert np.array_equal(outputs(known), outputs(known)), "asked again it is the same"


def test_a_measured_length_moves_the_dollars_and_its_interval_the_interval() -> None:
    bare, found = projected(), projected({"trim_tools": entry(**RATIO)})
    assert found.savings_usd < bare.savings_usd
    low, high = found.ci_parts["assumptions"]
    made = evaluator({"trim_tools": entry(**RATIO)})
    total = made.value(())
    ends = [100 * (total - made.value((bent(TRIM, "output_ratio", e),))) / total for e in (1, 0)]
    assert [low, high] == pytest.approx(ends, abs=1e-5)
    assert bare.ci_parts["assumptions"][0] == bare.ci_parts["assumptions"][1]
    assert found.layers[0]["measured"] == ["risk", "output_ratio"]
    assert any("1.5 (1.2 to 1.8) times the tokens" in n for n in found.layers[0]["notes"])


def test_a_later_stand_in_does_not_hide_what_the_model_itself_said() -> None:
    own, other = entry(mapped=False), entry(mapped=True, model="tiny", run=13)
    known = Evidence({"trim_tools": with_others([other, own])}, ("m",))
    assert known.of(TRIM)["run"] == 12
    assert Evidence({"trim_tools": other}, ("m",)).of(TRIM)["run"] == 13


def test_a_stand_in_verifies_nothing_and_widens_the_interval_alone() -> None:
    """What another model did is no measurement of the logged one."""
    told = entry(**RATIO, model="tiny", mapped=True)
    bare, found = projected(), projected({"trim_tools": told})
    assert found.savings_usd == bare.savings_usd
    shown = found.layers[0]
    assert not shown["verified"] and shown["measured"] == ["risk"]
    assert "of tiny in place of the logged models" in shown["risk"]["basis"]
    assert any("tiny" in a for a in shown["assumptions"])
    assert "The agent takes the same steps with the short results." in shown["assumptions"]
    low, high = found.ci_parts["assumptions"]
    assert low < bare.ci_parts["assumptions"][0] and high == bare.ci_parts["assumptions"][1]


def test_a_model_is_itself_under_the_names_of_its_snapshots() -> None:
    names = ("gpt-4.1", "openai/gpt-4o")
    for served in ("", "gpt-4.1", "gpt-4.1-2025-04-14", "azure/gpt-4.1", "GPT-4o-2024-08-06"):
        assert same_model(served, names), served
    for served in ("gpt-4.1-mini", "gpt-4", "tiny"):
        assert not same_model(served, names), served


def test_requests_under_other_layers_changes_move_no_dollars() -> None:
    bare, found = projected(), projected({"trim_tools": entry(**RATIO, alone=False)})
    assert found.savings_usd == bare.savings_usd
    assert found.layers[0]["risk"]["basis"].endswith("under other layers' changes too")


def test_measured_input_is_taken_against_that_of_unchanged_requests() -> None:
    """The tokenizer's own error is in both: only what the layer changed is corrected."""
    told = {"input_ratio": 1.1, "input_ratio_ci95": [1.09, 1.11]}
    log = {"models": {"m": {"served": "m", "n": 10, **told},
                      "other": {"served": "other", "n": 30, **told}}}  # fmt: skip
    bare = evaluator()
    same = evaluator({"trim_tools": entry(**told), "*": log})
    assert same.value((TRIM,)) == bare.value((TRIM,))
    more = evaluator(
        {"trim_tools": entry(input_ratio=1.21, input_ratio_ci95=[1.2, 1.22]), "*": log}
    )
    few = evaluator({"trim_tools": entry(input_ratio=1.21), "*": log})
    assert few.value((TRIM,)) == bare.value((TRIM,)), "no interval: it only widens the range"
    rows = changed(bare)
    was = bare.trace.leaves[:, INPUT].sum(axis=1)
    cut = bare.state((TRIM,)).view.leaves[:, INPUT].sum(axis=1)
    now = more.state((TRIM,)).view.leaves[:, INPUT].sum(axis=1)
    wanted = np.minimum(np.rint(cut * (1.21 / 1.1)), was)
    assert np.array_equal(now[rows], wanted[rows]) and np.array_equal(now[~rows], was[~rows])
    assert (now <= was).all(), "a cut never lengthens a request"
    alone = evaluator({"trim_tools": entry(input_ratio=1.21)})
    assert alone.value((TRIM,)) == bare.value((TRIM,)), "of unchanged requests nothing is known"


def test_what_the_endpoint_does_to_unchanged_requests_is_no_layers_doing() -> None:
    def log(ends: list[float] | None) -> dict[str, Any]:
        told = {"served": "m", "output_ratio": 1.5, "output_ratio_ci95": ends, "n": 40}
        return {"models": {"m": told}}

    told = entry(**RATIO)
    bare, found = evaluator(), evaluator({"trim_tools": told, "*": log([1.35, 1.65])})
    assert found.value((TRIM,)) == bare.value((TRIM,))
    known = Evidence({"trim_tools": told, "*": log([1.35, 1.65])}, ("m",))
    ratio = known.ratios(TRIM, told)["output_ratio"]
    assert ratio.value == 1.0 and ratio.low == pytest.approx(1 - (0.2**2 + 0.1**2) ** 0.5)
    assert ratio.high == pytest.approx(1 + (0.2**2 + 0.1**2) ** 0.5)
    blind = Evidence({"trim_tools": told | {"output_ratio": 1.8}, "*": log(None)}, ("m",))
    ratio = blind.ratios(TRIM, told | {"output_ratio": 1.8})["output_ratio"]
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1.0, 1.0, 1.2))


def test_structured_output_takes_the_measured_ratio_itself() -> None:
    layer = Output(max_tokens="off", structured=(("session", ("*",)),), ratio=0.9)
    told = entry(replace(layer, ratio=0.5), output_ratio=0.6, output_ratio_ci95=[0.5, 0.7])
    found = evaluator({"output": told})
    was = found.trace.leaves[:, OUTPUT].sum(axis=1)
    assert np.array_equal(outputs(found, [layer]), np.rint(was * 0.6))
    assert np.array_equal(outputs(found, [bent(layer, "output_ratio", 1)]), np.rint(was * 0.7))
    shown = row({"output": told}, (layer,))
    assert shown["measured"] == ["risk", "output_ratio"] and shown["basis"] == "measured"
    assert not any("assumed" in a for a in shown["assumptions"])
    limits = Output(max_tokens=10_000)
    known = Evidence({"output": entry(limits, truncated=3, truncated_of=9)}, ("m",))
    said = report(limits, known)
    assert said.risk.metric == "truncation_rate" and said.measured == ("truncated",)


def test_parts_of_the_trace_come_to_what_the_whole_does(tmp_path: Path) -> None:
    layers: Layers = (TRIM, Window(turns=2))
    whole = evaluator({"trim_tools": entry(**RATIO), "window": entry(Window(turns=2), **RATIO)})
    parts = parts_of(whole.trace, layers, 3)
    assert len(parts) > 1
    ship(whole, parts, tmp_path)
    for asked in (layers, (bent(TRIM, "output_ratio", 1), layers[1])):
        found = [outcome(unship(tmp_path, i), asked) for i in range(len(parts))]
        together = put_together(found, sessions_of(whole.trace, parts), len(whole.trace.sessions))
        expected = outcome(whole, asked)
        assert np.array_equal(together.session_pusd, expected.session_pusd)
        assert together.evidence == expected.evidence
    assert report_of(layers[1], together).measured == ("risk", "output_ratio")


def gap(calls: int, measured: float, predicted: float = 0.5) -> dict[str, Any]:
    return {"gap_s": 60.0, "calls": calls, "measured_share": measured, "predicted_share": predicted}


def known_gaps(*rows: dict[str, Any], served: str = "m") -> Evidence:
    return Evidence({"*": {"cache_by_gap": rows, "models": {"m": {"served": served}}}}, ("m",))


def test_the_cache_models_error_is_never_made_smaller_than_the_logs() -> None:
    log = CommonError(0.05, True, 0.06)
    assert replayed_error(log, known_gaps(gap(1000, 0.5))).share == 0.05
    wide = replayed_error(log, known_gaps(gap(1000, 0.7)))
    assert wide.share == pytest.approx(((0.04 * 1000 - 0.21) / 1000) ** 0.5)
    assert wide.replayed == (1000, 1)
    offset = replayed_error(log, known_gaps(gap(500, 0.7), gap(500, 0.3)))
    assert offset.share == pytest.approx(0.2, abs=0.01), (
        "errors of two gaps do not offset each other"
    )
    assert replayed_error(log, known_gaps(gap(10, 0.9))) is log, "too few calls"
    assert replayed_error(log, known_gaps(gap(1000, 0.9), served="tiny")) is log


def test_a_replay_judges_a_cache_model_that_the_log_cannot() -> None:
    blind = CommonError(UNJUDGED, False)
    found = replayed_error(blind, known_gaps(gap(400, 0.5)))
    assert found.judged and found.share == pytest.approx(UNJUDGED / 20)
    told = projected({"*": {"cache_by_gap": [gap(400, 0.9)], "models": {}}})
    assert any("prompt-cache model's error counts" in n for n in told.notes)
    assert told.ci_parts["cache_model"][0] < projected().ci_parts["cache_model"][0]


@dataclass(frozen=True)
class Asking(TrimTools):
    """Looks at what it is handed."""

    def apply(self, view: Any, prices: Any, artifacts: Any) -> Any:
        handed_over.append((artifacts.measured("asking"), artifacts.measured("*")))
        return super().apply(view, prices, artifacts)


handed_over: list[Any] = []


def test_a_layer_is_handed_only_what_was_measured_at_its_settings() -> None:
    layer = Asking(max_tokens=60)
    told = entry(layer)
    for found, handed in (
        (told, told), (entry(Asking(max_tokens=9)), {}), (told | {"mapped": True}, {}),
    ):  # fmt: skip
        handed_over.clear()
        evaluator({"asking": found, "*": {"latency": 1}}, 5).state((layer,))
        assert handed_over == [(handed, {"latency": 1})]


def test_every_step_of_a_waterfall_carries_its_own() -> None:
    made = evaluator(
        {"trim_tools": entry(), "session_budget": {"settings": settings(SessionBudget())}}
    )
    steps = waterfall(InProcess(made), (TRIM, SessionBudget()))
    assert [step.report.measured for step in steps] == [("risk",), ()]


def test_a_recommendation_says_so_too_and_parts_keep_the_evidence() -> None:
    made = evaluator({"trim_tools": entry()}, 60)
    found = recommend(made, Policy((TRIM,)), max_risk=0.05, grids={})
    assert found.policy.layers == (TRIM,), found.dropped
    assert "1 of 1 layer carries measurements of replay 12 (2026-11-25)." in found.notes
    bare = recommend(evaluator(None, 60), Policy((TRIM,)), max_risk=0.05, grids={})
    assert bare.policy.layers == () and not any("replay" in n for n in bare.notes)
