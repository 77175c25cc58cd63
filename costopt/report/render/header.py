"""The head of the first screen: what was read, of when, and what became of every record."""

from __future__ import annotations

import datetime as dt

from costopt.model.result import PART_OF_THE_LOG, Result
from costopt.report.render.screen import plural, spread, wrap
from costopt.report.words import trace_name

EPOCH_YEAR = 1970
"""No model was billed then: such times count from the start of the trace."""


def header(result: Result, width: int, seconds: float | None) -> list[str]:
    """Name, formats, dates and content; then the records and their parts, which sum to them."""
    formats = sorted({f.format for f in result.trace.files if f.format})
    parts = [
        trace_name(result),
        ", ".join(formats[:3]),
        _dates(result),
        f"content: {_content(result)}",
    ]
    rate = result.coverage.sample_rate
    if rate is not None and rate < 1:
        parts.append(f"a sample of {100 * rate:g} %")
    took = "" if seconds is None else f"{seconds:.1f} s"
    line = " · ".join(p for p in parts if p)
    head = [spread(line, took, width)] if len(line) + len(took) < width else wrap(line, width, "  ")
    return head + wrap(_records(result), width, "    ")


def _records(result: Result) -> str:
    trace = result.trace
    records = plural(sum(f.records for f in trace.files), "record")
    accepted = sum(f.accepted for f in trace.files)
    calls = plural(trace.calls, "call")
    if trace.sessions_known:
        calls += f" in {plural(trace.sessions, 'session')}"
    rest = [
        f"{plural(count, word)}"
        for count, word in ((trace.skipped, "non-call record"), (trace.duplicates, "duplicate"))
        if count
    ]
    if trace.rejected:
        rest.append(f"{trace.rejected:,} rejected (costopt audit --rejected F)")
    if any(note.startswith(PART_OF_THE_LOG) for note in result.coverage.notes):
        beside = f" ({', '.join(rest)})" if rest else ""
        return f"{calls}: a part of {records}{beside}"
    if accepted != trace.calls:  # a row may stand for a run of many requests
        calls = f"{accepted:,} that stand for {calls}"
    return " + ".join([f"{records} = {calls}", *rest])


def _content(result: Result) -> str:
    content = result.coverage.content
    return "none (usage only)" if content == "none" else content


def _dates(result: Result) -> str:
    first, last = result.trace.first_at, result.trace.last_at
    if not first or not last:
        return "no times in the log"
    a, b = (dt.date.fromisoformat(t[:10]) for t in (first, last))
    if a.year == EPOCH_YEAR:
        return "times without a date"
    end = f"{b.day} {b:%b %Y} UTC"
    if a == b:
        return end
    if (a.year, a.month) == (b.year, b.month):
        return f"{a.day}-{end}"
    return f"{a.day} {a:%b} - {end}" if a.year == b.year else f"{a.day} {a:%b %Y} - {end}"
