"""Parts that may be apart, and outcomes put together from them: the whole's, byte for byte."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from costopt.billing.prompt_cache.model import CacheModel
from costopt.billing.prompt_cache.namespace import namespace_codes
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.executors.choose import make
from costopt.engine.executors.dask_engine import Dask
from costopt.engine.executors.gathered import all_of, put_together, sessions_of, tasks_of
from costopt.engine.executors.processes import Processes
from costopt.engine.executors.shipped import ship, unship
from costopt.engine.outcome import Executor, InProcess, Outcome, outcome
from costopt.engine.partition import components, connected, parts_of
from costopt.engine.policy import Policy
from costopt.errors import EndpointError
from costopt.layers.base import Artifacts
from costopt.layers.batch import Batch
from costopt.layers.output import Output
from costopt.layers.session_budget import SessionBudget
from costopt.layers.tool_dedup import ToolDedup
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.effect import Effect
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.prices.contract import PriceBook
from tests.billing.prompt_cache.world import Words
from tests.billing.small import LetterTokens
from tests.engine.stories import calls_of
from tests.engine.toys.other_model import OtherModel
from tests.fakes import FakeBook

SESSION_LAYERS: Layers = (TrimTools(max_tokens=60), Window(turns=1), ToolDedup())
LISTS: list[Layers] = [
    (),
    SESSION_LAYERS[:1],
    SESSION_LAYERS[:2],
    SESSION_LAYERS,
    SESSION_LAYERS[1:],
]


@dataclass(frozen=True)
class Failing(OtherModel):
    """A layer with a defect."""

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        raise ZeroDivisionError("a defect")


def accounts(sessions: int, count: int = 4) -> list[Call]:
    """Sessions of several accounts, two models each."""
    calls = calls_of(sessions, seed=3)
    for call in calls:
        call.workspace = f"team{int(call.session_id[1:]) // 2 % count}"
    return calls


def evaluator_of(calls: list[Call]) -> Evaluator:
    trace = trace_of(calls)
    words = Words(calls, trace)
    tokens = LetterTokens(trace.segments, words.texts)
    return Evaluator(trace, FakeBook(), CacheModel.of(trace, FakeBook(), tokens, words))


def told(outcomes: list[Outcome]) -> list[tuple[object, ...]]:
    """Every byte of them."""
    return [
        (
            o.session_pusd.tobytes(), o.session_variance.tobytes(), o.overhead_pusd, dict(o.tally),
            dict(o.detail), o.touched, o.at_risk, o.exposed_pusd, o.calls,
        )
        for o in outcomes
    ]  # fmt: skip


def connected_plain(first: list[int], second: list[int]) -> list[set[int]]:
    """The twin: rows flow together as long as two groups share a code."""
    groups: list[tuple[set[int], set[tuple[int, int]]]] = []
    for row, codes in enumerate(zip(first, second, strict=True)):
        mine, keys = {row}, {(0, codes[0]), (1, codes[1])}
        apart = []
        for rows, held in groups:
            if held & keys:
                mine, keys = mine | rows, keys | held
            else:
                apart.append((rows, held))
        groups = [*apart, (mine, keys)]
    return [rows for rows, _ in groups]


@pytest.mark.parametrize("seed", range(20))
def test_components_are_those_of_the_plain_twin(seed: int) -> None:
    rng = random.Random(seed)
    first = [rng.randrange(12) for _ in range(30)]
    second = [rng.randrange(20) for _ in range(30)]
    found = connected(np.array(first), np.array(second))
    groups = [set(np.flatnonzero(found == c).tolist()) for c in np.unique(found)]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, connected_plain(first, second)))


def test_no_session_and_no_cache_is_in_two_parts() -> None:
    trace = trace_of(accounts(40))
    parts = parts_of(trace, SESSION_LAYERS, 3)
    assert len(parts) == 3 and sum(map(len, parts)) == trace.n
    for codes in (namespace_codes(View.of(trace)), trace.session):
        seen = [set(codes[rows].tolist()) for rows in parts]
        assert sum(map(len, seen)) == len(set.union(*seen))


def test_a_layer_that_moves_calls_joins_the_models_of_an_account() -> None:
    trace = trace_of(accounts(40))
    assert len(np.unique(components(trace, SESSION_LAYERS))) == 8
    assert len(np.unique(components(trace, (OtherModel(),)))) == 4


def test_a_layer_that_sees_the_whole_forces_one_part() -> None:
    from costopt.layers.exact_cache import ExactCache

    trace = trace_of(accounts(12))
    assert [len(rows) for rows in parts_of(trace, (ExactCache(),), 4)] == [trace.n]
    assert [len(rows) for rows in parts_of(trace, SESSION_LAYERS, 1)] == [trace.n]


def test_settings_say_whether_a_layer_needs_the_whole() -> None:
    trace = trace_of(accounts(12))
    named = (("agent", ("nightly",)),)
    for layer, apart in (
        (SessionBudget(usd=1.0), True), (SessionBudget(per="agent"), False),
        (Batch(match=named), True), (Batch(), False),
        (Output(max_tokens=500), True), (Output(max_tokens="off"), True), (Output(), False),
    ):  # fmt: skip
        assert (len(parts_of(trace, (layer,), 3)) > 1) is apart, layer
        assert all_of(frozenset({type(layer)}), [(layer,)]) is apart, layer


def test_every_list_of_every_part_is_asked_once() -> None:
    for parts, workers, lists in ((1, 3, 7), (3, 3, 7), (2, 4, 1), (5, 2, 3), (1, 2, 0)):
        tasks = tasks_of(parts, workers, lists)
        asked = [(task.part, i) for task in tasks for i in task.lists]
        assert sorted(asked) == [(p, i) for p in range(parts) for i in range(lists)]
        assert all(0 <= task.worker < workers for task in tasks)


@pytest.mark.parametrize("layers", [SESSION_LAYERS, (OtherModel(),)])
def test_parts_put_together_are_the_whole(layers: Layers, tmp_path: Path) -> None:
    """Without processes: what is shipped and read again models what the whole does."""
    evaluator = evaluator_of(accounts(40))
    lists = [layers[:k] for k in range(len(layers) + 1)]
    parts = parts_of(evaluator.trace, layers, 3)
    assert len(parts) == 3
    ship(evaluator, parts, tmp_path)
    shipped = [unship(tmp_path, i) for i in range(len(parts))]
    sessions, n = sessions_of(evaluator.trace, parts), len(evaluator.trace.sessions)
    found = [put_together([outcome(e, one) for e in shipped], sessions, n) for one in lists]
    assert told(found) == told(InProcess(evaluator).outcomes(lists))
    assert found[0].total_pusd != found[-1].total_pusd, "the layers do something here"


def test_a_shipped_trace_is_the_trace(tmp_path: Path) -> None:
    calls = accounts(6)
    calls[1].error, calls[2].at_us, calls[3].metadata = "time out \ud800", None, {"flow": "x"}
    evaluator = evaluator_of(calls)
    ship(evaluator, [np.arange(evaluator.trace.n)], tmp_path)
    assert_same_trace(unship(tmp_path, 0).trace, evaluator.trace)


def assert_same_trace(a: Trace, b: Trace) -> None:
    for name in vars(b):
        if name in ("at_us", "latency_ms") or isinstance(getattr(b, name), np.ndarray):
            x, y = getattr(a, name), getattr(b, name)
            assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes(), name
    assert (a.id, a.error, a.sessions, a.extra) == (b.id, b.error, b.sessions, b.extra)
    assert pickle.dumps(a.metadata) and a.dims.keys() == b.dims.keys()
    for block in ("request", "response"):
        x, y = getattr(a, block), getattr(b, block)
        assert np.array_equal(x.offsets, y.offsets) and np.array_equal(x.ids, y.ids), block
    assert a.segments.digest.tobytes() == b.segments.digest.tobytes()


@contextmanager
def executor_of(name: str, evaluator: Evaluator, layers: Layers) -> Iterator[Executor]:
    if name == "dask":
        pytest.importorskip("distributed")
    with make(name, evaluator, Policy(layers), 2) as executor:
        yield executor


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["processes", "dask"])
def test_workers_give_the_same_bytes(name: str) -> None:
    evaluator = evaluator_of(accounts(24))
    expected = told(InProcess(evaluator).outcomes(LISTS))
    with executor_of(name, evaluator, SESSION_LAYERS) as executor:
        assert isinstance(executor, Processes | Dask) and len(executor.parts) == 2
        assert told(executor.outcomes(LISTS)) == expected
        assert told(executor.outcomes(LISTS[2:])) == expected[2:], "asked again"


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_settings_that_need_the_whole_are_evaluated_here() -> None:
    """A sweep over `per` starts from settings for which the trace was split."""
    evaluator = evaluator_of(accounts(24))
    lists: list[Layers] = [(SessionBudget(usd=0.01),), (SessionBudget(usd=0.01, per="agent"),)]
    expected = told(InProcess(evaluator).outcomes(lists))
    assert expected[0] != expected[1]
    with executor_of("processes", evaluator, lists[0]) as executor:
        assert isinstance(executor, Processes) and len(executor.parts) == 2
        assert told(executor.outcomes(lists)) == expected


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_runs_elsewhere_is_used_by_its_address() -> None:
    distributed = pytest.importorskip("distributed")
    evaluator = evaluator_of(accounts(24))
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**local) as cluster,
        Dask(evaluator, SESSION_LAYERS, 1, address=cluster.scheduler_address) as executor,
    ):
        assert len(executor.parts) == 2
        assert told(executor.outcomes(LISTS)) == told(InProcess(evaluator).outcomes(LISTS))


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_a_sentence() -> None:
    pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    evaluator = evaluator_of(accounts(2))
    for address in ("tcp://127.0.0.1:1", "tcp://nowhere:x"):
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
            pytest.raises(EndpointError, match="no dask scheduler answers"),
            Dask(evaluator, SESSION_LAYERS, 1, address=address),
        ):
            pass


@pytest.mark.integration
def test_one_part_is_shared_out_by_lists() -> None:
    from costopt.layers.exact_cache import ExactCache

    layers: Layers = (ExactCache(), *SESSION_LAYERS)
    lists = [layers[:k] for k in range(len(layers) + 1)]
    evaluator = evaluator_of(accounts(12))
    with executor_of("processes", evaluator, layers) as executor:
        assert told(executor.outcomes(lists)) == told(InProcess(evaluator).outcomes(lists))


@pytest.mark.integration
def test_what_a_worker_raises_reaches_the_asker_and_the_next_question_is_answered() -> None:
    evaluator, layers = evaluator_of(accounts(12)), (*SESSION_LAYERS, Failing())
    with executor_of("processes", evaluator, layers) as executor:
        with pytest.raises(ZeroDivisionError) as caught:
            executor.outcomes([(Failing(),)])
        assert "in a worker process" in caught.value.__notes__
        assert told(executor.outcomes(LISTS[:2])) == told(InProcess(evaluator).outcomes(LISTS[:2]))


@pytest.mark.integration
def test_a_layer_that_the_parts_were_not_made_for_is_answered_here() -> None:
    evaluator, lists = evaluator_of(accounts(12)), [(OtherModel(),), SESSION_LAYERS]
    with executor_of("processes", evaluator, SESSION_LAYERS) as executor:
        assert told(executor.outcomes(lists)) == told(InProcess(evaluator).outcomes(lists))


def test_an_executor_of_no_such_name() -> None:
    with pytest.raises(KeyError), make("slurm", evaluator_of(accounts(2)), Policy(())):
        pass
