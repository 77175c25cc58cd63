"""An executor by name: `local`, `processes` or `dask`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import Executor, InProcess
from costopt.engine.policy import Policy


@contextmanager
def make(
    name: str, evaluator: Evaluator, policy: Policy, workers: int | None = None
) -> Iterator[Executor]:
    """The executor; its workers are stopped at the end. KeyError: no such one."""
    count = workers or _cores()
    if name == "local":
        yield InProcess(evaluator)
    elif name == "processes":
        from costopt.engine.executors.processes import Processes

        with Processes(evaluator, policy.layers, count) as executor:
            yield executor
    elif name == "dask":
        from costopt.engine.executors.dask_engine import Dask

        with Dask(evaluator, policy.layers, count) as cluster:
            yield cluster
    else:
        raise KeyError(name)


def _cores() -> int:
    """Those that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
