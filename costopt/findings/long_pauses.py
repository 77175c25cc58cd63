"""Pauses longer than the cache's life: the next call pays for the whole prompt again.

## Where the money goes
A cached prefix is kept for some minutes after its last use. A tool that runs for ten minutes, or a user
who thinks that long, makes the next call of the session pay in full for everything said before.

## How it is found
Calls that begin with the whole unbroken prompt of the session's call before, after a gap longer than the
provider's lifetime. Three ways out are priced through the meter, and the best one is claimed, net of what
it costs: the provider's longer retention where it is free for the model, one-hour cache writes
(Anthropic; every write of the place gets dearer), or a short call each lifetime that keeps the entry
alive for an hour after every call, also after those that nobody came back to. Where none of them pays,
the short calls in the pauses alone are a hint: for an agent that knows it will go on.

## What can go wrong
Logs without times show no gaps. A keep-alive call has output tokens of its own; one is charged for each.

## Fix
Ask for the longer retention, write for an hour, or keep the entry alive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.findings.lineage import HOUR_US, Lineage, lineage, served_share
from costopt.findings.places import Int, by_place, dearest, places, total
from costopt.findings.what_if import paid, saved, saved_by_reading
from costopt.model.finding import Finding
from costopt.model.leaf import Leaf
from costopt.money import PicoUsd

NAME = "long_pauses"
DAY_US = 24 * HOUR_US
KEEP_ALIVE = "Keep the entry alive in known pauses: a short call before each lifetime ends."
BASIS = "assumes that the agent knows in the pause that it will go on"
RETENTION = ("gpt-4.1", "gpt-5")
NOT_RETAINED = ("mini", "nano", "gpt-5.5", "gpt-5.6")
"""Models (by the start of their name, and not with these words) that keep a prefix up to 24 hours with
`prompt_cache_retention="24h"` at the same price. From gpt-5.5 on the retention cannot be chosen.
https://developers.openai.com/api/docs/guides/prompt-caching, 2026-11-24."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place, with the way out that saves most."""
    line, trace = lineage(context), context.trace
    whole = line.same_uses == trace.request.lengths[line.previous]
    late = line.judged & line.same_session & whole & (line.gap_us > line.lifetime_us)
    could = line.in_steps(line.kept_tokens)
    late &= could > trace.cache_read
    if not late.any():
        return []
    lost = np.where(late, could - trace.cache_read, 0)
    ways, hint = _ways(context, line, late, could), _in_pauses(context, line, late, could)
    found = []
    for label, rows in by_place(context, late):
        place = np.flatnonzero(places(context).code == places(context).code[rows[0]])
        usd, fix = max((int(total(s, place)), fix) for fix, s in ways)
        if usd > 0:
            found.append(_finding(context, line, label, rows, usd, fix, lost))
        elif (usd := int(total(hint, rows))) > 0:
            found.append(_finding(context, line, label, rows, usd, KEEP_ALIVE, lost, BASIS))
    return found


def _ways(
    context: AuditContext, line: Lineage, late: NDArray[np.bool_], could: Int
) -> list[tuple[str, Int]]:
    """(fix, saved by it [call], its price taken off)."""
    read = context.trace.cache_read
    more = np.where(late, (could - read) * served_share(context), 0).astype(np.int64)
    within_hour = np.where(line.gap_us <= HOUR_US, more, 0)
    return [
        ('Set prompt_cache_retention="24h".', _with_retention(context, line, more)),
        ("Write the cache for an hour (ttl 1h).", _with_hour_writes(context, line, within_hour)),
        (
            "Keep the entry alive: a short call before each lifetime ends, for an hour.",
            _with_keep_alive(context, line, within_hour),
        ),
    ]


def _with_retention(context: AuditContext, line: Lineage, more: Int) -> Int:
    names = line.rules.names
    free = np.array([
        provider == "openai" and model.startswith(RETENTION)
        and not any(word in model for word in NOT_RETAINED)
        for provider, model in names
    ], np.bool_)[line.rules.rule]  # fmt: skip
    return saved_by_reading(context, np.where(free & (line.gap_us <= DAY_US), more, 0))


def _with_hour_writes(context: AuditContext, line: Lineage, more: Int) -> Int:
    """Every five-minute write is paid at the one-hour price instead."""
    marked = line.rules.breakpoints
    leaves = context.trace.leaves.copy()
    taken = np.minimum(np.where(marked, more, 0), leaves[:, Leaf.CACHE_WRITE_5M])
    leaves[:, Leaf.CACHE_WRITE_5M] -= taken
    leaves[:, Leaf.CACHE_READ] += taken
    rest = np.where(marked, leaves[:, Leaf.CACHE_WRITE_5M], 0)
    leaves[:, Leaf.CACHE_WRITE_5M] -= rest
    leaves[:, Leaf.CACHE_WRITE_1H] += rest
    return saved(context, leaves=leaves)


def _with_keep_alive(context: AuditContext, line: Lineage, more: Int) -> Int:
    """Each call is followed by short calls that read its prompt, until the next one or for an hour."""
    trace = context.trace
    until_next = np.full(trace.n, HOUR_US, np.int64)
    has_next = np.flatnonzero(line.same_session & (line.gap_us >= 0))
    until_next[line.previous[has_next]] = line.gap_us[has_next]
    times = np.minimum(until_next, HOUR_US) // np.maximum(line.lifetime_us, 1)
    prompt = line.in_steps(trace.input_tokens)
    times = np.where(line.rules.active & line.rules.reads & (prompt > 0), times, 0)
    return saved_by_reading(context, more) - _short_calls(context, times, prompt)


def _in_pauses(
    context: AuditContext, line: Lineage, late: NDArray[np.bool_], could: Int
) -> Int:  # [call]
    """Net of short calls in the pauses of at most an hour that a session came back from."""
    short = late & (line.gap_us <= HOUR_US)
    more = np.where(short, (could - context.trace.cache_read) * served_share(context), 0)
    times = np.where(short, line.gap_us // np.maximum(line.lifetime_us, 1), 0)
    net = saved_by_reading(context, more.astype(np.int64)) - _short_calls(context, times, could)
    return np.where(short, np.maximum(net, 0), 0)


def _short_calls(context: AuditContext, times: Int, prompt: Int) -> Int:  # [call]
    """Dollars of so many calls that read this prompt from the cache and answer with one token."""
    one = np.zeros_like(context.trace.leaves)
    one[:, Leaf.CACHE_READ], one[:, Leaf.OUTPUT_TEXT] = prompt, 1
    cost: Int = times * paid(context, times > 0, leaves=one)
    return cost


def _finding(
    context: AuditContext, line: Lineage, label: str, rows: Int, usd: int, fix: str, lost: Int,
    basis: str = "",
) -> Finding:  # fmt: skip
    seconds = int(np.median(line.lifetime_us[rows])) // 1_000_000
    return Finding(
        NAME, f"{label}: pauses longer than the cache's {seconds // 60} minutes", PicoUsd(usd),
        dearest(rows, lost), fix, None, estimated=bool(basis),
        evidence={
            "lifetime_s": seconds,
            "median_gap_s": int(np.median(line.gap_us[rows])) // 1_000_000,
            "tokens_read_again": int(lost[rows].sum()),
        } | ({"basis": basis} if basis else {}),
    )  # fmt: skip
