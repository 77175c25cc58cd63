"""The same tools and system prompt are sent, and paid for, with every call of a session.

## Where the money goes
A chat API has no memory: a prompt of 2,000 tokens in a session of 12 calls is 24,000 input tokens. The
provider's prompt cache serves most of it at a tenth to a half of the price, if it may.

## How it is found
Tool schemas, system prompt and the inferred hidden prefix of every call but the session's first. What
the cache has saved on them stands in `already_saved`. `usd` is the rest that a cache could still save by
the provider's own rules: at least the minimum length, byte-equal to the call before, still alive. Where
calls never marked anything (Anthropic), the price of writing is taken off. For a model without a prompt
cache it is instead the price of the tokens above 500, as a hint.

## What can go wrong
Automatic caches promise nothing: a miss of theirs cannot be forced away, so those dollars are a hint.
A shortened prompt may answer worse: replay it first.

## Fix
Keep the head byte-equal, mark its end where the provider wants marks, and send one `prompt_cache_key`
for each prompt.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.attribution import split_in_order
from costopt.billing.context import AuditContext
from costopt.findings.places import Int, dearest, times_a_session, total
from costopt.findings.resending import Resent, head_tokens, resent_head
from costopt.findings.sent_again import evidence_of, served, with_cache, without_cache
from costopt.model.finding import Finding

NAME = "resent_system_prompt"
SHORT_TOKENS = 500
"""The checklist's limit for a system prompt, item 3; what is above it is called long here too."""
MARK = "Mark the end of the system prompt with cache_control, so that later calls read it."
SHORTER = f"assumes that {SHORT_TOKENS} tokens are enough; no prompt cache for this model"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and kind of cache."""
    resent = resent_head(context)
    found = [
        served(
            context, place, NAME, _title(context, place.label, place.rows), MARK,
            _evidence(context, place.rows, resent),
        )
        for place in with_cache(context, resent, head_tokens(context))
    ]  # fmt: skip
    for label, rows in without_cache(context, resent):
        found.append(_without_cache(context, label, rows, resent))
    return [f for f in found if f.usd > 0 or f.already_saved > 0]


def _without_cache(context: AuditContext, label: str, rows: Int, resent: Resent) -> Finding:
    above = np.maximum(resent.tokens - SHORT_TOKENS, 0)
    worth = split_in_order(resent.pusd, above, resent.tokens)
    return Finding(
        NAME, _title(context, label, rows), total(worth, rows), dearest(rows, worth),
        f"Shorten the system prompt and tools towards {SHORT_TOKENS} tokens;"
        " this model has no prompt cache.", "compress", total(resent.already_saved, rows), True,
        _evidence(context, rows, resent) | {"basis": SHORTER},
    )  # fmt: skip


def _title(context: AuditContext, label: str, rows: Int) -> str:
    tokens = int(np.median(head_tokens(context)[rows]))
    times = times_a_session(context, rows)
    return f"{label}: {tokens:,}-token system prompt and tools sent again {times}"


def _evidence(context: AuditContext, rows: Int, resent: Resent) -> dict[str, object]:
    head = {"head_tokens": int(np.median(head_tokens(context)[rows]))}
    return head | evidence_of(resent, rows)
