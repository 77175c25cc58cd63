"""What a log says of two models: equal requests, labels, pairs, and the line of random mixing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from costopt.layers.parts.break_even import break_even
from costopt.layers.parts.reasoning import reasons
from costopt.layers.parts.routing_evidence import (
    CELLS,
    UNKNOWN,
    Labelled,
    Pairs,
    beside_the_line,
    pair_tally,
    request_keys,
    right_or_wrong,
)
from costopt.model.trace import Categorical
from tests.billing.small import call, timed, usage


def test_labels_are_read_as_people_write_them() -> None:
    words = ("", "True", "fail", "0.75", "0.2", "maybe", "nan")
    column = Categorical(np.arange(len(words), dtype=np.int32), words)
    assert right_or_wrong(column).tolist() == [-1, 1, 0, 1, 0, -1, -1]


def test_equal_requests_have_equal_keys_and_order_counts() -> None:
    asked = [
        ["user:a", "assistant:b"],
        ["user:c"],
        ["user:a", "assistant:b"],
        ["assistant:b", "user:a"],
    ]
    calls = [call(str(i), r, usage(5, out=1)) for i, r in enumerate(asked)]
    calls += [call("x", None, usage(5, out=1)), call("y", None, usage(5, out=1))]
    assert request_keys(timed(calls)).tolist() == [0, 1, 0, 2, 3, 4]


def labelled(rows: list[tuple[str, str, int]]) -> tuple[Labelled, np.ndarray]:
    """(question, model, right) a call; and which calls are the small model's."""
    calls = [
        call(str(i), [f"user:{q}"], usage(5, out=1), model=m) for i, (q, m, _) in enumerate(rows)
    ]
    trace = timed(calls)
    column = Categorical(np.array([r + 1 for *_, r in rows], np.int32), ("", "no", "yes"))
    return Labelled.of(trace, column), np.array([m == "small" for _, m, _ in rows])


def test_the_twin_is_the_first_judged_answer_to_the_same_request() -> None:
    found, small = labelled(
        [("a", "big", 1), ("a", "small", -1), ("a", "small", 0), ("b", "big", 1)]
    )
    assert found.twin(small).tolist() == [1, 1, 1, UNKNOWN]
    assert found.twin_right(small).tolist() == [0, 0, 0, UNKNOWN]


def test_halves_keep_equal_requests_together() -> None:
    found, _ = labelled(
        [("a", "big", 1), ("b", "big", 1), ("c", "big", 1), ("d", "big", 1), ("a", "small", 1)]
    )
    assert found.later.tolist() == [False, False, True, True, False]


def table(moved: tuple[int, int, int, int], kept: tuple[int, int, int, int]) -> Pairs:
    return Pairs(np.array([moved, kept], np.int64))


def test_the_loss_is_of_the_moved_calls_with_an_interval_that_few_pairs_keep_wide() -> None:
    loss = table((60, 30, 10, 0), (0, 0, 0, 0)).loss()
    assert loss is not None and loss[0] == pytest.approx(0.2)
    # By hand: b = 30.5, c = 10.5, n = 102; (b - c)/n = 0.196; se = sqrt(41 - 400/102)/102 = 0.0597.
    assert loss[1] == pytest.approx((0.0791, 0.3131), abs=2e-4)
    none_lost = table((5, 0, 0, 0), (0, 0, 0, 0)).loss()
    assert none_lost is not None and none_lost[0] == 0 and none_lost[1][1] > 0.2
    assert table((0, 0, 0, 0), (9, 1, 0, 0)).loss() is None


def judged(pairs: Pairs, worth: Any = None) -> dict[str, Any]:
    """The line of these cells; each move is worth the same unless said otherwise."""
    cells = pairs.table.ravel()  # moved first, then kept; both, lost, gained, neither
    own, twin = np.repeat([1, 1, 0, 0] * 2, cells), np.repeat([1, 0, 1, 0] * 2, cells)
    moved = np.repeat([True] * 4 + [False] * 4, cells)
    each = np.full(len(own), 7) if worth is None else np.asarray(worth)
    found = beside_the_line(own.astype(np.int8), twin.astype(np.int8), moved, each)
    assert found is not None
    return found


def test_the_line_the_oracle_and_the_router_by_hand() -> None:
    # 100 pairs; always-large right 80, always-small right 60. Half moved: 45 both, 5 lost.
    found = judged(table((45, 5, 0, 0), (15, 15, 0, 20)))
    assert found["always_large"] == 0.8 and found["always_small"] == 0.6 and found["oracle"] == 0.8
    assert found["routed"] == pytest.approx(0.75) and found["random_mixing"] == pytest.approx(0.7)
    assert found["advantage"] == pytest.approx(0.05) and found["saved_share"] == pytest.approx(0.5)
    low, high = found["advantage_ci95"]
    assert low == pytest.approx(0.05 - (high - 0.05))
    assert found["verdict"] == "better than the line"


def test_a_router_that_moves_what_saves_little_is_held_against_a_line_that_saves_as_little() -> (
    None
):
    # The same half, but its calls are worth 1 each and the others 3: a quarter of the saving.
    found = judged(table((45, 5, 0, 0), (15, 15, 0, 20)), [1] * 50 + [3] * 50)
    assert found["moved_share"] == 0.5 and found["saved_share"] == pytest.approx(0.25)
    # Random mixing loses 20 points for all of the saving, 5 for a quarter of it: as much as the router.
    assert found["random_mixing"] == pytest.approx(0.75) and found["advantage"] == pytest.approx(0)
    assert found["verdict"] == "not better than the line"


def test_what_moving_the_dearest_first_would_do_stands_beside_it() -> None:
    # Saves 1 + 1 + 2 of 8 by moving three; the dearest alone (4, which loses its answer) saves as much.
    own, twin = np.array([1, 1, 1, 1], np.int8), np.array([1, 1, 1, 0], np.int8)
    found = beside_the_line(own, twin, np.array([True, True, True, False]), np.array([1, 1, 2, 4]))
    assert found is not None and found["saved_share"] == 0.5 and found["routed"] == 1.0
    assert found["dearest_first"] == 0.75 and found["random_mixing"] == pytest.approx(0.875)


def test_all_or_none_moved_is_never_better_than_the_line() -> None:
    for pairs in (table((63, 20, 7, 10), (0, 0, 0, 0)), table((0, 0, 0, 0), (63, 20, 7, 10))):
        assert judged(pairs)["verdict"] == "not better than the line"
    empty = np.zeros(0, np.int8)
    assert beside_the_line(empty, empty, empty > 0, empty.astype(np.int64)) is None


def drawn(rng: np.random.Generator, n: int, skilled: bool) -> dict[str, Any]:
    """A log of which the truth is known: short calls are easier, whoever answers."""
    worth = rng.integers(1, 20, n)
    hard = rng.random(n) < worth / 20
    own = (rng.random(n) < np.where(hard, 0.7, 0.95)).astype(np.int8)
    twin = (rng.random(n) < np.where(hard, 0.4, 0.85)).astype(np.int8)
    moved = rng.random(n) < (np.where(hard, 0.2, 0.8) if skilled else 0.5)
    found = beside_the_line(own, twin, moved, worth)
    assert found is not None
    return found


def test_a_router_that_knows_nothing_is_seldom_called_better() -> None:
    """Of 1,000, about 2.5 % look better by chance: a two-sided 95 % interval."""
    rng = np.random.default_rng(5)
    better = sum(drawn(rng, 300, False)["verdict"] == "better than the line" for _ in range(1000))
    assert better <= 40


def test_the_interval_of_the_advantage_holds_the_truth() -> None:
    """The mean over a million calls stands for the truth: inside in about 95 % of logs of 300."""
    rng = np.random.default_rng(6)
    truth = drawn(rng, 1_000_000, True)["advantage"]
    found = [drawn(rng, 300, True)["advantage_ci95"] for _ in range(1000)]
    assert 930 <= sum(low <= truth <= high for low, high in found) <= 970


def test_the_interval_of_the_loss_holds_the_truth() -> None:
    rng, held = np.random.default_rng(3), 0
    share = np.array([[0.30, 0.06, 0.04, 0.10], [0.26, 0.14, 0.03, 0.07]])
    truth = (0.06 - 0.04) / 0.5
    for _ in range(1000):
        loss = Pairs(rng.multinomial(200, share.ravel()).reshape(2, 4)).loss()
        assert loss is not None
        held += loss[1][0] <= truth <= loss[1][1]
    assert 930 <= held <= 985


def test_pair_tallies_of_parts_sum_to_the_whole() -> None:
    rows = [(str(i // 2), ("big", "small")[i % 2], (i // 3) % 2) for i in range(60)]
    found, small = labelled(rows)
    twin, every = found.twin_right(small), ~small
    moved = np.arange(60) % 4 == 0
    first = np.arange(60) < 25
    whole = pair_tally("simple", found, twin, every, moved)
    a = pair_tally("simple", found, twin, every & first, moved)
    b = pair_tally("simple", found, twin, every & ~first, moved)
    assert {k: a[k] + b[k] for k in whole} == whole
    assert set(whole) == {f"simple.{w}.{c}" for w in ("moved", "kept") for c in CELLS}


def test_break_even_by_hand() -> None:
    """Two sessions of two calls; the first call of one is moved and saves 90 of 100."""
    session = np.array([0, 0, 1, 1], np.int32)
    before, after = np.array([100, 200, 300, 300]), np.array([10, 200, 300, 300])
    moved = np.array([True, False, False, False])
    found = break_even(session, np.ones(4, np.bool_), moved, before, after)
    assert found is not None and found.sessions == 1 and found.steps_per_session == 2
    assert found.extra_steps_per_session == pytest.approx(90 / 105)  # 210 for two steps
    assert found.extra_late_steps_per_session == pytest.approx(90 / 200)
    assert found.retries_per_moved_call == 9
    assert break_even(session, np.ones(4, np.bool_), moved & False, before, after) is None


@pytest.mark.parametrize("name", ["o4-mini", "gpt-5-nano", "openai/gpt-5", "gemini-3-pro-preview",
                                  "deepseek-reasoner", "qwen3-235b-thinking", "grok-4"])  # fmt: skip
def test_models_that_reason(name: str) -> None:
    assert reasons(name)


@pytest.mark.parametrize("name", ["gpt-4o-mini", "gpt-5-chat-latest", "claude-haiku-4-5", "small",
                                  "mixtral-8x7b", "gemini-2.5-flash-lite",
                                  "grok-4-fast-non-reasoning"])  # fmt: skip
def test_models_that_do_not_unless_asked(name: str) -> None:
    assert not reasons(name)


def test_keys_are_those_of_a_dictionary_over_whole_requests() -> None:
    """The plain twin: a tuple of segment numbers a request."""
    rng = np.random.default_rng(4)
    asked = [[f"user:{w}" for w in rng.integers(0, 3, rng.integers(1, 4))] for _ in range(300)]
    trace = timed([call(str(i), r, usage(5, out=1)) for i, r in enumerate(asked)])
    numbers: dict[tuple[int, ...], int] = {}
    plain = [
        numbers.setdefault(tuple(trace.request.row(i).tolist()), len(numbers)) for i in range(300)
    ]
    assert request_keys(trace).tolist() == plain
