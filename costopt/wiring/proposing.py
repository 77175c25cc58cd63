"""`costopt policy init` and `check` end to end: read, find, try, and write the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.engine.policy import Policy
from costopt.errors import UsageError
from costopt.model.finding import Finding
from costopt.model.select import select
from costopt.model.trace import Trace
from costopt.wiring.auditing import audit_context, price_book
from costopt.wiring.phases import phase
from costopt.wiring.policy.check import field_problems, price_problems
from costopt.wiring.policy.load import load_policy
from costopt.wiring.policy.problems import PolicyError, Problem
from costopt.wiring.policy.propose import Proposal, propose
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import builder_of, evaluator_of, evidence_of

MOST_CALLS = 50_000
"""A proposal is made in seconds: of a larger log whole sessions are drawn up to this many calls."""


def proposed(options: TraceOptions) -> Proposal:
    """Safe layers for this log. Raises InputError, UsageError."""
    from costopt.findings.discover import find_all

    book = price_book(options)
    progress = progress_for(options)
    reading = read(options, progress)
    part, words = sampled(reading, options.seed)
    context = audit_context(options, part, book, progress)
    with phase(progress, "looking for waste"):
        findings = find_all(context)
    with phase(progress, "trying safe layers"):
        return propose_for(context, findings, options, part, words)


def propose_for(
    context: AuditContext, findings: list[tuple[str, Finding]], options: TraceOptions,
    reading: Reading, words: str = "",
) -> Proposal:  # fmt: skip
    """The same where the audit's context is there already."""
    evaluator = evaluator_of(
        context, Policy(()), builder_of(options, reading), evidence_of(reading)
    )  # fmt: skip
    return propose(context, findings, evaluator, sampled=words)


def sampled(reading: Reading, seed: int) -> tuple[Reading, str]:
    """Whole sessions drawn by the seed, where the log is long; what was drawn, in words."""
    trace = reading.trace
    if trace.n <= MOST_CALLS:
        return reading, ""
    rows = _whole_sessions(trace, seed)
    part = select(trace, rows)
    words = f"{len(rows):,} of {trace.n:,} calls, whole sessions drawn by seed {seed}"
    return replace(reading, trace=part), words


def _whole_sessions(trace: Trace, seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(len(trace.sessions))
    sizes = np.bincount(trace.session, minlength=len(trace.sessions))[order]
    chosen = np.zeros(len(trace.sessions), np.bool_)
    chosen[order[: max(1, int(np.searchsorted(np.cumsum(sizes), MOST_CALLS, "right")))]] = True
    return np.flatnonzero(chosen[trace.session])


def refuse_existing(path: Path, *, replace_it: bool) -> None:
    """Raises UsageError where a file would be replaced: before the long work."""
    if str(path) != "-" and path.exists() and not replace_it:
        raise UsageError(
            "is there already.", where=str(path), hint="--out OTHER.yaml, or --yes to replace it."
        )


def checked(path: Path, options: TraceOptions) -> Policy:
    """The policy; with TRACES also its fields and prices. Raises PolicyError with all problems."""
    policy = load_policy(path)
    problems: list[Problem] = []
    if options.prices or options.traces or options.db:
        problems += price_problems(policy, price_book(options))
    if options.traces or options.db:
        reading = read(options)
        reading.store.close()
        problems += field_problems(policy, reading.trace)
    if problems:
        raise PolicyError(str(path), problems)
    return policy
