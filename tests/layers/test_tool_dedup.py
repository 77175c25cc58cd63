"""What the stories of `tool_dedup` do not say: cache marks, chains of repeats, windows in front."""

from __future__ import annotations

from costopt.layers.tool_dedup import ToolDedup
from costopt.model.call import Breakpoint, Call, Segment
from tests.billing.small import call, seg, usage
from tests.layers.case import spelled
from tests.layers.cases.tool_dedup import ASK, GET, NOTE, ORDER, SYSTEM
from tests.layers.context import evaluator_of


def one(request: list[Segment]) -> Call:
    made = call("a", [], usage(sum(len(s.text) for s in request)))
    made.request = request
    return made


def test_the_mark_of_what_falls_away_falls_to_the_note() -> None:
    request = [seg(s) for s in (SYSTEM, ASK, GET, ORDER, GET, ORDER)]
    request[-1].breakpoint = Breakpoint.TTL_1H
    view = evaluator_of([one(request)]).state((ToolDedup(),)).view
    assert view.request.flags.tolist() == [0, 0, 0, 0, Breakpoint.TTL_1H]


def test_a_chain_of_repeats_points_to_the_first() -> None:
    evaluator = evaluator_of([one([seg(s) for s in (SYSTEM, ASK, *[GET, ORDER] * 4)])])
    view = evaluator.state((ToolDedup(),)).view
    assert spelled(evaluator, view, 0) == [SYSTEM, ASK, GET, ORDER, *[f"assistant:{NOTE}"] * 3]


def test_parallel_calls_belong_to_their_results_in_order() -> None:
    first, second = 'call/get_order:{"id": 1}', 'call/get_order:{"id": 2}'
    one_, two = "result/get_order:" + "1" * 90, "result/get_order:" + "2" * 90
    request = [SYSTEM, ASK, first, second, one_, two, second, two]
    evaluator = evaluator_of([one([seg(s) for s in request])])
    effect = evaluator.effect((ToolDedup(),))
    assert effect.tally["answered"] == 1 and effect.tally["results_differ"] == 0
    shown = spelled(evaluator, evaluator.state((ToolDedup(),)).view, 0)
    assert shown == [*request[:6], f"assistant:{NOTE}"]


def test_without_the_first_result_the_repeat_stays() -> None:
    """As behind a window that has dropped it."""
    evaluator = evaluator_of([one([seg(s) for s in (SYSTEM, ASK, GET, ORDER)])])
    assert evaluator.effect((ToolDedup(),)).is_empty
