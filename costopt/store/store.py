"""The ledger that the commands talk to: what was read, under the name of its data set.

One process writes at a time. Every change is one transaction: a kill leaves the store as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from costopt.errors import UsageError, nearest
from costopt.model.bill import Bill
from costopt.model.clock import now_us
from costopt.model.ports import Progress, RecordStream, Texts, silent
from costopt.model.trace import Trace
from costopt.store.arrow_alone import without_pandas
from costopt.store.bill_table import bill_table
from costopt.store.database import connect, explained, spill_folder
from costopt.store.evidence_table import evidence, save_evidence
from costopt.store.ingest import IngestSummary, ingest
from costopt.store.load import load
from costopt.store.replay_files import drop_folder, replay_folder
from costopt.store.sql import rows, run
from costopt.store.texts import StoredTexts

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One set of calls that was read together."""

    name: str
    calls: int
    files: int
    rejected: int
    sample_rate: float | None


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """One refused record: where it stands, why, and its first bytes (secrets masked)."""

    path: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run of the tool. `at_us`: UTC microseconds; `result`: its JSON, of the last run of its kind."""

    run: int
    command: str
    dataset: str
    at_us: int | None
    result: str | None


class Store:
    """An open ledger. Use it as a context manager, or `close` it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path | None, *, read_only: bool = False) -> Store:
        """Open or make the store at `path`; None: in memory, gone when closed.

        Raises UsageError where another process holds it, InputError where it is no store of ours.
        """
        without_pandas()
        return cls(connect(path, read_only=read_only), path)

    def close(self) -> None:
        """Give the file back. Safe to call twice."""
        self._connection.close()
        if self.path is not None:
            with suppress(OSError):  # not empty: another store of this process spills there
                spill_folder(self.path).rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @property
    def _where(self) -> str:
        return str(self.path or "")

    def ingest(
        self, streams: Iterable[RecordStream], dataset: str, progress: Progress = silent, *,
        no_content: bool = False, sample_rate: float | None = None, add: bool = False,
        accept: Callable[[IngestSummary], None] | None = None,
    ) -> IngestSummary:  # fmt: skip
        """Read the streams as the data set `dataset`, which they replace, or join with `add`.

        All or nothing is kept; what `accept` raises at the end keeps nothing.
        """
        with explained(self._where):
            return ingest(
                self._connection, streams, dataset, progress,
                no_content=no_content, sample_rate=sample_rate, add=add, accept=accept,
            )  # fmt: skip

    def load(self, dataset: str | None = None) -> Trace:
        """The calls of a data set; None: the best copy of every call of all of them."""
        if dataset is not None:
            self._known(dataset)
        with explained(self._where):
            return load(self._connection, dataset)

    def texts(self, trace: Trace) -> Texts:
        """Texts of the segments of a trace that this store gave."""
        return StoredTexts(self._connection, trace.segments, self._where)

    def save_bill(self, dataset: str, trace: Trace, bill: Bill) -> None:
        """Keep what each call of the data set costs, in place of an earlier bill: the views show it."""
        self._known(dataset)
        with explained(self._where):
            self._connection.begin()
            try:
                run(self._connection, "dataset_drop_costs", dataset=dataset)
                self._connection.register("priced", bill_table(trace, bill))
                run(self._connection, "costs_add", dataset=dataset)
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            finally:
                self._connection.unregister("priced")

    def last_dataset(self) -> str | None:
        """The data set that was read last."""
        found = self._rows("dataset_last")
        return str(found[0][0]) if found else None

    def datasets(self) -> list[DatasetInfo]:
        """All data sets, the last one read first."""
        return [DatasetInfo(*row) for row in self._rows("datasets")]

    def rejections(self, dataset: str) -> list[RejectionRow]:
        """Refused records of a data set by file and line."""
        found = self._rows("rejections_of", dataset=dataset)
        return [RejectionRow(*row) for row in found]

    def remove(self, dataset: str) -> None:
        """Forget a data set, with the calls and texts that no other one holds."""
        self._known(dataset)
        parts = (
            "members", "costs", "links", "rejections", "sources", "runs",
            "replay_settled", "replay_attempts", "replay_jobs", "replay_runs", "evidence",
        )  # fmt: skip
        replays = [int(row[0]) for row in self._rows("replay_runs_of", dataset=dataset)]
        with explained(self._where):
            self._connection.begin()
            try:
                for part in parts:
                    run(self._connection, f"dataset_drop_{part}", dataset=dataset)
                run(self._connection, "dataset_drop", dataset=dataset)
                self._drop_unused()
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
        for replay in replays:
            drop_folder(replay_folder(self.path, replay))

    def beside(self) -> duckdb.DuckDBPyConnection:
        """A second connection on this store, for work of another thread. Close it before the store."""
        return self._connection.cursor()

    def compact(self) -> None:
        """Drop what no data set holds any more, and give the room back to the disk."""
        from costopt.store.compact import compact

        with explained(self._where):
            self._connection = compact(self._connection, self.path, self._drop_unused)

    def record_run(
        self, command: str, dataset: str, result: str | None = None, at_us: int | None = None
    ) -> None:
        """Note a run of the tool, with its result as JSON where it made one. `at_us`: now if None.

        Of a command on a data set the last result alone is kept: one can be tens of megabytes.
        """
        if at_us is None:
            at_us = now_us()
        with explained(self._where):
            self._connection.begin()
            try:
                if result is not None:
                    run(self._connection, "runs_drop_results", command=command, dataset=dataset)
                run(
                    self._connection, "run_add",
                    command=command, dataset=dataset, at_us=at_us, result=result,
                )  # fmt: skip
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def runs(self) -> list[RunInfo]:
        """Runs of the tool, the last one first."""
        return [RunInfo(*row) for row in self._rows("runs_all")]

    def save_evidence(
        self, dataset: str, number: int, at_us: int, found: Mapping[str, Any], plan: str = ""
    ) -> None:
        """Keep what replay `number` measured; what an earlier run of the same plan wrote goes."""
        self._known(dataset)
        with explained(self._where):
            self._connection.begin()
            try:
                save_evidence(self._connection, dataset, number, at_us, found, plan)
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def evidence(self, dataset: str) -> Mapping[str, Mapping[str, Any]]:
        """What replays measured on a data set, by layer; empty: nothing."""
        with explained(self._where):
            return evidence(self._connection, dataset)

    def _drop_unused(self) -> None:
        for name in (
            "calls_drop_unused", "segments_drop_unused", "segment_tokens_drop_unused",
            "request_settings_drop_unused",
        ):  # fmt: skip
            run(self._connection, name)

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        with explained(self._where):
            return rows(self._connection, name, **values)

    def _known(self, dataset: str) -> None:
        if self._rows("dataset_is", dataset=dataset)[0][0]:
            return
        names = [info.name for info in self.datasets()]
        hint = nearest(dataset, names) or "costopt store ls  shows all data sets."
        raise UsageError(f"the store has no data set `{dataset}`.", where=self._where, hint=hint)
