"""Turns, cuts and summaries against their plain twins; windows that must change nothing."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from costopt.layers.parts.cuts import by_tokens, by_turns, plain_by_tokens, steps, to_fit
from costopt.layers.parts.summaries import Plan, plain_standing, summaries
from costopt.layers.parts.turns import Turns, plain_numbers, turns_of
from costopt.layers.window import Window
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind, Usage
from costopt.model.view import View
from tests.billing.small import call, timed, usage
from tests.layers.cases.window import SYSTEM, TASK, behind, run, step
from tests.layers.context import evaluator_of

K = SegmentKind


def view_of(*requests: list[SegmentKind]) -> View:
    calls = [
        Call(key=str(i), usage=Usage(), request=[Segment(kind, str(n)) for n, kind in enumerate(r)])
        for i, r in enumerate(requests)
    ]
    return View.of(trace_of(calls))


def turns(tokens: list[list[int]]) -> tuple[Turns, np.ndarray]:
    count = np.array([len(t) for t in tokens], np.int64)
    offsets = np.concatenate(([0], np.cumsum(count)))
    return Turns(np.zeros(0, np.int32), count, offsets), np.array(sum(tokens, []), np.int64)


def test_turns_are_those_of_the_plain_reading() -> None:
    rng = np.random.default_rng(7)
    kinds = [[K(int(k)) for k in rng.integers(0, 10, rng.integers(0, 15))] for _ in range(400)]
    view = view_of(*kinds)
    found = turns_of(view)
    for row in range(view.trace.n):
        part = slice(int(view.request.offsets[row]), int(view.request.offsets[row + 1]))
        told = plain_numbers(view.segments.kind[view.request.row(row)].tolist())
        assert found.number[part].tolist() == told
        assert found.count[row] == max(told, default=0)


@pytest.mark.parametrize(
    ("kinds", "numbers"),
    [
        ([K.TOOLS, K.SYSTEM, K.USER, K.ASSISTANT, K.USER], [0, 0, 0, 1, 1]),
        ([K.USER, K.ASSISTANT, K.SYSTEM, K.USER, K.ASSISTANT], [0, 1, 0, 1, 2]),
        ([K.USER, K.REASONING, K.TOOL_CALL, K.TOOL_RESULT, K.ASSISTANT], [0, 1, 1, 1, 2]),
        # The result of the first call comes after the second answer: one turn, never cut in between.
        ([K.TOOL_CALL, K.USER, K.TOOL_CALL, K.TOOL_RESULT, K.TOOL_RESULT], [1, 1, 1, 1, 1]),
        ([K.TOOL_CALL, K.USER, K.ASSISTANT, K.USER, K.ASSISTANT, K.TOOL_RESULT, K.ASSISTANT],
         [1, 1, 1, 1, 1, 1, 2]),
        # Results whose calls the log does not show, and calls that never got one, join nothing.
        ([K.ASSISTANT, K.TOOL_RESULT, K.ASSISTANT, K.TOOL_RESULT], [1, 1, 2, 2]),
        ([K.TOOL_CALL, K.USER, K.TOOL_CALL, K.USER], [1, 1, 2, 2]),
    ],
)  # fmt: skip
def test_what_a_turn_is(kinds: list[SegmentKind], numbers: list[int]) -> None:
    assert plain_numbers(kinds) == numbers
    assert turns_of(view_of(kinds)).number.tolist() == numbers


@pytest.mark.parametrize("every", [1, 3, 4, 7])
def test_a_cut_moves_in_steps_and_keeps_within_bounds(every: int) -> None:
    count = np.arange(60)
    sent = count - by_turns(count, 8, every)
    assert (sent[count >= 8] >= 8).all()
    assert (sent <= 8 + every - 1).all()
    moved = np.flatnonzero(np.diff(by_turns(count, 8, every)))
    assert (np.diff(moved) == every).all()


def test_a_budget_in_steps_is_that_of_the_plain_reading() -> None:
    rng = np.random.default_rng(3)
    tokens = [rng.integers(1, 30, rng.integers(0, 40)).tolist() for _ in range(60)]
    table, flat = turns(tokens)
    for keep, least, above in ((1, 1, 40), (4, 3, 100), (2, 5, 1)):
        cuts = by_tokens(table, flat, keep, least, above)
        for row, told in enumerate(tokens):
            found = cuts.turn[cuts.offsets[row] : cuts.offsets[row + 1]].tolist()
            assert found == plain_by_tokens(told, keep, least, above)


def test_turns_are_dropped_until_the_excess_is_gone_and_the_last_stays() -> None:
    table, flat = turns([[10, 10, 10, 10], [10, 10, 10, 10], [10, 10], [], [10, 10, 10, 10]])
    none = np.zeros(5, np.int64)
    assert to_fit(none, table, flat, np.array([1, 11, 99, 99, 0]), 1).tolist() == [1, 2, 1, 0, 0]
    assert to_fit(none, table, flat, np.array([1, 11, 99, 99, 0]), 2).tolist() == [2, 2, 1, 0, 0]
    # A whole step does not leave the last turn: then as many as are needed.
    assert to_fit(none, table, flat, np.array([25, 0, 0, 0, 0]), 5).tolist() == [3, 0, 0, 0, 0]


@pytest.mark.parametrize(("levels", "fan"), [(1, 4), (2, 2), (2, 3), (3, 2), (4, 3)])
def test_summaries_stand_where_the_plain_reading_puts_them(levels: int, fan: int) -> None:
    calls = run(30)
    view = View.of(timed(calls))
    found = turns_of(view)
    plan = Plan(levels, fan, tokens=10)
    sizes = np.full(int(found.offsets[-1]), 100, np.int64)
    written = summaries(view, found, steps(by_turns(found.count, 2, 2), 2), sizes, plan)
    blocks = by_turns(found.count, 2, 2) // 2
    for row, number in enumerate(blocks.tolist()):
        standing = written.stands[written.stands_call == row]
        told = plain_standing(number, levels, fan)
        marked = [int(written.mark[i].split()[2]) for i in standing.tolist()]
        assert marked == [level for level, _, _ in told]
    # Each is made once, in the call that first needs it, and all that stand have been made by then.
    assert len(set(written.mark)) == len(written.mark)
    assert (written.call[written.stands] <= written.stands_call).all()
    made = [
        sum(1 for level, _, b in plain_standing(n, levels, fan) if b == n) for n in range(1, 15)
    ]
    assert len(written.mark) >= sum(1 for m in made if m)


def test_two_sessions_with_equal_bytes_have_summaries_of_their_own() -> None:
    calls = run(3) + [
        call(f"d{i}", behind(*range(i)), usage(1_200 + 100 * i, out=40), session_id="t")
        for i in range(4)
    ]
    layer = Window(turns=2, summarize="steps")
    effect = evaluator_of(calls).effect((layer,))
    assert len(effect.charges[0].rows) == 2


def test_a_history_that_the_log_compacted_is_cut_by_what_it_shows() -> None:
    calls = run(6)
    calls.append(
        call("after", [SYSTEM, TASK, "user:so far: nothing", *step(6)], usage(1_320, out=40))
    )
    view = evaluator_of(calls).state((Window(turns=2),)).view
    assert len(view.request.row(len(calls) - 1)) == 5


def test_failed_calls_and_calls_without_blocks_are_left_alone() -> None:
    calls = run(4)
    calls[4].request = None
    evaluator = evaluator_of(calls)
    effect = evaluator.effect((Window(turns=2),))
    assert effect.touched is not None
    assert [evaluator.trace.id[i] for i in np.flatnonzero(effect.touched)] == ["c3"]


def test_without_text_the_window_works_and_its_risk_is_unknown() -> None:
    calls = run(4)
    for c in calls:
        for part in c.request or ():
            part.digest, part.tokens, part.text = (
                hash_of(part.text), len(part.text.encode()), ""
            )  # fmt: skip
    layer = Window(turns=2)
    effect = evaluator_of(calls).effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    assert report.evidence["tokens_removed"] == 300
    assert report.evidence["reach_back_rate"] is None
    assert report.risk.value is None
    assert not report.verified


def hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def test_a_rate_below_the_bound_is_verified_only_if_all_calls_were_looked_at() -> None:
    layer = Window(max_reach_back=0.02)
    sums = {"affected_calls": 1000, "calls_without_text": 0, "reach_clusters": 1000,
            "reach_n": 1000, "reach_x": 2, "reach_xx": 2, "reach_nx": 2, "reach_nn": 1000}  # fmt: skip
    assert layer.report(sums, {}).verified
    assert not layer.report(sums | {"affected_calls": 1100, "calls_without_text": 100}, {}).verified
    assert not layer.report(sums | {"reach_x": 30, "reach_xx": 30, "reach_nx": 30}, {}).verified
