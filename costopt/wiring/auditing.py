"""The audit end to end: read, estimate, price, attribute, find, check, and keep the result."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.billing.context import AuditContext
from costopt.errors import UsageError
from costopt.model.finding import Finding
from costopt.model.ports import Progress, silent
from costopt.model.result import PART_OF_THE_LOG, Projection, Result
from costopt.wiring.counting import with_counts
from costopt.wiring.phases import phase
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import Reading, read, shown_name
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.engine.policy import Policy
    from costopt.prices.book import Book
    from costopt.wiring.policy.propose import Proposal


WITH_RESULT = ("audit", "simulate", "replay")
"""Commands whose result is kept for `costopt report`."""


@dataclass(frozen=True)
class Audited:
    """The result and what it was made of, for commands that show the proof."""

    result: Result
    context: AuditContext
    findings: list[tuple[str, Finding]]
    reading: Reading
    proposal: Proposal | None = None
    """The policy of safe layers that was projected; None: another policy, or none."""


class Tries(Enum):
    """How far an audit goes beyond the bill and its findings."""

    NOTHING = 0
    ADVICE = 1
    """The usual advice alone, which the checklist rests on."""
    POLICY = 2
    """And a policy, projected."""


def audit(
    options: TraceOptions, evidence: list[Path], *, keep: bool = True,
    policy: Policy | None = None, tries: Tries = Tries.POLICY,
) -> Audited:  # fmt: skip
    """Read what the options name and say where its money goes. Raises InputError, UsageError.

    `keep`: the result stays in the store for `costopt report`. `policy`: projected in place of safe layers
    out of the findings.
    """
    from costopt.billing.days import zone
    from costopt.checklist.discover import run_all
    from costopt.engine.audit import Asked, build_result
    from costopt.findings.discover import find_all
    from costopt.wiring.evidence import read_evidence
    from costopt.wiring.replayed_findings import with_replays
    from costopt.wiring.slicing import groupings

    zone(options.tz)
    proven = read_evidence(evidence)  # before the long work: a typing error shows at once
    book = price_book(options)
    progress = progress_for(options)
    reading = read(options, progress)
    by = groupings(options, reading.trace)
    context = audit_context(options, reading, book, progress)
    with phase(progress, "looking for waste"):
        findings = find_all(context)
    part, tried = part_of(options, reading), Projected()
    if tries != Tries.NOTHING and context.trace.n:
        context, tried = _tried(context, findings, options, reading, part, policy, tries, progress)
    with phase(progress, "checklist"):
        checks = run_all(context, proven)
    with phase(progress, "putting the result together"):
        asked = Asked(by, options.tz, options.seed, part)
        result = build_result(context, findings, checks, shown_name(reading.dataset), asked)
        items = with_replays(result.findings, reading.store.evidence(reading.dataset))
        result = replace(result, projection=tried.projection, findings=items)
        if keep:
            keep_result("audit", reading, context, result)
    return Audited(result, context, findings, reading, tried.proposal)


@dataclass(frozen=True)
class Projected:
    """A policy tried on the log, and whether it is a proposal of ours."""

    projection: Projection | None = None
    proposal: Proposal | None = None


def _tried(
    context: AuditContext, findings: list[tuple[str, Finding]], options: TraceOptions,
    reading: Reading, part: str, policy: Policy | None, tries: Tries, progress: Progress,
) -> tuple[AuditContext, Projected]:  # fmt: skip
    """The context with the usual advice tried, and the policy's projection where it is asked for."""
    from costopt.wiring.projecting import projected, proposal_of, trial_for, with_advice

    with phase(progress, "trying the usual advice"):
        trial = trial_for(context, policy, options, reading)
        context = with_advice(context, trial, options.seed)
    if tries != Tries.POLICY:
        return context, Projected()
    with phase(progress, "projecting a policy"):
        proposal = None
        if policy is None:
            proposal = proposal_of(context, findings, trial, part)
            policy = proposal.policy
        return context, Projected(projected(context, policy, trial, options.seed), proposal)


def part_of(options: TraceOptions, reading: Reading) -> str:
    """One sentence on the slice that was asked for; empty where it is the whole log."""
    if reading.trace.n == reading.full.n:
        return ""
    asked = [f"--{n} {v}" for n in ("since", "until") if (v := getattr(options, n))]
    asked += [f"--where {w}" for w in options.where]
    return f"{PART_OF_THE_LOG} {reading.trace.n:,} of {reading.full.n:,} calls ({' '.join(asked)})."


def audit_context(
    options: TraceOptions, reading: Reading, book: Book, progress: Progress = silent
) -> AuditContext:
    """The trace priced, laid over its parts, and its prompt cache modelled."""
    from costopt.accel.tokens import token_counter
    from costopt.billing.attribution import attribute
    from costopt.billing.meter import meter
    from costopt.billing.own_gpus import with_own_gpus
    from costopt.billing.prompt_cache.report import cache_report
    from costopt.model.view import View

    tokens = token_counter(reading.trace, reading.texts, ranks=options.ranks)
    with phase(progress, "pricing"):
        counts = with_counts(reading, options, tokens)
        trace, beside = counts.billed, counts.shown if counts.beside else None
        bill = with_own_gpus(trace, meter(View.of(trace), book), book.self_hosted)
    with phase(progress, "counting tokens"):
        attribution = attribute(trace, bill, tokens)
    with phase(progress, "modelling the prompt cache"):
        cache = cache_report(trace, book, tokens, reading.texts, seed=options.seed)
    return AuditContext(trace, bill, attribution, cache, book, tokens, reading.texts, beside)


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


def keep_result(command: str, reading: Reading, context: AuditContext, result: Result) -> None:
    """The result for `costopt report`, and the dollars for the store's views (of a slice: not)."""
    from costopt.report.render.json import result_json

    if context.trace.n == reading.full.n:
        reading.store.save_bill(reading.dataset, context.counted or context.trace, context.bill)
    reading.store.record_run(command, reading.dataset, result_json(result))


def result_of(options: TraceOptions) -> Result:
    """A result from its JSON (a file or `-`), from traces, or of the last audit."""
    from costopt.report.render.json import read_result

    if not options.traces and not _asks_for_another(options):
        return _last_result(options)
    if options.traces == ["-"]:
        return read_result(sys.stdin.buffer.read(), "stdin")
    path = Path(options.traces[0]) if len(options.traces) == 1 else None
    if path is not None and path.is_file() and _is_result(path):
        if _asks_for_another(options):
            raise UsageError(
                "a result is finished: no part of it can be taken.", where=str(path),
                hint="Give the traces that it was made of.",
            )  # fmt: skip
        return read_result(path.read_bytes(), str(path))
    return audit(options, []).result


def _asks_for_another(options: TraceOptions) -> bool:
    """Options that only a new audit answers."""
    return bool(
        options.since or options.until or options.where or options.by or options.prices
        or options.as_of or options.ranks or options.tz != "UTC"
    )  # fmt: skip


def _is_result(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"costopt.result/' in file.read(400)


def _last_result(options: TraceOptions) -> Result:
    """Of the last audit or simulation of the last data set; audited anew where none was kept."""
    from costopt.report.render.json import read_result
    from costopt.store.database import DEFAULT_PATH
    from costopt.wiring.reading import last_dataset, open_store

    path = options.db or DEFAULT_PATH
    with open_store(path, must_exist=True) as store:
        dataset = last_dataset(store, quiet=options.quiet)
        kept = [
            r
            for r in store.runs()
            if r.dataset == dataset and r.command in WITH_RESULT and r.result
        ]
    if kept and kept[0].result:
        return read_result(kept[0].result.encode(), str(path))
    return audit(replace(options, quiet=True), []).result
