"""Each call beside the call before it: how much of the prompt is the same, and could it be cached.

The call before is the last answered one of the session to the same cache (account, provider, model,
key) and agent; for the first of a session, the last one of that agent in any session.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.prompt_cache.namespace import combined, namespace_codes
from costopt.billing.prompt_cache.prefix import begins_us, gaps
from costopt.billing.prompt_cache.proven import ProvenRules
from costopt.billing.prompt_cache.rules import RuleColumns, rule_columns
from costopt.findings.memo import once
from costopt.model.bill import PriceStatus
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import Leaf
from costopt.model.trace import Ragged, Trace
from costopt.model.view import View

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
HOUR_US = 3_600_000_000
MIN_PAIRS = 20
"""Fewer unbroken pairs say too little about how often a provider serves what it could."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Every array is [call]."""

    previous: Int
    """Row of the call before; -1: none, or the log shows no text of the two."""
    same_uses: Int
    """Leading segments that both have."""
    kept_tokens: Int
    """Tokens of this call up to where they part: hidden prefix and whole segments."""
    same_session: Mask
    gap_us: Int
    """Between the two starts; -1: the log has no times."""
    alive: Mask
    """The cache still held it by the provider's rule, and the answer before had begun. An unknown gap
    counts as alive: findings then call themselves estimated."""
    lifetime_us: Int
    rules: RuleColumns
    judged: Mask
    """One priced request with reported counts, a cache at that time and tier, and a call before."""

    def in_steps(self, tokens: Int) -> Int:
        """The part of a prefix that the provider's rules let it cache: whole steps, from the minimum."""
        whole = tokens // self.rules.step_tokens * self.rules.step_tokens
        return np.where(tokens >= self.rules.min_tokens, whole, 0)


@once
def lineage(context: AuditContext) -> Lineage:
    """Compared segment by segment, for all calls at once."""
    trace = context.trace
    view = View.of(trace)
    rules = rule_columns(view, ProvenRules.of(trace, context.prices))
    previous, same_session = _previous(trace, view)
    same = common_uses(trace.request, previous)
    gap = np.where(previous >= 0, gaps(trace.at_us, trace.at_us[previous]), -1)
    lifetime = np.where(
        trace.leaves[previous, Leaf.CACHE_WRITE_1H] > 0,
        np.maximum(rules.lifetime_us, HOUR_US),
        rules.lifetime_us,
    )
    has_begun = (gap < 0) | (gap >= begins_us(trace)[previous])
    usable = (previous >= 0) & rules.active & rules.reads & (trace.requests == 1)
    usable &= trace.usage_state == UsageState.REPORTED
    usable &= context.bill.status == PriceStatus.PRICED
    return Lineage(
        previous, same, tokens_upto(context, same), same_session, gap,
        has_begun & (gap <= lifetime), lifetime, rules, usable,
    )  # fmt: skip


def _previous(trace: Trace, view: View) -> tuple[Int, Mask]:
    """(the call before, whether it is of the same session); rows are in time order already."""
    agent = trace.dims["agent"].codes
    cache = combined([namespace_codes(view), agent], trace.n)
    rows = np.flatnonzero(trace.has_content & (trace.status == CallStatus.OK))
    inside = _one_before(rows, combined([cache, trace.session], trace.n), trace.n)
    anywhere = _one_before(rows, cache, trace.n)
    return np.where(inside >= 0, inside, anywhere), inside >= 0


def _one_before(rows: Int, group: Int, n: int) -> Int:
    out = np.full(n, -1, np.int64)
    order = rows[np.argsort(group[rows], kind="stable")]
    same = group[order[1:]] == group[order[:-1]]
    out[order[1:][same]] = order[:-1][same]
    return out


def common_uses(block: Ragged, previous: Int) -> Int:  # [call]
    """Leading segments that a call shares with its previous one; 0 where there is none."""
    same = np.zeros(len(previous), np.int64)
    going = np.flatnonzero(previous >= 0)
    shorter = np.minimum(block.lengths[going], block.lengths[previous[going]])
    at = 0
    while len(going):
        inside = shorter > at
        going, shorter = going[inside], shorter[inside]
        starts, before = block.offsets[going], block.offsets[previous[going]]
        equal = block.ids[starts + at] == block.ids[before + at]
        going, shorter = going[equal], shorter[equal]
        at += 1
        same[going] = at
    return same


def tokens_upto(context: AuditContext, uses: Int) -> Int:  # [call]
    """Tokens of each call from its start to the end of so many segments, the hidden prefix included."""
    offsets = context.trace.request.offsets[:-1]
    running = running_tokens(context)
    return context.attribution.hidden_tokens + running[offsets + uses] - running[offsets]


@once
def running_tokens(context: AuditContext) -> Int:  # [use + 1]
    """Scaled tokens of all request uses before each."""
    return np.concatenate(([0], np.cumsum(context.attribution.use_tokens)))


@dataclass(frozen=True, slots=True)
class Served:
    """How much of an unbroken, living prefix the call's model really read from the cache in this log."""

    share: NDArray[np.float64]  # [call]; 1.0, the rule at its word, where `told` is False
    told: Mask  # [call]: the log has enough such pairs to tell


@once
def served(context: AuditContext) -> Served:
    """Measured for each model, on calls that go on from the call before in their session."""
    line, trace = lineage(context), context.trace
    could = line.in_steps(line.kept_tokens)
    whole = line.same_uses == trace.request.lengths[line.previous]
    pair = line.judged & line.alive & line.same_session & whole & (could > 0) & (line.gap_us >= 0)
    group, size = line.rules.rule, len(line.rules.names)
    enough = np.bincount(group[pair], minlength=size) >= MIN_PAIRS
    read = np.minimum(trace.cache_read, could)
    reads = np.bincount(group[pair], weights=read[pair], minlength=size)
    possible = np.bincount(group[pair], weights=could[pair], minlength=size)
    share = np.where(enough, reads / np.maximum(possible, 1), 1.0)
    return Served(share[group], enough[group])


def served_share(context: AuditContext) -> NDArray[np.float64]:  # [call]
    """The share alone."""
    return served(context).share


def served_evidence(context: AuditContext, rows: Int) -> dict[str, object]:
    """What the dollars of these calls assume of the provider, for a finding's evidence."""
    found = served(context)
    return {
        "served_share": round(float(found.share[rows].mean()), 4),
        "served_share_is": "measured in this log" if found.told[rows].all() else
        "the provider's rule; this log has too few unbroken calls to tell",
    }  # fmt: skip


@once
def writes_nothing(context: AuditContext) -> Mask:  # [call]
    """Calls that need marks to be cached, of a provider, model and agent that never wrote or read a cache."""
    line, trace = lineage(context), context.trace
    group = combined([line.rules.rule, trace.dims["agent"].codes], trace.n)
    used = trace.cache_read + trace.cache_write > 0
    some = np.bincount(group[used], minlength=int(group.max(initial=-1)) + 1) > 0
    return line.rules.breakpoints & ~some[group]
