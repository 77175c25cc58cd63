"""A dask.distributed cluster: one of this machine, or the one whose scheduler is named.

Workers read the same files as local processes do (`processes.py`); for a cluster of several machines
`folder` has to be one that all of them see.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.executors.gathered import all_of, put_together, sessions_of, tasks_of
from costopt.engine.executors.shipped import ship
from costopt.engine.executors.work import outcomes_of
from costopt.engine.outcome import InProcess, Outcome
from costopt.engine.partition import parts_of
from costopt.errors import EndpointError, MissingExtra

Int = NDArray[np.int64]


class Dask:
    """An `Executor`; use it in a `with`. `address`: of a scheduler; None: a cluster of its own.

    `workers`: of its own cluster, and the least number of parts; another's workers all get some.
    """

    def __init__(
        self, evaluator: Evaluator, layers: Layers, workers: int, *, address: str | None = None,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        self._evaluator, self._address, self._shared = evaluator, address, folder
        self._layers, self._workers = layers, workers
        self._kinds = frozenset(map(type, layers))
        self.parts: list[Int] = []
        self._sessions: list[Int] = []
        self._stack = ExitStack()
        self._client: Any = None
        self._names: list[str] = []
        self._folder = ""

    def __enter__(self) -> Dask:
        distributed = _distributed()
        with ExitStack() as stack:  # what was started stops, should the rest fail
            self._folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="costopt-", dir=self._shared)
            )
            where: Any = self._address
            if where is None:
                where = stack.enter_context(distributed.LocalCluster(
                    n_workers=self._workers, threads_per_worker=1, dashboard_address=None,
                    memory_limit=0, local_directory=self._folder,
                ))  # fmt: skip
            self._client = stack.enter_context(_client(distributed, where))
            self._client.wait_for_workers(1 if self._address else self._workers)
            self._names = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
            trace = self._evaluator.trace
            self.parts = parts_of(trace, self._layers, max(self._workers, len(self._names)))
            self._sessions = sessions_of(trace, self.parts)
            ship(self._evaluator, self.parts, Path(self._folder))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stack.__exit__(kind, error, trace)

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        if len(self.parts) > 1 and not all_of(self._kinds, lists):
            return InProcess(self._evaluator).outcomes(lists)  # the parts were not made for it
        tasks = tasks_of(len(self.parts), len(self._names), len(lists))
        # A part stays with its worker, which holds its evaluator; pure=False: the same question may
        # come with other layers of one name, and is not to be answered from dask's memory.
        futures = [
            self._client.submit(
                outcomes_of, self._folder, task.part, [lists[i] for i in task.lists],
                workers=[self._names[task.worker]], allow_other_workers=True, pure=False,
            )
            for task in tasks
        ]  # fmt: skip
        found: dict[tuple[int, int], Outcome] = {}
        for task, answers in zip(tasks, self._client.gather(futures), strict=True):
            found |= {(task.part, i): o for i, o in zip(task.lists, answers, strict=True)}
        n, parts = len(self._evaluator.trace.sessions), range(len(self.parts))
        return [
            put_together([found[part, i] for part in parts], self._sessions, n)
            for i in range(len(lists))
        ]


def _distributed() -> Any:
    """The library, quietly. MissingExtra: it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra("distributed", "distributed") from error
    return distributed


def _client(distributed: Any, where: Any) -> Any:
    """Connected to a scheduler. EndpointError: nobody answers there."""
    try:
        return distributed.Client(where)
    except (OSError, ValueError) as error:  # ValueError: an address that is none
        raise EndpointError(
            "no dask scheduler answers.", where=str(where),
            hint="Start one with `dask scheduler`, or use --executor dask for a cluster of its own.",
        ) from error  # fmt: skip
