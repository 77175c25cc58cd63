"""Which executor answers the questions of a projection: this process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import Executor, InProcess
from costopt.errors import UsageError, nearest

NAMES = ("local", "processes", "dask")


@dataclass(frozen=True)
class Execution:
    """As asked with `--executor` and `--workers`."""

    name: str = "local"
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            hint = f"{nearest(self.name, NAMES)}  All executors: {', '.join(NAMES)}".strip()
            raise UsageError(f"there is no executor `{self.name}`.", where="--executor", hint=hint)
        if self.workers is not None and self.workers < 1:
            raise UsageError("at least one worker.", where="--workers")

    @contextmanager
    def executors(self) -> Iterator[Callable[[Evaluator], Executor]]:
        """Makes executors of evaluators, with all their workers stopped at the end."""
        with ExitStack() as stack:
            yield lambda evaluator: stack.enter_context(self.executor(evaluator))

    @contextmanager
    def executor(self, evaluator: Evaluator) -> Iterator[Executor]:
        """The executor, with its workers stopped at the end."""
        yield InProcess(evaluator)


def execution_of(name: str, workers: int | None) -> Execution:
    """From the options: workers alone mean processes. UsageError: no such executor."""
    if not name:
        name = "processes" if workers is not None and workers > 1 else "local"
    return Execution(name, workers)
