"""`costopt ingest`: TRACES join a data set of the ledger, without being priced or judged."""

from __future__ import annotations

from pathlib import Path

import orjson

from costopt.errors import UsageError
from costopt.model.escape import clean
from costopt.store.ingest import IngestSummary
from costopt.store.store import Store
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import check, open_store, place_of, read_into, streams_with_notes
from costopt.wiring.request import TraceOptions


def ingest_into(options: TraceOptions, dataset: str) -> tuple[IngestSummary, Path]:
    """Read TRACES so that they join the data set. Raises InputError where no call comes out."""
    check(options)
    if options.since or options.until or options.where:
        raise UsageError(
            "ingest keeps every call.", where="--since, --until, --where",
            hint="Give them to the command that looks: costopt audit, costopt calls.",
        )  # fmt: skip
    traces, path = place_of(options)
    if not traces or path is None:
        raise UsageError("nothing to read, or no store.", hint="costopt ingest TRACES --db FILE")
    streams = streams_with_notes(options)
    with open_store(path, must_exist=False) as store:
        _same_rate(store, dataset, options.sample_rate)
        summary = read_into(store, streams, dataset, options, progress_for(options), add=True)
    return summary, path


def _same_rate(store: Store, dataset: str, rate: float | None) -> None:
    """A tenth of one log and the whole of another make no set that could be scaled up."""
    for info in store.datasets():
        if info.name == dataset and info.sample_rate != rate:
            was = "unsampled" if info.sample_rate is None else f"sampled at {info.sample_rate:g}"
            raise UsageError(
                f"the data set `{dataset}` is {was}.", where="--sample-rate",
                hint="--dataset NAME keeps another log apart.",
            )  # fmt: skip


def summary_json(summary: IngestSummary, place: Path) -> str:
    """The reading as JSON."""
    names = ("path", "format", "records", "accepted", "rejected", "duplicates", "skipped")
    files = [{n: getattr(f, n) for n in names} for f in summary.files]
    told = {"schema": "costopt.ingest/1", "db": str(place), "dataset": summary.dataset,
            "calls": summary.calls, "new_calls": summary.new_calls, "rejected": summary.rejected,
            "duplicates": summary.duplicates, "files": files}  # fmt: skip
    return orjson.dumps(told).decode()


def summary_lines(summary: IngestSummary, place: Path) -> list[str]:
    """The reading for people: totals, then files (the first twenty)."""
    records = sum(f.records for f in summary.files)
    skipped = sum(f.skipped for f in summary.files)
    files = "1 file" if len(summary.files) == 1 else f"{len(summary.files):,} files"
    told = [
        f"{place}: {summary.calls:,} calls in data set {summary.dataset}, {summary.new_calls:,} of"
        f" them new.",
        f"Read {records:,} records of {files}: {summary.duplicates:,} copies,"
        f" {summary.rejected:,} refused, {skipped:,} that are no calls.",
    ]
    told += [f"  {f.path}  {f.format}  {f.records:,} records" for f in summary.files[:20]]
    if len(summary.files) > 20:
        told.append(f"  and {len(summary.files) - 20:,} more")
    return [clean(line) for line in told]
