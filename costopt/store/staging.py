"""Records of all files in batches: calls as columns, blocks once, refused records and links beside them.

The batches go to the store in the order of the files while the next one is read. Blocks are kept at
once, some hundred megabytes at a time, so that memory does not grow with the log; a block that no call
comes to use does no harm. All else waits in temporary tables for the one transaction of `ingest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from costopt.model.call import Call, Rejected, Repeat, Skipped
from costopt.model.ports import Progress, RecordStream
from costopt.model.secrets import masked
from costopt.store.calls_table import calls_table, sound
from costopt.store.segments_table import KnownIds, SegmentBook, visible
from costopt.store.settings_table import SettingsBook
from costopt.store.sql import arrow, run
from costopt.store.writer import Writer

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_CALLS = 8192
BATCH_CHARS = 96_000_000
"""A batch ends when its calls refer to this much text (resent text counts each time)."""
INSERT_BYTES = 256_000_000
"""So much text of new blocks is put into the store at a time: few, large appends are cheap ones."""
RAW_CHARS = 500
"""Of a refused record so much is kept."""


@dataclass(slots=True)
class Tally:
    """Records of one file by what they are."""

    path: str
    format: str
    calls: int = 0
    rejected: int = 0
    repeats: int = 0
    skipped: int = 0


class Staging:
    """One ingest's records on their way into `stage`. `tallies`: the files by their number."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, writer: Writer, progress: Progress, *,
        no_content: bool,
    ) -> None:  # fmt: skip
        self._connection, self._writer, self._progress = connection, writer, progress
        self._book, self._no_content = SegmentBook(no_content=no_content), no_content
        self._settings = SettingsBook(no_content=no_content)
        ids = arrow(connection, "segment_ids", with_text=not no_content)
        self._known = KnownIds(ids.column("id").to_numpy())
        self._fresh: list[pa.Table] = []
        self._fresh_bytes = 0
        self._calls: list[Call] = []
        self._sources: list[int] = []
        self._chars = 0
        self._refused: list[tuple[int, Rejected]] = []
        self._links: list[tuple[int, Skipped]] = []
        self.tallies: dict[int, Tally] = {}
        self.rows = 0

    def read(self, source: int, stream: RecordStream) -> None:
        """All records of a file. The last batch stays open for the next file."""
        tally = self.tallies[source] = Tally(visible(stream.name), stream.format)
        calls, sources = self._calls, self._sources
        for record in stream.read():
            if type(record) is Call:
                calls.append(record)
                sources.append(source)
                chars = 0
                for segment in record.request or ():
                    chars += len(segment.text)
                for segment in record.response or ():
                    chars += len(segment.text)
                self._chars += chars
                if len(calls) >= BATCH_CALLS or self._chars >= BATCH_CHARS:
                    self._stage()
                    calls, sources = self._calls, self._sources
            else:
                self._count(source, record, tally)

    def finish(self) -> None:
        """Stage what is left, and the files themselves; nothing waits afterwards."""
        self._stage()
        self._keep_beside()
        self._writer.put(self._insert_fresh)
        self._writer.drain()

    def sources(self, dataset: str) -> pa.Table:
        """The files as rows of `sources`; what became of their calls is settled later."""
        import pyarrow as pa

        tallies = list(self.tallies.values())
        records = [t.calls + t.rejected + t.repeats + t.skipped for t in tallies]
        return pa.table({
            "source": pa.array(list(self.tallies), pa.int64()),
            "dataset": pa.array([dataset] * len(tallies), pa.string()),
            "path": pa.array([t.path for t in tallies], pa.string()),
            "format": pa.array([t.format for t in tallies], pa.string()),
            "records": pa.array(records, pa.int64()),
            "accepted": pa.array([0] * len(tallies), pa.int64()),
            "rejected": pa.array([t.rejected for t in tallies], pa.int64()),
            "duplicates": pa.array([t.repeats for t in tallies], pa.int64()),
            "skipped": pa.array([t.skipped for t in tallies], pa.int64()),
        })  # fmt: skip

    def _count(self, source: int, record: object, tally: Tally) -> None:
        if isinstance(record, Rejected):
            tally.rejected += 1
            self._refused.append((source, record))
        elif isinstance(record, Skipped):
            tally.skipped += 1
            if record.id and record.parent_id:
                self._links.append((source, record))
        elif isinstance(record, Repeat):
            tally.repeats += 1
        if len(self._refused) + len(self._links) >= BATCH_CALLS:
            self._keep_beside()

    def _stage(self) -> None:
        calls, sources = self._calls, self._sources
        self._calls, self._sources, self._chars = [], [], 0
        if not calls:
            return
        try:
            table = self._table(calls)
        except (ValueError, OverflowError):  # one number that no column holds refuses one call
            calls, sources = self._sound(calls, sources)
            table = self._table(calls)
        table = table.append_column("source", [np.array(sources, np.int64)])
        table = table.append_column("row", [np.arange(len(calls), dtype=np.int64) + self.rows + 1])
        fresh, settings = self._book.take(), self._settings.take()
        self._writer.put(lambda: self._store(table, fresh))
        if settings is not None:
            self._writer.put(lambda: self._insert("settings_add", "said", settings))
        self.rows += len(calls)
        for source in sources:
            self.tallies[source].calls += 1
        self._progress("reading", self.rows, None)

    def _table(self, calls: list[Call]) -> pa.Table:
        request = self._book.uses([c.request for c in calls])
        response = self._book.uses([c.response for c in calls])
        return calls_table(calls, request, response, self._settings.ids(calls))

    def _sound(self, calls: list[Call], sources: list[int]) -> tuple[list[Call], list[int]]:
        kept: list[tuple[Call, int]] = []
        for call, source in zip(calls, sources, strict=True):
            reason = sound(call)
            if reason:
                refused = Rejected(call.source_line, reason, call.id)
                self._count(source, refused, self.tallies[source])
            else:
                kept.append((call, source))
        return [call for call, _ in kept], [source for _, source in kept]

    def _store(self, table: pa.Table, fresh: pa.Table) -> None:
        new = self._known.new(fresh.column("id").to_numpy())
        if new.any():
            kept = fresh if new.all() else fresh.filter(new)
            self._fresh.append(kept)
            self._fresh_bytes += kept.nbytes
            if self._fresh_bytes >= INSERT_BYTES:
                self._insert_fresh()
        self._insert("stage_add", "batch", table)

    def _insert_fresh(self) -> None:
        import pyarrow as pa

        fresh, self._fresh, self._fresh_bytes = self._fresh, [], 0
        if fresh:
            self._insert("segments_add", "fresh", pa.concat_tables(fresh))

    def _insert(self, name: str, view: str, table: pa.Table) -> None:
        self._connection.register(view, table)
        run(self._connection, name)
        self._connection.unregister(view)

    def _keep_beside(self) -> None:
        """Write refused records and span links; the counts stay."""
        refused, links = self._refused, self._links
        self._refused, self._links = [], []
        raws = [
            "" if self._no_content else visible(masked(r.raw[: RAW_CHARS * 2])[:RAW_CHARS])
            for _, r in refused
        ]
        self._put("refused_add", {
            "source": [source for source, _ in refused], "line": [r.line for _, r in refused],
            "reason": [visible(r.reason) for _, r in refused], "raw": raws,
        })  # fmt: skip
        self._put("passed_add", {
            "source": [source for source, _ in links], "id": [visible(s.id) for _, s in links],
            "parent_id": [visible(s.parent_id) for _, s in links],
        })  # fmt: skip

    def _put(self, name: str, columns: Mapping[str, Sequence[object]]) -> None:
        import pyarrow as pa

        table = pa.table(dict(columns))
        if table.num_rows:
            self._writer.put(lambda: self._insert(name, "found", table))
