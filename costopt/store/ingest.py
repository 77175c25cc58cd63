"""Read record streams into the store: batch by batch aside, then into the data set in one transaction.

A kill at any moment leaves every data set as it was before. Memory holds a few batches of calls, what
DuckDB may use, and eight bytes for each distinct block of text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costopt.model.ports import Progress, RecordStream
from costopt.model.trace import SourceFileInfo
from costopt.store.resolve import choose
from costopt.store.sql import number, rows, run
from costopt.store.staging import Staging
from costopt.store.writer import Writer, rare_collections

if TYPE_CHECKING:
    import duckdb

_DROPS = ("members", "links", "rejections", "sources")


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a reading gave. `calls` are in the data set, `new_calls` were not in the store before."""

    dataset: str
    files: tuple[SourceFileInfo, ...]
    """The files of this reading."""
    calls: int
    new_calls: int
    texts_erased: int = 0
    """Read without content: blocks whose text an earlier reading kept, and that have none now."""
    texts_elsewhere: int = 0
    """Read without content: blocks that keep their text, for other calls hold them too."""

    @property
    def rejected(self) -> int:
        return sum(f.rejected for f in self.files)

    @property
    def duplicates(self) -> int:
        return sum(f.duplicates for f in self.files)


def ingest(
    connection: duckdb.DuckDBPyConnection, streams: Iterable[RecordStream], dataset: str,
    progress: Progress, *, no_content: bool, sample_rate: float | None, add: bool = False,
    accept: Callable[[IngestSummary], None] | None = None,
) -> IngestSummary:  # fmt: skip
    """Read all streams as the data set `dataset`, in place of what it held. All or nothing is kept.

    With `add` they join what it holds: the result is the same as if all had been read at once.
    """
    _make_room(connection)
    first_source = number(connection, "next_source")
    with _one_thread(connection), Writer() as writer, rare_collections():
        staging = Staging(connection, writer, progress, no_content=no_content)
        for source, stream in enumerate(streams, first_source):
            staging.read(source, stream)
        staging.finish()
    progress("sorting out copies", staging.rows, staging.rows)
    connection.begin()
    try:
        if not add:
            for part in _DROPS:
                run(connection, f"dataset_drop_{part}", dataset=dataset)
        _add_dataset(connection, staging, dataset, sample_rate)
        _choose(connection, dataset, no_content=no_content)
        summary = _settle(connection, dataset, first_source)
        if no_content:
            summary = _erase_texts(connection, dataset, summary)
        if accept is not None:
            accept(summary)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    _make_room(connection)
    return summary


@contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """While a log is read DuckDB waits for the reader: more threads than one only cost more."""
    import duckdb

    run(connection, "threads_one")
    try:
        yield
    finally:
        with suppress(duckdb.Error):  # after a full disk nothing runs: the first error tells why
            run(connection, "threads_all")


def _make_room(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty temporary tables: before an ingest, and after it to give the memory back."""
    for name in ("stage_create", "refused_create", "passed_create"):
        run(connection, name)


def _add_dataset(
    connection: duckdb.DuckDBPyConnection, staging: Staging, dataset: str, sample_rate: float | None
) -> None:
    run(connection, "dataset_drop_costs", dataset=dataset)
    run(connection, "rejections_add")
    run(connection, "links_add")
    connection.register("files", staging.sources(dataset))
    run(connection, "sources_add")
    connection.unregister("files")
    turn = number(connection, "next_turn")
    run(connection, "dataset_add", dataset=dataset, turn=turn, sample_rate=sample_rate)


def _choose(connection: duckdb.DuckDBPyConnection, dataset: str, *, no_content: bool) -> None:
    """Choose the calls of the data set among all staged and held records; store what is new."""
    if not no_content:
        run(connection, "segments_without_text_drop")
    run(connection, "held_create", dataset=dataset)
    run(connection, "facts_of_ingest")
    run(connection, "candidates_of_ingest")
    choose(connection, rows(connection, "links_of_dataset", dataset=dataset))
    for name in ("placed_create", "calls_add", "links_add_dropped", "members_drop_beaten"):
        run(connection, name)
    run(connection, "members_add", dataset=dataset)


def _settle(
    connection: duckdb.DuckDBPyConnection, dataset: str, first_source: int
) -> IngestSummary:
    """Count what became of each file's records."""
    run(connection, "rejections_drop_repeated", first_source=first_source)
    run(connection, "sources_settle", dataset=dataset)
    connection.unregister("wrappers")
    read = rows(connection, "sources_of_ingest", first_source=first_source)
    run(connection, "sources_repeated", first_source=first_source)
    run(connection, "links_drop_repeated")
    run(connection, "sources_drop_repeated")
    calls = number(connection, "calls_of", dataset=dataset)
    new_calls = number(connection, "new_calls")
    files = tuple(SourceFileInfo(*row) for row in read)
    return IngestSummary(dataset, files, calls, new_calls)


def _erase_texts(
    connection: duckdb.DuckDBPyConnection, dataset: str, summary: IngestSummary
) -> IngestSummary:
    """What was read without content keeps none of an earlier reading's either, results included."""
    run(connection, "results_forget", dataset=dataset)
    run(connection, "settings_erase", dataset=dataset)
    before = number(connection, "texts_kept")
    if not before:
        return summary
    run(connection, "texts_erase", dataset=dataset)
    erased = before - number(connection, "texts_kept")
    elsewhere = number(connection, "texts_of_ingest")
    return replace(summary, texts_erased=erased, texts_elsewhere=elsewhere)
