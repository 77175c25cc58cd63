"""Which executor answers the questions of a projection: this process, several, or a dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import Executor
from costopt.engine.policy import Policy
from costopt.errors import UsageError, nearest

NAMES = ("local", "processes", "dask")
ADDRESSES = ("tcp://", "tls://")


@dataclass(frozen=True)
class Execution:
    """As asked with `--executor` and `--workers`. A name, or the address of a dask scheduler."""

    name: str = "local"
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES and not self.name.startswith(ADDRESSES):
            hint = (
                f"{nearest(self.name, NAMES)}  All executors: {', '.join(NAMES)}, tcp://HOST:PORT"
            )
            raise UsageError(
                f"there is no executor `{self.name}`.", where="--executor", hint=hint.strip()
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError("at least one worker.", where="--workers")

    @contextmanager
    def executors(self, policy: Policy) -> Iterator[Callable[[Evaluator], Executor]]:
        """Makes executors of evaluators, with all their workers stopped at the end."""
        with ExitStack() as stack:
            yield lambda evaluator: stack.enter_context(self.executor(evaluator, policy))

    @contextmanager
    def executor(self, evaluator: Evaluator, policy: Policy) -> Iterator[Executor]:
        """The executor, with its workers stopped at the end. `policy`: all layers that will be asked."""
        from costopt.engine.executors.choose import make

        if self.name.startswith(ADDRESSES):
            from costopt.engine.executors.dask_engine import Dask

            with Dask(evaluator, policy.layers, self.workers or 1, address=self.name) as cluster:
                yield cluster
            return
        with make(self.name, evaluator, policy, self.workers) as executor:
            yield executor


def execution_of(name: str, workers: int | None) -> Execution:
    """From the options: workers alone mean processes. UsageError: no such executor."""
    if not name:
        name = "processes" if workers is not None and workers > 1 else "local"
    return Execution(name, workers)
