"""What one child process of `backtest.py` measures: `python -m bench.backtest_child WHAT CALLS [MORE]`.

It prints one JSON object. Making the trace and fitting the cache model ("artifacts": a log has them once)
are timed apart from what is asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.made_trace import KnownTokens, made_trace
from bench.policies import IN_PARTS, SETTINGS, standard_policy
from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.attribute import attribute
from costopt.engine.evaluate import Evaluator
from costopt.engine.executors.choose import make
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.run import waterfall
from costopt.engine.sweep import sweep
from costopt.layers.discover import layer_class, name_of
from costopt.prices.book import load_book

Told = dict[str, Any]


def evaluator_of(calls: int, told: Told) -> Evaluator:
    """A generated trace behind the reader, with its cache model fitted."""
    started = perf_counter()
    trace = made_trace(calls)
    told |= {"calls": trace.n, "uses": len(trace.request.ids), "made_s": perf_counter() - started}
    started, book = perf_counter(), load_book()
    tokens = KnownTokens(trace.segments)
    evaluator = Evaluator(trace, book, CacheModel.of(trace, book, tokens, None))
    told["artifacts_s"] = perf_counter() - started
    return evaluator


def timed_into(told: Told, name: str, ask: Callable[[], Any]) -> Any:
    started, busy = perf_counter(), process_time()
    found = ask()
    told[name], told[f"{name}_cpu"] = perf_counter() - started, process_time() - busy
    return found


def simulate(calls: int, workers: int) -> Told:
    """Waterfall, each layer alone and the policy without it."""
    told: Told = {}
    evaluator, policy = evaluator_of(calls, told), standard_policy()
    told["layers"] = [name_of(layer) for layer in policy.layers]
    started, busy = perf_counter(), process_time()
    with make("processes" if workers > 1 else "local", evaluator, policy, workers) as executor:
        told["start_s"] = perf_counter() - started
        found = attribute(executor, policy.layers, shapley=False)
        told["simulate_s"] = perf_counter() - started
    told["cpu_s"] = process_time() - busy
    told["saved_usd"] = found.saved_pusd / 1e12
    return told


def shapley(calls: int, workers: int) -> Told:
    """All that `simulate` shows, with Shapley's coalitions, as `costopt simulate` asks for them."""
    from costopt.engine.project import project

    told: Told = {}
    evaluator, policy = evaluator_of(calls, told), standard_policy()
    started = perf_counter()
    with make("processes" if workers > 1 else "local", evaluator, policy, workers) as executor:
        project(executor, evaluator, policy)
        told["simulate_s"] = perf_counter() - started
    return told


def layers(calls: int, _: int) -> Told:
    """Seconds that each layer takes alone, with its billing."""
    told: Told = {}
    evaluator, policy = evaluator_of(calls, told), standard_policy()
    executor = InProcess(evaluator)
    executor.outcomes([()])
    for layer in policy.layers:
        name = name_of(layer)
        state = timed_into(told, f"apply {name}", lambda layer=layer: evaluator.state((layer,)))
        timed_into(told, f"bill {name}", lambda state=state: evaluator.priced(state))
    return told


def window(calls: int, points: int) -> Told:
    """A sweep of the window beside one warm simulate: its waterfall, asked a second time anew."""
    told: Told = {}
    evaluator = evaluator_of(calls, told)
    policy = Policy((layer_class("window")(turns=8),))
    waterfall(InProcess(evaluator), policy.layers)
    warm = Evaluator(evaluator.trace, evaluator.prices, evaluator.model)
    timed_into(told, "one_s", lambda: waterfall(InProcess(warm), policy.layers))
    anew = Evaluator(evaluator.trace, evaluator.prices, evaluator.model)
    grid = {"window.turns": list(range(2, 2 + points))}
    timed_into(told, "sweep_s", lambda: sweep(InProcess(anew), policy, grid))
    return told


def threshold(calls: int, points: int) -> Told:
    """A sweep of the semantic cache's threshold beside one cold simulate, artifacts included."""
    from bench.asked_again import asked_again
    from costopt.accel.artifacts import Artifacts

    told: Told = {}
    trace, texts = asked_again(calls)
    texts.get(np.arange(len(trace.segments), dtype=np.int32))  # writing them is not costopt's work
    tokens, book = KnownTokens(trace.segments), load_book()
    policy = Policy((layer_class("semantic_cache")(threshold=0.95),))
    grid = {"semantic_cache.threshold": [0.60 + 0.004 * i for i in range(points)]}

    def asked(ask: Callable[[Evaluator], Any]) -> Any:
        model = CacheModel.of(trace, book, tokens, texts)
        return ask(Evaluator(trace, book, model, builder=Artifacts(None)))

    told["calls"] = trace.n
    asked(lambda e: e.known)  # compiles and loads what any first run does
    steps = timed_into(
        told, "one_s", lambda: asked(lambda e: waterfall(InProcess(e), policy.layers))
    )
    timed_into(told, "sweep_s", lambda: asked(lambda e: sweep(InProcess(e), policy, grid)))
    told["evidence"] = {k: v for k, v in steps[0].report.evidence.items() if "rate" in k}
    return told


def executors(calls: int, workers: int) -> Told:
    """The layers that allow parts: here, in processes, on dask; are all bytes equal?"""
    told: Told = {}
    evaluator = evaluator_of(calls, told)
    policy = Policy(tuple(layer_class(name)(**SETTINGS[name]) for name in IN_PARTS))
    lists = [policy.layers[:i] for i in range(len(IN_PARTS) + 1)]
    lists += [(layer,) for layer in policy.layers[1:]]
    here = InProcess(evaluator)
    expected = timed_into(told, "local_s", lambda: here.outcomes(lists))
    for name in ("processes", "dask"):
        started = perf_counter()
        with make(name, evaluator, policy, workers) as executor:
            told[f"{name}_start_s"] = perf_counter() - started
            found = timed_into(told, f"{name}_first_s", lambda: executor.outcomes(lists[:1]))
            found = timed_into(told, f"{name}_s", lambda: executor.outcomes(lists))
            told["parts"] = len(executor.parts)
        told[f"{name}_equal"] = all(
            a.session_pusd.tobytes() == b.session_pusd.tobytes()
            and a.session_variance.tobytes() == b.session_variance.tobytes()
            and (a.tally, a.touched, a.at_risk) == (b.tally, b.touched, b.at_risk)
            for a, b in zip(expected, found, strict=True)
        )
    return told


def main() -> None:
    what, calls, more = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    parts = (simulate, shapley, layers, window, threshold, executors)
    told = {part.__name__: part for part in parts}[what](calls, more)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
