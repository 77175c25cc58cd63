"""Read record streams into the store, batch by batch, in one transaction.

A kill at any moment leaves the store as it was before. Memory holds one batch of calls and eight bytes
for each distinct block of text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costopt.model.call import Call, Rejected, Repeat, Skipped
from costopt.model.ports import Progress, RecordStream
from costopt.model.secrets import masked
from costopt.model.trace import SourceFileInfo
from costopt.store.calls_table import calls_table, sound
from costopt.store.resolve import choose
from costopt.store.segments_table import KnownIds, SegmentBook, visible
from costopt.store.sql import arrow, number, rows, run

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_CALLS = 8192
BATCH_CHARS = 96_000_000
"""A batch ends when its calls refer to this much text (resent text counts each time)."""
RAW_CHARS = 500
"""Of a refused record so much is kept."""
_DROPS = ("members", "links", "rejections", "sources")


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a reading gave. `calls` are in the data set, `new_calls` were not in the store before."""

    dataset: str
    files: tuple[SourceFileInfo, ...]
    """The files of this reading."""
    calls: int
    new_calls: int

    @property
    def rejected(self) -> int:
        return sum(f.rejected for f in self.files)

    @property
    def duplicates(self) -> int:
        return sum(f.duplicates for f in self.files)


@dataclass(slots=True)
class _Tally:
    """Records of one file that are no staged calls."""

    calls: int = 0
    rejected: int = 0
    repeats: int = 0
    skipped: int = 0
    refused: list[Rejected] = field(default_factory=list)
    links: list[Skipped] = field(default_factory=list)


def ingest(
    connection: duckdb.DuckDBPyConnection, streams: Iterable[RecordStream], dataset: str,
    progress: Progress, *, no_content: bool, sample_rate: float | None, add: bool = False,
    accept: Callable[[IngestSummary], None] | None = None,
) -> IngestSummary:  # fmt: skip
    """Read all streams as the data set `dataset`, in place of what it held. All or nothing is kept.

    With `add` they join what it holds: the result is the same as if all had been read at once.
    """
    connection.begin()
    try:
        summary = _Ingest(connection, dataset, progress, no_content).run(streams, sample_rate, add)
        if accept is not None:
            accept(summary)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return summary


class _Ingest:
    def __init__(
        self, connection: duckdb.DuckDBPyConnection, dataset: str, progress: Progress,
        no_content: bool,
    ) -> None:  # fmt: skip
        self.connection, self.dataset, self.progress = connection, dataset, progress
        self.book = SegmentBook(no_content=no_content)
        self.no_content = no_content
        ids = arrow(connection, "segment_ids", with_text=not no_content)
        self.known = KnownIds(ids.column("id").to_numpy())
        self.rows = 0
        self.first_source = number(connection, "next_source")

    def run(
        self, streams: Iterable[RecordStream], sample_rate: float | None, add: bool
    ) -> IngestSummary:
        run(self.connection, "dataset_drop_costs", dataset=self.dataset)
        if not add:
            for part in _DROPS:
                run(self.connection, f"dataset_drop_{part}", dataset=self.dataset)
        run(self.connection, "stage_create")
        for source, stream in enumerate(streams, self.first_source):
            self._read(source, stream)
        turn = number(self.connection, "next_turn")
        run(
            self.connection, "dataset_add",
            dataset=self.dataset, turn=turn, sample_rate=sample_rate,
        )  # fmt: skip
        self.progress("sorting out copies", self.rows, self.rows)
        self._choose()
        return self._settle()

    def _read(self, source: int, stream: RecordStream) -> None:
        tally, batch, chars = _Tally(), [], 0
        for record in stream.read():
            if type(record) is Call:
                batch.append(record)
                chars += _chars(record)
                if len(batch) >= BATCH_CALLS or chars >= BATCH_CHARS:
                    self._stage(source, batch, tally)
                    batch, chars = [], 0
            else:
                self._count(source, record, tally)
        self._stage(source, batch, tally)
        self._keep(source, tally)
        counts = {
            "records": tally.calls + tally.rejected + tally.repeats + tally.skipped,
            "rejected": tally.rejected, "repeats": tally.repeats, "skipped": tally.skipped,
        }  # fmt: skip
        names = {"path": visible(stream.name), "format": stream.format, "dataset": self.dataset}
        run(self.connection, "source_add", source=source, **names, **counts)

    def _count(self, source: int, record: object, tally: _Tally) -> None:
        if isinstance(record, Rejected):
            tally.rejected += 1
            tally.refused.append(record)
        elif isinstance(record, Skipped):
            tally.skipped += 1
            if record.id and record.parent_id:
                tally.links.append(record)
        elif isinstance(record, Repeat):
            tally.repeats += 1
        if len(tally.refused) + len(tally.links) >= BATCH_CALLS:
            self._keep(source, tally)

    def _stage(self, source: int, calls: list[Call], tally: _Tally) -> None:
        if not calls:
            return
        try:
            table = self._table(calls)
        except (ValueError, OverflowError):  # one number that no column holds refuses one call
            calls = self._sound_calls(source, calls, tally)
            table = self._table(calls)
        self._store_segments()
        self.connection.register("batch", table)
        run(self.connection, "stage_add", rows_before=self.rows, source=source)
        self.connection.unregister("batch")
        self.rows += len(calls)
        tally.calls += len(calls)
        self.progress("reading", self.rows, None)

    def _table(self, calls: list[Call]) -> pa.Table:
        request = self.book.uses([c.request for c in calls])
        response = self.book.uses([c.response for c in calls])
        return calls_table(calls, request, response)

    def _sound_calls(self, source: int, calls: list[Call], tally: _Tally) -> list[Call]:
        kept = []
        for call in calls:
            reason = sound(call)
            if reason:
                self._count(source, Rejected(call.source_line, reason, call.id), tally)
            else:
                kept.append(call)
        return kept

    def _store_segments(self) -> None:
        fresh = self.book.take()
        new = self.known.new(fresh.column("id").to_numpy())
        if new.any():
            self.connection.register("fresh", fresh.filter(new))
            run(self.connection, "segments_add")
            self.connection.unregister("fresh")

    def _keep(self, source: int, tally: _Tally) -> None:
        """Write refused records and span links; the counts stay."""
        refused: dict[str, Sequence[object]] = {
            "line": [r.line for r in tally.refused],
            "reason": [visible(r.reason) for r in tally.refused],
            "raw": [visible(masked(r.raw[: RAW_CHARS * 2])[:RAW_CHARS]) for r in tally.refused],
        }
        if self.no_content:
            refused["raw"] = ["" for _ in tally.refused]
        links: dict[str, Sequence[object]] = {
            "id": [visible(s.id) for s in tally.links],
            "parent_id": [visible(s.parent_id) for s in tally.links],
        }
        self._append("rejections_add_batch", source, refused)
        self._append("links_add_batch", source, links)
        tally.refused, tally.links = [], []

    def _append(self, name: str, source: int, columns: Mapping[str, Sequence[object]]) -> None:
        import pyarrow as pa

        table = pa.table(dict(columns))
        if table.num_rows:
            self.connection.register("found", table)
            run(self.connection, name, source=source)
            self.connection.unregister("found")

    def _choose(self) -> None:
        """Choose the calls of the data set among all staged and held records; store what is new."""
        if not self.no_content:
            run(self.connection, "segments_without_text_drop")
        run(self.connection, "held_create", dataset=self.dataset)
        run(self.connection, "facts_of_ingest")
        run(self.connection, "candidates_of_ingest")
        choose(self.connection, rows(self.connection, "links_of_dataset", dataset=self.dataset))
        for name in ("placed_create", "calls_add", "members_drop_beaten"):
            run(self.connection, name)
        run(self.connection, "members_add", dataset=self.dataset)

    def _settle(self) -> IngestSummary:
        """Count what became of each file's records."""
        connection, first = self.connection, self.first_source
        run(connection, "rejections_drop_repeated", first_source=first)
        run(connection, "sources_settle", dataset=self.dataset)
        connection.unregister("wrappers")
        read = rows(connection, "sources_of_ingest", first_source=first)
        run(connection, "sources_repeated", first_source=first)
        run(connection, "links_drop_repeated")
        run(connection, "sources_drop_repeated")
        calls = number(connection, "calls_of", dataset=self.dataset)
        new_calls = number(connection, "new_calls")
        run(connection, "stage_create")  # gives its memory back
        files = tuple(SourceFileInfo(*row) for row in read)
        return IngestSummary(self.dataset, files, calls, new_calls)


def _chars(call: Call) -> int:
    return sum([len(s.text) for s in call.request or ()]) + sum(
        [len(s.text) for s in call.response or ()]
    )
