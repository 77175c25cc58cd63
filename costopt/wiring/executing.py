"""Which executor answers the questions of a projection: this process, several, or a dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.outcome import Executor, InProcess, Outcome
from costopt.engine.policy import Policy
from costopt.engine.shapley import EXACT_LAYERS, PERMUTATIONS
from costopt.errors import UsageError, nearest
from costopt.model.ports import Progress

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


class Watched:
    """An executor whose answers are counted on the way: a rate and a remaining time for who waits."""

    def __init__(self, executor: Executor, progress: Progress, what: str, total: int) -> None:
        """`total`: about how many lists of layers will be asked for."""
        self._executor, self._progress, self._what = executor, progress, what
        self._total, self._seen = total, set[Layers]()

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        if not isinstance(self._executor, InProcess):  # several at once: they share out the lists
            found = self._executor.outcomes(lists)
            self._tell(lists)
            return found
        return [self._one(layers) for layers in lists]

    def _one(self, layers: Layers) -> Outcome:
        (found,) = self._executor.outcomes([layers])
        self._tell([layers])
        return found

    def _tell(self, lists: Sequence[Layers]) -> None:
        self._seen.update(lists)
        self._progress(self._what, len(self._seen), max(self._total, len(self._seen) + 1))


@contextmanager
def watched(executor: Executor, progress: Progress, what: str, total: int) -> Iterator[Executor]:
    """The executor with its progress shown; the line is taken away at the end."""
    progress(what, 0, total)
    try:
        yield Watched(executor, progress, what, total)
    finally:
        progress(what, 1, 1)


def lists_of(layers: int, *, shapley: bool) -> int:
    """About how many lists of layers a projection asks for: waterfall, solo, without, coalitions."""
    if not shapley:
        return 3 * layers + 1
    return 2**layers if layers <= EXACT_LAYERS else PERMUTATIONS * layers


def execution_of(name: str, workers: int | None) -> Execution:
    """From the options: workers alone mean processes. UsageError: no such executor."""
    if not name:
        name = "processes" if workers is not None and workers > 1 else "local"
    return Execution(name, workers)
