"""Counts whose convention the log itself has to prove: are cached and reasoning tokens inside?

The total decides where it fits a reading; else cached counts above the input prove that they stand beside
it; else the format's own rule holds. Nothing is clamped: counts that fit no reading are refused.
"""

from __future__ import annotations

from costopt.model.call import Usage
from costopt.model.usage import WRITES, Counts, as_count, inside, outside


def settled(
    counts: Counts, total: object, *, cached_inside: bool, reasoning_inside: bool = True
) -> Usage:
    """Usage by the total; the two flags are the format's own rule. Raises UsageContradiction."""
    given, made = as_count(counts.input, "input"), as_count(counts.output, "output")
    cached = as_count(counts.read, "cached input")
    cached += sum(as_count(getattr(counts, name), "cache writes") for name in WRITES)
    thought = as_count(counts.reasoning, "reasoning")
    if not cached and not thought:
        return inside(counts)
    whole = as_count(total, "total")
    rule = (cached_inside, reasoning_inside)
    readings = [rule, *((c, r) for c in (True, False) for r in (True, False) if (c, r) != rule)]
    fits = [
        (c, r) for c, r in readings
        if whole == given + made + (0 if c else cached) + (0 if r else thought)
        and not (c and cached > given) and not (r and thought > made)
    ]  # fmt: skip
    if fits:
        cached_inside, reasoning_inside = fits[0]
    elif cached > given:
        cached_inside = False
    build = inside if cached_inside else outside
    return build(counts, reasoning_inside=reasoning_inside)
