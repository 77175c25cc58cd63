"""Prompts just under the provider's minimum are never cached, however often they repeat.

## Where the money goes
OpenAI caches from 1,024 tokens on, Anthropic from 512 to 4,096 by model, and silently nothing below. A
stable prefix of 1,000 tokens is paid in full every time; a few dozen tokens more would make it cheap.

## How it is found
Calls whose text equals the call before up to somewhere between three quarters of the minimum and the
minimum, while that prefix was still alive. The saving is the bill difference when the prefix is padded
to the minimum and read from the cache. Every call of the agent pays for the padding: at the cached price
where it reads the cache, else in full.

## What can go wrong
Padding pays only where the prefix really repeats within the cache's lifetime. Where the
cached price is half of the fresh one there is little to gain.

## Fix
Move stable instructions, examples or tool descriptions to the front until the minimum is reached.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings.lineage import lineage, served_evidence, served_share, writes_nothing
from costopt.findings.places import Int, Mask, by_place, dearest, places, total
from costopt.findings.what_if import saved_by_reading
from costopt.model.finding import Finding

NAME = "short_prefix"
BASIS = "assumes the prefix was still alive: the log has no times"
NEAR_SHARE = 0.75
"""Of the minimum: padding by up to a third is a small edit, more is another prompt."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    line, read = lineage(context), context.trace.cache_read
    least = line.rules.min_tokens
    near = line.judged & line.alive & (read == 0) & ~writes_nothing(context)
    near &= (line.kept_tokens < least) & (line.kept_tokens >= NEAR_SHARE * least)
    found = []
    for label, rows in by_place(context, near):
        place = places(context).code == places(context).code[rows[0]]
        tokens, minimum = int(np.median(line.kept_tokens[rows])), int(np.median(least[rows]))
        mended = near & place & (line.kept_tokens >= tokens)
        saved = _saved(context, mended, place, minimum - tokens)
        paying = np.flatnonzero(saved)
        found.append(Finding(
            NAME, f"{label}: {tokens:,} stable tokens, just under the cache's minimum of {minimum:,}",
            total(saved, paying), dearest(np.flatnonzero(mended), saved),
            f"Put {minimum - tokens:,} more stable tokens in front, so that the prefix is cached.",
            "prompt_layout", estimated=bool((line.gap_us[rows] < 0).any()),
            evidence={"stable_tokens": tokens, "minimum_tokens": minimum}
            | served_evidence(context, rows)
            | ({"basis": BASIS} if (line.gap_us[rows] < 0).any() else {}),
        ))  # fmt: skip
    return [f for f in found if f.usd > 0]


def _saved(context: AuditContext, mended: Mask, place: Mask, padding: int) -> Int:  # [call]
    """Every call of the place carries the padding: cached where it reads or would, else fresh."""
    kept = lineage(context).kept_tokens
    served = np.where(mended, kept * served_share(context), 0).astype(np.int64)
    reads = mended | (context.trace.cache_read > 0)
    return saved_by_reading(
        context, served,
        also_sent=np.where(place & reads, padding, 0),
        also_fresh=np.where(place & ~reads, padding, 0),
    )  # fmt: skip
