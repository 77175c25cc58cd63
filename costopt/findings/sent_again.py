"""How a finding of resent text is built: place by place, what a cache served and what it could still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costopt.billing.context import AuditContext
from costopt.findings.lineage import lineage
from costopt.findings.places import Int, Mask, by_place, dearest, total
from costopt.findings.resending import AUTOMATIC, Resent, fix_of, saved_if_read, wants_marks
from costopt.model.finding import Finding
from costopt.money import PicoUsd, usd_float


@dataclass(frozen=True, slots=True)
class Again:
    """The calls of a place that send the same text again."""

    label: str
    rows: Int
    resent: Resent
    saved_pusd: int
    """If the cache had read what it could have; below zero where marks cost more than they give."""


def with_cache(context: AuditContext, resent: Resent, marked_upto: Int) -> Iterator[Again]:
    """Places of models with a prompt cache."""
    again, saved = _sends_again(context, resent), saved_if_read(context, resent, marked_upto)
    # A first call sends nothing again, but it pays for what marks would write.
    for label, rows in by_place(context, lineage(context).rules.active & (again | (saved < 0))):
        if again[rows].any():
            yield Again(label, rows[again[rows]], resent, total(saved, rows))


def without_cache(context: AuditContext, resent: Resent) -> Iterator[tuple[str, Int]]:
    """(label, calls that send it again) of places of models without one."""
    again = _sends_again(context, resent)
    return by_place(context, again & ~lineage(context).rules.active)


def _sends_again(context: AuditContext, resent: Resent) -> Mask:  # [call]
    return (resent.tokens > 0) & context.trace.session_known


def served(
    context: AuditContext, place: Again, name: str, title: str, mark: str,
    evidence: dict[str, object],
) -> Finding:  # fmt: skip
    """What the cache has saved, and what it could still. `mark`: the fix where marks are missing."""
    rows, resent = place.rows, place.resent
    usd, kept = max(0, place.saved_pusd), total(resent.already_saved, rows)
    certain = wants_marks(context, rows, resent)
    hint = bool(usd and not certain)
    return Finding(
        name, title, PicoUsd(usd), dearest(rows, resent.pusd),
        fix_of(context, rows, usd, kept, mark if certain else ""), "prompt_layout", kept, hint,
        evidence | ({"basis": AUTOMATIC} if hint else {}),
    )  # fmt: skip


def evidence_of(resent: Resent, rows: Int) -> dict[str, object]:
    """Tokens and dollars of what these calls send again."""
    tokens = int(resent.tokens[rows].sum())
    return {
        "resent_tokens": tokens,
        "resent_usd": usd_float(total(resent.pusd, rows)),
        "cached_share": round(int(resent.cached_tokens[rows].sum()) / tokens, 4) if tokens else 0.0,
        "missed_tokens": int(resent.missed[rows].sum()),
    }
