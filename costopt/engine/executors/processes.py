"""Several processes of this machine, each with its parts of the trace read from files.

They are started afresh (spawn): a copied process would hold the parent's threads and open store.
"""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.executors.gathered import all_of, put_together, sessions_of, tasks_of
from costopt.engine.executors.shipped import ship
from costopt.engine.executors.work import outcomes_of
from costopt.engine.outcome import InProcess, Outcome
from costopt.engine.partition import parts_of


class Processes:
    """An `Executor`; use it in a `with`: its workers and files go at the end.

    `layers`: all that will be asked for, whatever the settings: they say how the trace may be split.
    """

    def __init__(self, evaluator: Evaluator, layers: Layers, workers: int) -> None:
        self._evaluator, self._workers = evaluator, workers
        self._kinds = frozenset(map(type, layers))
        self.parts = parts_of(evaluator.trace, layers, workers)
        self._sessions = sessions_of(evaluator.trace, self.parts)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._pool: list[_Worker] = []

    def __enter__(self) -> Processes:
        self._folder = tempfile.TemporaryDirectory(prefix="costopt-")
        self._pool = [_Worker(self._folder.name) for _ in range(self._workers)]
        ship(self._evaluator, self.parts, Path(self._folder.name))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        for worker in self._pool:
            worker.stop(kindly=error is None)
        if self._folder is not None:
            self._folder.cleanup()

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        if len(self.parts) > 1 and not all_of(self._kinds, lists):
            return InProcess(self._evaluator).outcomes(lists)  # the parts were not made for it
        tasks = tasks_of(len(self.parts), self._workers, len(lists))
        for task in tasks:
            self._pool[task.worker].ask(task.part, [lists[i] for i in task.lists])
        found: dict[tuple[int, int], Outcome] = {}
        failed: list[BaseException] = []
        for task in tasks:  # each worker answers in the order it was asked
            try:
                answers = self._pool[task.worker].answer()
            except BaseException as error:
                # The others' answers still have to be taken, else the next question reads them.
                failed.append(error)
                continue
            found |= {(task.part, i): o for i, o in zip(task.lists, answers, strict=True)}
        if failed:
            raise failed[0]
        n = len(self._evaluator.trace.sessions)
        parts = range(len(self.parts))
        return [
            put_together([found[part, i] for part in parts], self._sessions, n)
            for i in range(len(lists))
        ]


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, folder: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, folder), daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, part: int, lists: list[Layers]) -> None:
        self._pipe.send_bytes(pickle.dumps((part, lists), pickle.HIGHEST_PROTOCOL))

    def answer(self) -> list[Outcome]:
        """Raises what the worker raised; RuntimeError: it is gone."""
        try:
            answer: Any = pickle.loads(self._pipe.recv_bytes())
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a worker ended ({self._process.exitcode})") from None
        if isinstance(answer, BaseException):
            raise answer
        return list(answer)

    def stop(self, *, kindly: bool) -> None:
        if not kindly:
            self._process.terminate()
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, folder: str) -> None:
    """Answers until the pipe is closed."""
    while True:
        try:
            part, lists = pickle.loads(pipe.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer: Any = outcomes_of(folder, part, lists)
        except Exception as error:  # whatever a layer raised belongs to whoever asked
            error.add_note("in a worker process")
            answer = error
        pipe.send_bytes(_packed(answer))


def _packed(answer: Any) -> bytes:
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # an error that holds what cannot travel: its words do
        return pickle.dumps(RuntimeError(f"{answer!r} ({error})"))
