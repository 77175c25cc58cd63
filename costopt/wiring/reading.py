"""TRACES to a trace: find the files, read them into the store, load what was asked for.

Without TRACES the data set that was read last is taken, and named on stderr.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson

from costopt.errors import InputError, UsageError
from costopt.model.escape import clean
from costopt.model.ports import Progress, Texts, silent
from costopt.model.select import rows_of, select
from costopt.model.trace import Trace
from costopt.report.words import plural
from costopt.store.database import DEFAULT_PATH, is_store
from costopt.store.ingest import IngestSummary
from costopt.store.store import RejectionRow, Store
from costopt.wiring.progress import ConsoleProgress, progress_for
from costopt.wiring.request import TraceOptions
from costopt.wiring.slicing import slice_of
from costopt.wiring.streams import SkippedFile, Streams, streams_of

_NAME_CHARS = 200


@dataclass(frozen=True)
class Reading:
    """What was read. Texts are fetched from the store as they are asked for, so it stays open."""

    store: Store
    dataset: str
    trace: Trace
    """The part that --since, --until and --where leave."""
    texts: Texts
    full: Trace
    skipped: tuple[SkippedFile, ...] = ()
    """Files of a folder that no format fits."""


def read(options: TraceOptions, progress: Progress | None = None) -> Reading:
    """The trace that the options name. Raises InputError where nothing can be read."""
    check(options)
    if progress is None or progress is silent:
        progress = progress_for(options)
    traces, path = place_of(options)
    streams = streams_with_notes(options) if traces else None
    store = open_store(path, must_exist=not traces)
    try:
        if streams is None:
            dataset = last_dataset(store, quiet=options.quiet)
            _write_rejected(options.rejected, store.rejections(dataset))
        else:
            dataset = dataset_name(traces)
            read_into(store, streams, dataset, options, progress)
        progress("loading", 0, None)
        full = store.load(dataset)
        _end(progress)
        trace = _part(options, full)
    except BaseException:
        _end(progress)
        store.close()
        raise
    skipped = tuple(streams.skipped) if streams else ()
    return Reading(store, dataset, trace, store.texts(full), full, skipped)


def check(options: TraceOptions) -> None:
    """What can be seen to be wrong before anything is read. Raises UsageError."""
    rate = options.sample_rate
    if rate is not None and not 0 < rate <= 1:
        raise UsageError(
            f"{rate:g} is no share of the calls.", where="--sample-rate",
            hint="Above 0 and up to 1: 0.1 for a log that holds every tenth call.",
        )  # fmt: skip
    if options.rejected is not None and options.rejected.is_dir():
        raise UsageError("this is a folder.", where="--rejected", hint="Give a file.")


def place_of(options: TraceOptions) -> tuple[list[str], Path | None]:
    """TRACES that are to be read, and the store's file (None: memory). A store may stand as TRACES."""
    traces = list(options.traces)
    if len(traces) == 1 and is_store(Path(traces[0])):
        if options.db is not None:
            raise UsageError("two stores are given.", where="--db", hint="Give one of them.")
        return [], Path(traces[0])
    if not traces and options.no_store:
        raise UsageError("nothing to read.", where="--no-store", hint="costopt audit TRACES")
    return traces, None if options.no_store else options.db or DEFAULT_PATH


def open_store(path: Path | None, *, must_exist: bool) -> Store:
    """The store at `path`. Raises UsageError where it has to be there and is not."""
    if must_exist and path is not None and not path.exists():
        raise UsageError(
            "nothing has been read yet.", where=str(path), hint="Start with: costopt audit TRACES"
        )
    return Store.open(path)


def last_dataset(store: Store, *, quiet: bool = False) -> str:
    """The data set that was read last, named on stderr. Raises UsageError for an empty store."""
    dataset = store.last_dataset()
    if dataset is None:
        raise UsageError(
            "the store is empty.", where=str(store.path or ""), hint="costopt audit TRACES"
        )
    others = len(store.datasets()) - 1
    more = f" ({others} older: costopt store ls)" if others else ""
    tell(f"data set {dataset}{more}", quiet=quiet)
    return dataset


def dataset_name(traces: list[str]) -> str:
    """The name under which these TRACES are kept: absolute paths, so that reading again replaces."""
    names = sorted({_absolute(t) for t in traces})
    text = ", ".join(names)
    if len(text) <= _NAME_CHARS or len(names) == 1:
        return text
    mark = hashlib.blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=4)
    return f"{names[0]} and {len(names) - 1} more #{mark.hexdigest()}"


def shown_name(dataset: str) -> str:
    """A data set's name for a result that others read: from the working folder, not the whole path."""
    parts = dataset.split(", ")
    return ", ".join(os.path.relpath(p) if Path(p).is_absolute() else p for p in parts)


def _absolute(trace: str) -> str:
    if trace == "-":
        return "<stdin>"
    path = os.path.normpath(Path(trace).expanduser().absolute())
    return path.encode("utf-8", "backslashreplace").decode()


def streams_with_notes(options: TraceOptions) -> Streams:
    """The files with their formats; what is skipped is said on stderr."""
    streams = streams_of(options.traces, options.input_format or "")
    if streams.skipped:
        names = ", ".join(Path(s.path).name for s in streams.skipped[:3])
        dots = ", ..." if len(streams.skipped) > 3 else ""
        count = len(streams.skipped)
        files = "a file" if count == 1 else f"{count:,} files"
        tell(f"skipped {files} of no known format: {names}{dots}", quiet=options.quiet)
    return streams


def read_into(
    store: Store, streams: Streams, dataset: str, options: TraceOptions, progress: Progress,
    *, add: bool = False,
) -> IngestSummary:  # fmt: skip
    """Read the streams as a data set. Where no call comes out, nothing changes: InputError."""
    if isinstance(progress, ConsoleProgress):
        progress.fraction = streams.fraction

    def accept(summary: IngestSummary) -> None:
        refused = store.rejections(dataset) if summary.rejected else []
        _write_rejected(options.rejected, refused)
        if not summary.calls:
            raise _no_calls(summary, refused)

    try:
        summary = store.ingest(
            streams, dataset, progress, no_content=options.no_content,
            sample_rate=options.sample_rate, add=add, accept=accept,
        )  # fmt: skip
    finally:
        _end(progress)
        if isinstance(progress, ConsoleProgress):
            progress.fraction = None  # it was the share of the files: what follows is other work
    if summary.rejected and options.rejected is None:
        count = "a record" if summary.rejected == 1 else f"{summary.rejected:,} records"
        tell(f"refused {count}; --rejected FILE writes them with reasons", quiet=options.quiet)
    _tell_erased(summary, options.quiet)
    return summary


def _tell_erased(summary: IngestSummary, quiet: bool) -> None:
    if summary.texts_erased:
        tell(
            f"erased {plural(summary.texts_erased, 'text')} that an earlier reading kept;"
            " costopt store compact takes them off the disk too", quiet=quiet,
        )  # fmt: skip
    if summary.texts_elsewhere:
        tell(
            f"{plural(summary.texts_elsewhere, 'text')} of this log stay: other calls of the store hold"
            " them (costopt store ls, costopt store rm NAME)", quiet=quiet,
        )  # fmt: skip


def _no_calls(summary: IngestSummary, refused: list[RejectionRow]) -> InputError:
    where = ", ".join(f.path for f in summary.files[:3])
    skipped = sum(f.skipped for f in summary.files)
    if refused:
        first = refused[0]
        return InputError(
            f"no call could be read: {summary.rejected:,} records are refused."
            f" The first, line {first.line}: {first.reason}",
            where=first.path, hint="--rejected FILE writes them all with their reasons.",
        )  # fmt: skip
    if skipped:
        return InputError(
            f"no call in it: {skipped:,} records are something else.", where=where,
            hint=f"Read as {summary.files[0].format}; --input-format NAME chooses another.",
        )  # fmt: skip
    return InputError("no call in it: it holds no record.", where=where)


def _write_rejected(path: Path | None, refused: list[RejectionRow]) -> None:
    """One JSON object a line: file, line, reason, raw (secrets masked)."""
    if path is None:
        return
    lines = [
        orjson.dumps({"file": r.path, "line": r.line, "reason": r.reason, "raw": r.raw}) + b"\n"
        for r in refused
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(lines))
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}.", where=str(path)) from error


def _part(options: TraceOptions, full: Trace) -> Trace:
    wanted = slice_of(options, full)
    if wanted.is_all:
        return full
    rows = rows_of(full, wanted)
    if not len(rows):
        asked = [f"{n} {v}" for n in ("since", "until") if (v := getattr(options, n))]
        raise InputError(
            f"none of the {full.n:,} calls is in the part asked for.",
            where=", ".join([*(f"--{a}" for a in asked), *(f"--where {w}" for w in options.where)]),
        )
    return select(full, rows)


def _end(progress: Progress) -> None:
    if isinstance(progress, ConsoleProgress):
        progress.clear()


def tell(text: str, *, quiet: bool = False) -> None:
    """A line for people on stderr."""
    if not quiet:
        sys.stderr.write(f"costopt: {clean(text)}\n")
