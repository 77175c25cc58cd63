"""`--since`, `--until`, `--where`, `--by`: from what was typed to a `Slice`, with errors that help."""

from __future__ import annotations

import datetime as dt
import re

from costopt.billing.days import zone
from costopt.errors import UsageError, nearest
from costopt.model.select import Condition, Slice
from costopt.model.trace import DIMS, Trace
from costopt.wiring.request import TraceOptions

_SPAN = re.compile(r"(\d+)\s*(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WHERE = re.compile(r"([A-Za-z_][\w.\-]*)\s*(!?=)\s*(.*)", re.DOTALL)
EXTRA_COLUMNS = ("session", "session_id")
BY_COLUMNS = (*DIMS, "day", "session", "step")


def slice_of(options: TraceOptions, trace: Trace) -> Slice:
    """The part of this trace that was asked for. `7d` counts back from its last call, not from now."""
    tz = zone(options.tz)
    last = int(trace.at_us[trace.has_time].max()) if trace.has_time.any() else None
    since = _moment(options.since, "--since", tz, last) if options.since else None
    until = _moment(options.until, "--until", tz, last) if options.until else None
    if (since is not None or until is not None) and last is None:
        raise UsageError("the log has no times, so --since and --until cannot be applied.")
    return Slice(since, until, tuple(_condition(w, trace) for w in options.where))


def _moment(text: str, flag: str, tz: dt.tzinfo, last_us: int | None) -> int:
    """UTC microseconds of a date, a time, or a span back from the trace's last call."""
    span = _SPAN.fullmatch(text.strip())
    if span:
        back = dt.timedelta(**{_UNITS[span[2]]: int(span[1])})
        return (last_us or 0) - int(back.total_seconds() * 1_000_000)
    try:
        moment = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(
            f"`{text}` is neither a date nor a span.",
            where=flag,
            hint="2026-10-01, 2026-10-01T08:00, 7d, 24h",
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=tz)
    return round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds() * 1_000_000)


def _condition(text: str, trace: Trace) -> Condition:
    match = _WHERE.fullmatch(text.strip())
    if not match:
        raise UsageError(
            f"`{text}` is no condition.", where="--where", hint="agent=planner, model!=gpt-4o*"
        )
    column, operator, pattern = match.groups()
    known = [*DIMS, *EXTRA_COLUMNS, *(f"metadata.{name}" for name in trace.metadata)]
    if column not in known:
        raise UsageError(
            f"there is no column `{column}`.", where="--where",
            hint=f"{nearest(column, known)} Columns: {', '.join(known[:24])}".strip(),
        )  # fmt: skip
    return Condition(column, pattern, operator == "!=")


def groupings(options: TraceOptions, trace: Trace) -> list[tuple[str, ...]]:
    """`--by day,agent` as tuples of columns. Raises UsageError with the nearest name."""
    known = [*BY_COLUMNS, *(f"metadata.{name}" for name in trace.metadata)]
    found = []
    for text in options.by:
        columns = tuple(part.strip() for part in text.split(",") if part.strip())
        for column in columns:
            if column not in known:
                raise UsageError(
                    f"there is no column `{column}`.", where="--by",
                    hint=f"{nearest(column, known)} Columns: {', '.join(known)}".strip(),
                )  # fmt: skip
        found.append(columns)
    return found
