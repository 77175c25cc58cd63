"""Prompts just under the provider's minimum are never cached, however often they repeat.

## Where the money goes
OpenAI caches from 1,024 tokens on, Anthropic from 512 to 4,096 by model, and silently nothing below. A
stable prefix of 1,000 tokens is paid in full every time; a few dozen tokens more would make it cheap.

## How it is found
Calls whose text equals the call before up to somewhere between three quarters of the minimum and the
minimum, while that prefix was still alive. The saving is the bill difference when the prefix is padded
to the minimum and read from the cache; the padding itself is paid for at the cached price.

## What can go wrong
Padding pays only where the prefix really repeats within the cache's lifetime, and the first call pays
for it in full. Where the cached price is half of the fresh one there is little to gain.

## Fix
Move stable instructions, examples or tool descriptions to the front until the minimum is reached.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings.lineage import lineage, served_share, writes_nothing
from costopt.findings.places import by_place, dearest, total
from costopt.findings.what_if import saved_by_reading
from costopt.model.finding import Finding

NAME = "short_prefix"
NEAR_SHARE = 0.75
"""Of the minimum: padding by up to a third is a small edit, more is another prompt."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    line, read = lineage(context), context.trace.cache_read
    least = line.rules.min_tokens
    near = line.judged & line.alive & (read == 0) & ~writes_nothing(context)
    near &= (line.kept_tokens < least) & (line.kept_tokens >= NEAR_SHARE * least)
    if not near.any():
        return []
    chance = served_share(context)
    kept = np.where(near, line.kept_tokens * chance, 0).astype(np.int64)
    padding = np.where(near, (least - line.kept_tokens) * chance, 0).astype(np.int64)
    saved = saved_by_reading(context, kept, also_sent=padding)
    found = []
    for label, rows in by_place(context, near & (saved > 0)):
        tokens, minimum = int(np.median(line.kept_tokens[rows])), int(np.median(least[rows]))
        found.append(Finding(
            NAME, f"{label}: {tokens:,} stable tokens, just under the cache's minimum of {minimum:,}",
            total(saved, rows), dearest(rows, saved),
            f"Put {minimum - tokens:,} more stable tokens in front, so that the prefix is cached.",
            "prompt_layout", estimated=bool((line.gap_us[rows] < 0).any()),
            evidence={"stable_tokens": tokens, "minimum_tokens": minimum,
                      "basis": "the provider's rule and the share it served in this log"},
        ))  # fmt: skip
    return found
