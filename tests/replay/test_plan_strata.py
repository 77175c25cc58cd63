"""Orders of drawing: proportional with a floor, spread over sessions, the same whatever the rows' order."""

from __future__ import annotations

from collections import Counter

import numpy as np

from costopt.model.build import trace_of
from costopt.replay.items import Half
from costopt.replay.plan.halves import halves
from costopt.replay.plan.strata import MOST_STRATA, Chances, pool, size_classes, stretches
from tests.billing.small import call, timed, usage
from tests.replay.fake_requests import calls_of


def many(agents: dict[str, int], sessions: int = 50) -> list[object]:
    return [
        call(f"{agent}{i}", None, usage(10 + i), agent=agent, session_id=f"s{i % sessions}")
        for agent, n in agents.items()
        for i in range(n)
    ]


def test_every_beginning_is_proportional_with_a_floor_for_each_stratum() -> None:
    sizes = {"large": 600, "middle": 300, "rare": 5}
    trace = timed(many(sizes))  # type: ignore[arg-type]
    agent = trace.dims["agent"]
    rows = np.arange(trace.n)
    found = pool(trace, rows, [agent.codes.astype(np.int64)], trace.session.astype(np.int64),
                 Chances.of(trace, 3))  # fmt: skip
    assert sorted(found.rows.tolist()) == rows.tolist()
    for n in (3, 10, 30, 120):
        drawn = Counter(agent.values[c] for c in agent.codes[found.rows[:n]])
        assert set(drawn) == set(sizes)
        exact = {a: n * s / trace.n for a, s in sizes.items()}
        assert all(abs(drawn[a] - exact[a]) <= 1.5 for a in sizes)


def test_sessions_come_once_before_any_comes_twice() -> None:
    trace = timed(many({"a": 200}, sessions=40))  # type: ignore[arg-type]
    found = pool(
        trace, np.arange(trace.n), [], trace.session.astype(np.int64), Chances.of(trace, 0)
    )
    sessions = trace.session[found.rows]
    for begin in range(0, 200, 40):
        assert len(set(sessions[begin : begin + 40].tolist())) == 40


def test_the_order_belongs_to_the_calls_and_the_seed() -> None:
    calls = calls_of(30)
    one, other = trace_of(calls), trace_of(calls[::-1])
    names = []
    for trace, seed in ((one, 1), (other, 1), (one, 2)):
        found = pool(trace, np.arange(trace.n), [size_classes(trace.input_tokens, np.arange(trace.n))],
                     trace.session.astype(np.int64), Chances.of(trace, seed))  # fmt: skip
        names.append([trace.id[r] for r in found.rows])
    assert names[0] == names[1]
    assert names[0] != names[2]


def test_too_many_strata_are_put_together() -> None:
    trace = timed(many({f"agent{i}": 3 for i in range(30)}))  # type: ignore[arg-type]
    agent = trace.dims["agent"].codes.astype(np.int64)
    found = pool(
        trace, np.arange(trace.n), [agent, np.arange(trace.n)], agent, Chances.of(trace, 0)
    )
    assert len(found.population) == 30
    assert len(found.population) <= MOST_STRATA


def test_a_stretch_is_three_calls_in_a_row_of_one_session() -> None:
    calls = [
        call(f"{s}{i}", None, usage(10), session_id=f"s{s}", at_us=1_790_000_000_000_000 + 10 * i + s)
        for s in range(2)
        for i in range(7)
    ]  # fmt: skip
    trace = trace_of(calls)
    rows = np.array([trace.id[r] not in ("02", "14") for r in range(trace.n)])
    found = [[trace.id[r] for r in run] for run in stretches(trace, rows, Chances.of(trace, 0))]
    assert sorted(found) == [["03", "04", "05"], ["10", "11", "12"]]


def test_a_session_is_of_one_half_and_the_halves_are_even_in_every_layer() -> None:
    chance = np.random.default_rng(1).integers(0, 2**62, 60).astype(np.uint64)
    drawn = [("a", (s,)) for s in range(40)] + [("b", (s,)) for s in range(30, 60)]
    drawn += [("a", (3,))] * 2
    found = halves(drawn, chance)
    for layer in ("a", "b"):
        sizes = Counter(found[s] for stratum, (s,) in drawn if stratum == layer)
        assert abs(sizes[Half.JUDGES] - sizes[Half.WRITES]) <= 2


def test_where_a_half_would_be_too_small_all_judge() -> None:
    chance = np.arange(5, dtype=np.uint64)
    assert set(halves([("a", (0,))] * 9, chance).values()) == {Half.JUDGES}
    assert set(halves([("a", (s,)) for s in range(3)], chance).values()) == {Half.JUDGES}
    assert set(halves([("a", (s,)) for s in range(4)], chance).values()) == set(Half)


def test_sessions_that_a_call_ties_together_are_of_one_half() -> None:
    chance = np.arange(20, dtype=np.uint64)
    drawn = [("a", (s, s + 10)) for s in range(10)] + [("a", (3, 14))]
    found = halves(drawn, chance)
    assert all(found[s] is found[s + 10] for s in range(10))
    assert found[3] is found[4]
    assert set(found.values()) == set(Half)
