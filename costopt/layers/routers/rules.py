"""By rule: who asks, for what, how much is sent, and whether tools are in play. Free, and it cannot read.

Only what is known before the call is made can be a rule: the length of the answer is not.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.routing_rules import LIMITS, Rule
from costopt.layers.parts.tiers import tier_number
from costopt.layers.parts.turns import first_turns
from costopt.layers.routers.base import NOWHERE, Asked, Decided, column
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT
from costopt.model.view import View

Mask = NDArray[np.bool_]
USUAL: Rule = (("max_input_tokens", 2_000), ("tools", False), ("first_turn", True))
"""Where no rule is given. A page or two, nothing to call, no loop: the checklist's simple call, as far as
it can be told before the answer."""


def decide(asked: Asked) -> Decided:
    """The first tier, from the cheapest on, whose rule fits."""
    rules = asked.route.rules or (("simple", USUAL),)
    tier = np.full(asked.view.trace.n, NOWHERE, np.int8)
    for name, rule in sorted(rules, key=lambda item: tier_number(item[0])):
        fits = asked.rows & (tier == NOWHERE) & _fits(asked, rule)
        tier[fits] = tier_number(name)
    return Decided(tier)


def _fits(asked: Asked, rule: Rule) -> Mask:
    out = np.ones(asked.view.trace.n, np.bool_)
    for part, value in rule:
        out &= _limit(asked.view, part, value) if part in LIMITS else _pattern(asked, part, value)
    return out


def _pattern(asked: Asked, part: str, value: object) -> Mask:
    patterns = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    found = column(asked, part, "rules")
    fits = [any(fnmatchcase(v, p) for p in patterns) for v in found.values]
    return np.array(fits, np.bool_)[found.codes]


def _limit(view: View, part: str, value: object) -> Mask:
    limit = int(value)  # type: ignore[call-overload]
    if part == "tools":
        return uses_any(view, SegmentKind.TOOLS, SegmentKind.TOOL_RESULT) == bool(value)
    if part == "first_turn":
        return view.trace.has_content & (first_turns(view) == bool(value))
    total = view.leaves[:, INPUT].sum(axis=1)
    return np.asarray(total <= limit if part == "max_input_tokens" else total >= limit)


def uses_any(view: View, *kinds: SegmentKind) -> Mask:  # [call]
    """Requests that hold a segment of one of these kinds."""
    block = view.request
    there = np.isin(view.segments.kind[block.ids], kinds)
    before = np.concatenate(([0], np.cumsum(there)))
    return np.asarray(before[block.offsets[1:]] > before[block.offsets[:-1]])
