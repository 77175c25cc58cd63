"""Walk forward: what is chosen on early sessions must save, and stay within the risk, on later ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import InProcess
from costopt.engine.parts_of import part_of, sampled_sessions
from costopt.engine.policy import Policy
from costopt.engine.recommend import Recommendation, recommend, stretches_of
from costopt.engine.run import saved_pusd, waterfall
from costopt.engine.search import Search, within
from costopt.layers.discover import layer_class, layer_names
from costopt.model.call import Call
from costopt.model.leaf import Leaf
from costopt.wiring.policy.settings import layer_of
from tests.engine.stories import calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

CHOICE = Policy((SameRequest(), OtherModel(), LastSegments(2, risky=4), ShorterOutput(0.9)))


def advised(calls: list[Call], policy: Policy = CHOICE, max_risk: float = 0.02) -> Recommendation:
    return recommend(evaluator_of(calls), policy, max_risk=max_risk)


def test_it_takes_what_saves_and_drops_what_is_unproven_or_risky() -> None:
    found = advised(calls_of(60))
    names = [type(layer).__name__ for layer in found.policy.layers]
    assert names == ["SameRequest", "ShorterOutput"]
    assert found.policy.layers[1] == ShorterOutput(0.5)
    reasons = {d.layer: d.reason for d in found.dropped}
    assert "unverified" in reasons["other_model"] or "saves nothing" in reasons["other_model"]
    assert "last_segments" in reasons
    assert found.tried > 4 and json.loads(json.dumps(found.to_json()))["max_risk"] == 0.02


def test_both_figures_are_those_of_their_own_sessions() -> None:
    calls = calls_of(60)
    evaluator = evaluator_of(calls)
    found = recommend(evaluator, CHOICE, max_risk=0.02)
    assert found.in_sample is not None and found.out_of_sample is not None
    first, second, third = stretches_of(evaluator.trace)
    assert (len(first), len(second), len(third)) == (24, 12, 24)
    earlier = part_of(evaluator, np.concatenate((first, second)))
    later = part_of(evaluator, third, earlier.model.fit)
    for figures, part in ((found.in_sample, earlier), (found.out_of_sample, later)):
        steps = waterfall(InProcess(part), found.policy.layers)
        assert figures.savings_pusd == saved_pusd(steps)
        assert figures.sessions == len(part.trace.sessions)
        assert figures.calls == part.trace.n and figures.ci95_pct is not None


def test_the_three_stretches_are_one_after_the_other_and_nothing_is_lost() -> None:
    trace = evaluator_of(calls_of(31)).trace
    parts = stretches_of(trace)
    assert sorted(np.concatenate(parts).tolist()) == list(range(31))
    first = [min(np.flatnonzero(trace.session == s)[0] for s in part) for part in parts]
    last = [max(np.flatnonzero(trace.session == s)[0] for s in part) for part in parts]
    assert last[0] < first[1] and last[1] < first[2]


def test_a_layer_that_stops_saving_is_dropped() -> None:
    """Repeated requests until two fifths of the log, none later: nothing is left of the cache's saving."""
    calls = calls_of(60, steps=1)
    for c in calls[26:]:
        assert c.request is not None
        c.request[-1].text += f" number {c.key}"
    found = advised(calls, Policy((SameRequest(fee_pusd=0), ShorterOutput(0.9))))
    assert [d.reason for d in found.dropped if d.layer == "same_request"] == [
        "saves nothing on later sessions"
    ]


def test_a_risk_that_rises_later_is_not_recommended() -> None:
    policy = Policy((LastSegments(2, risky=1000),))
    calls = uncached(calls_of(60))
    allowed = advised(calls, policy, max_risk=0.05)
    assert [type(layer) for layer in allowed.policy.layers] == [LastSegments]
    refused = advised(calls, policy, max_risk=0.001)
    assert refused.policy.layers == ()
    assert "above the limit" in refused.dropped[0].reason


def test_too_few_sessions_recommend_nothing() -> None:
    found = advised(calls_of(8))
    assert found.policy.layers == () and found.out_of_sample is None
    assert "too few" in found.notes[0] and len(found.dropped) == 4
    assert advised([]).policy.layers == ()


def test_no_times_is_said() -> None:
    calls = calls_of(40)
    for c in calls:
        c.at_us = None
    evaluator = _untimed(calls)
    found = recommend(evaluator, CHOICE, max_risk=0.02)
    assert any("order of the log" in note for note in found.notes)


def test_the_search_never_ends_worse_than_one_setting_alone_and_stays_within() -> None:
    evaluator = evaluator_of(uncached(calls_of(40)))
    executor = InProcess(evaluator)
    search = Search(executor, CHOICE.layers, 0.6)
    search.run()
    steps = waterfall(executor, search.layers)
    assert within(steps, 0.6)
    for layer in (SameRequest(), ShorterOutput(0.5)):
        alone = waterfall(executor, (layer,))
        assert saved_pusd(steps) >= saved_pusd(alone)


def test_given_grids_replace_the_layers_own() -> None:
    evaluator = evaluator_of(calls_of(60))
    grids = {"shorter_output": {"ratio": (0.8,)}}
    found = recommend(evaluator, CHOICE, max_risk=0.02, grids=grids)
    assert ShorterOutput(0.8) in found.policy.layers


def test_a_part_of_the_sessions_is_billed_as_the_whole_bills_them() -> None:
    evaluator = evaluator_of(calls_of(30))
    chosen = sampled_sessions(evaluator.trace, 40, seed=3)
    assert np.array_equal(chosen, sampled_sessions(evaluator.trace, 40, seed=3))
    part = part_of(evaluator, chosen)
    net = evaluator.baseline.net_pusd[np.isin(evaluator.trace.session, chosen)]
    assert np.array_equal(part.baseline.net_pusd, net)


def uncached(calls: list[Call]) -> list[Call]:
    """Nothing was ever read from the provider's cache: requests are too short for it."""
    for c in calls:
        c.request = [s for s in c.request or [] if s.kind != 1]
        leaves = c.usage.leaves
        leaves[Leaf.INPUT_FRESH] = sum(len(s.text) for s in c.request)
        leaves[Leaf.CACHE_READ] = 0
    return calls


def _untimed(calls: list[Call]) -> Evaluator:
    from costopt.model.build import trace_of
    from tests.layers.context import texts_of

    trace = trace_of(calls)
    return evaluator_of(trace, texts=texts_of(trace, calls))


@pytest.mark.parametrize("name", layer_names())
def test_values_that_are_tried_are_values_of_the_setting(name: str) -> None:
    """As a policy's file would give them, so that the recommended one can be written down."""
    kind = layer_class(name)
    for setting, values in getattr(kind, "SEARCH", {}).items():
        assert len(set(values)) == len(values) > 1
        for value in values:
            made = layer_of(name, {setting: value})
            assert not isinstance(made, list), made
            assert getattr(made, setting) == value
