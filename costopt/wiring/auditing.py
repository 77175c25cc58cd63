"""The audit end to end: read, estimate, price, attribute, find, check, and keep the result."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.billing.context import AuditContext
from costopt.errors import UsageError
from costopt.model.finding import Finding
from costopt.model.ports import Progress, silent
from costopt.model.result import Result
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.prices.book import Book


@dataclass(frozen=True)
class Audited:
    """The result and what it was made of, for commands that show the proof."""

    result: Result
    context: AuditContext
    findings: list[tuple[str, Finding]]
    reading: Reading


def audit(options: TraceOptions, evidence: list[Path], progress: Progress = silent) -> Audited:
    """Read what the options name and say where its money goes. Raises InputError, UsageError."""
    from costopt.checklist.discover import run_all
    from costopt.engine.audit import Asked, build_result
    from costopt.findings.discover import find_all
    from costopt.wiring.evidence import read_evidence
    from costopt.wiring.slicing import groupings, zone

    zone(options.tz)
    proven = read_evidence(evidence)  # before the long work: a typing error shows at once
    book = price_book(options)
    reading = read(options, progress)
    by = groupings(options, reading.trace)
    context = audit_context(options, reading, book, progress)
    progress("looking for waste", 0, None)
    findings = find_all(context)
    checks = run_all(context, proven)
    asked = Asked(by, options.tz, options.seed)
    result = build_result(context, findings, checks, reading.dataset, asked)
    _keep(options, reading, context, result)
    return Audited(result, context, findings, reading)


def audit_context(
    options: TraceOptions, reading: Reading, book: Book, progress: Progress = silent
) -> AuditContext:
    """The trace priced, laid over its parts, and its prompt cache modelled."""
    from costopt.accel.tokens import token_counter
    from costopt.billing.attribution import attribute
    from costopt.billing.meter import meter
    from costopt.billing.prompt_cache.report import cache_report
    from costopt.billing.usage_estimate import with_estimates
    from costopt.model.view import View

    tokens = token_counter(reading.trace, reading.texts, ranks=options.ranks)
    trace = with_estimates(reading.trace, tokens)
    progress("pricing", 0, trace.n)
    bill = meter(View.of(trace), book)
    progress("laying the bill over its parts", 0, trace.n)
    attribution = attribute(trace, bill, tokens)
    progress("modelling the prompt cache", 0, trace.n)
    cache = cache_report(trace, book, tokens, reading.texts, seed=options.seed)
    return AuditContext(trace, bill, attribution, cache, book, tokens, reading.texts)


def price_book(options: TraceOptions) -> Book:
    """The price book with the user's overlay, at `--as-of`."""
    from costopt.prices.book import load_book

    return load_book(options.prices, as_of_date(options.as_of))


def as_of_date(text: str | None) -> dt.date | None:
    """A date from `--as-of`; None: the book's own."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"`{text}` is no date.", where="--as-of", hint="2026-10-30") from error


def _keep(options: TraceOptions, reading: Reading, context: AuditContext, result: Result) -> None:
    """Dollars for the store's views and the result for `costopt report`; a slice keeps neither."""
    from costopt.report.render.json import result_json

    if context.trace.n != reading.full.n:
        return
    reading.store.save_bill(reading.dataset, context.trace, context.bill)
    reading.store.record_run("audit", reading.dataset, result_json(result))


def result_of(result: str | None, db: Path | None) -> Result:
    """A result from its JSON (a file or `-`), from traces, or of the last audit."""
    from costopt.report.render.json import read_result

    if result is None:
        return _last_result(db)
    if result == "-":
        return read_result(sys.stdin.buffer.read(), "stdin")
    path = Path(result)
    if path.is_file() and _is_result(path):
        return read_result(path.read_bytes(), result)
    return audit(TraceOptions(traces=[result], db=db), []).result


def _is_result(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"costopt.result/' in file.read(400)


def _last_result(db: Path | None) -> Result:
    return audit(TraceOptions(db=db), []).result
