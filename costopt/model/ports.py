"""What a lower floor needs of a higher one: protocols, wired together by `cli` and `api`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import Record
from costopt.model.exchange import Answer, Attempt, Origin, Outcome, Refusal, Request, Settled


class TokenCounter(Protocol):
    """Token counts of segments. Counting is lazy: ask for the segments a number needs."""

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        """Tokens of each segment under the model's tokenizer; the log's own count where it has one."""
        ...

    def label(self, model: str) -> str:
        """`exact` (the model's own ranks), `estimated` (calibrated on the trace), with the reason."""
        ...

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Tokens that two segments share from their first token on."""
        ...


class Texts(Protocol):
    """Segment texts out of the store; None where the log or the user kept none."""

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]: ...


class RecordStream(Protocol):
    """One input file under its format, ready to be read: what the store takes in."""

    @property
    def name(self) -> str:
        """Path as shown in messages and in the ledger's `source_file`."""
        ...

    @property
    def format(self) -> str: ...

    def read(self) -> Iterator[Record]:
        """The file's records, once. Never raises on content; I/O errors pass through."""
        ...


class Progress(Protocol):
    """Long work reports here: a rate and a remaining time are the receiver's business."""

    def __call__(self, what: str, done: int, total: int | None) -> None: ...


def silent(what: str, done: int, total: int | None) -> None:
    """A `Progress` that shows nothing."""


class Endpoint(Protocol):
    """One way to reach a model. Open in one event loop; closed by who opened it."""

    @property
    def name(self) -> str:
        """As shown to people: the host, `recorded answers`."""
        ...

    @property
    def origin(self) -> Origin: ...

    async def complete(self, request: Request, item: str) -> Outcome:
        """Send it once. Never raises for what a server or a network does, never retries by itself.

        `item`: id of the planned request, for the endpoint's own use (idempotency headers, custom_id).
        """
        ...

    async def close(self) -> None: ...


class BatchEndpoint(Protocol):
    """A provider's batch API: jobs of many requests, half the price, hours of patience."""

    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> Origin: ...

    async def submit(self, requests: Sequence[tuple[str, Request]], mark: str) -> str | Refusal:
        """Send a job of (custom_id, request); its id. `mark`: the job's own name, by which `find` knows
        it again after a crash between sending and noting it."""
        ...

    async def find(self, mark: str) -> str | None | Refusal:
        """The id of the job that was submitted under this mark; None: the provider has none."""
        ...

    async def collect(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        """Outcomes by custom_id once the job has ended (expired and cancelled lines too); None: it runs."""
        ...

    async def close(self) -> None: ...


class BodyReader(Protocol):
    """Reads a provider's answer as the logs are read, so that measured and recorded mean the same."""

    def answer(self, body: Mapping[str, Any], provider: str) -> Answer:
        """Raises ValueError where the body is no answer, or its counts contradict each other."""
        ...

    def merged(self, events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The body that a stream's events make; None: they make none."""
        ...


class ReplayLedger(Protocol):
    """Attempts of replays on disk. What a method has been told is durable when it returns.

    Called from one thread at a time; never from the event loop's own.
    """

    def begin(self, dataset: str, plan: str, head: Mapping[str, Any]) -> int:
        """Number of a new run. `plan`: hash of everything that was planned; `head`: shown by `runs`."""
        ...

    def unfinished(self, plan: str) -> int | None:
        """The last run of this plan that was not finished."""
        ...

    def open(self, attempts: Sequence[Attempt]) -> None:
        """Note attempts before they are sent. One commit for all of them."""
        ...

    def settle(self, settled: Sequence[Settled]) -> None:
        """Note what became of them. One commit for all of them."""
        ...

    def note_job(self, run: int, mark: str, job: str) -> None:
        """Note the provider's id of the batch job that was submitted under a mark (`Attempt.batch`)."""
        ...

    def jobs(self, run: int) -> Mapping[str, str]:
        """Marks of a run's batch jobs to the provider's ids, as far as they were noted."""
        ...

    def attempts(self, run: int) -> list[tuple[Attempt, Settled | None]]:
        """All attempts of a run in the order of their opening."""
        ...

    def finish(self, run: int, summary: Mapping[str, Any]) -> None:
        """The run is over: nothing of it will be sent any more."""
        ...

    def spent_pusd(self, run: int) -> int:
        """Settled charges and the worst cases of what is open or in doubt."""
        ...
