"""Which models think before they answer and bill it: a token's price is not the price of an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import Leaf
from costopt.model.view import View

LEAST_CALLS = 100
"""Of a model in the log, before its own use of reasoning tokens says something of others."""
_ONE_SIDED_95 = 1.645
_ALWAYS = re.compile(
    r"^(o[1345](-|$)|gpt-5(?!.*chat)|gemini-(2\.5|3)(?!.*flash-lite)|grok-(3-mini|4)(?!.*non-reasoning)|"
    r"deepseek-(r1|reasoner)|qwq|magistral|gpt-oss|minimax-m\d|kimi-k2-thinking)"
    r"|(-|\b)(thinking|reasoning|reasoner)\b"
)
"""Models that reason unless told not to. https://developers.openai.com/api/docs/guides/reasoning,
https://ai.google.dev/gemini-api/docs/thinking, https://docs.x.ai/docs/guides/reasoning,
https://api-docs.deepseek.com/guides/reasoning_model, https://docs.mistral.ai/capabilities/reasoning,
checked 2026-11-24. Claude and Flash-Lite reason only when asked to."""


def reasons(model: str) -> bool:
    """By its name. A model that the log shows reasoning is told by `reasoning_of` besides."""
    bare = model.lower().rpartition("/")[2]
    return _ALWAYS.search(bare) is not None and "non-reasoning" not in bare


@dataclass(frozen=True)
class Reasoning:
    """Reasoning tokens of a model's calls in a log. Upper ends are one-sided 95 % bounds of means."""

    calls: int
    seen: bool
    per_token: float
    """Upper end, for each token of visible output."""
    per_call: float
    """Upper end, for each call: short answers are thought about as well."""


def reasoning_of(view: View, rows: NDArray[np.bool_]) -> Reasoning:
    """Of these calls as they were logged."""
    leaves = view.trace.leaves[rows]
    hidden = leaves[:, Leaf.OUTPUT_REASONING].astype(np.float64)
    shown = leaves[:, Leaf.OUTPUT_TEXT].astype(np.float64)
    n, total = len(hidden), float(shown.sum())
    if not n or not hidden.any():
        return Reasoning(n, False, 0.0, 0.0)
    per_call = float(hidden.mean() + _ONE_SIDED_95 * hidden.std() / np.sqrt(n))
    if not total:
        return Reasoning(n, True, 0.0, per_call)
    ratio = float(hidden.sum()) / total
    # Of a ratio of sums: the spread of what each call has beyond the ratio.
    spread = float(np.sqrt(((hidden - ratio * shown) ** 2).sum())) / total
    return Reasoning(n, True, ratio + _ONE_SIDED_95 * spread, per_call)


def expected_reasoning(
    view: View, model: str, calls: NDArray[np.bool_], replayed: float | None, stated: float | None
) -> tuple[float | None, str, float]:
    """(tokens for each visible one, basis, tokens for each call) of calls that move to a model.

    `calls`: those that the log shows on it. `replayed`, `stated`: what a replay measured and a setting
    says; None: nothing.
    """
    logged = reasoning_of(view, calls)
    if not reasons(model) and not logged.seen:
        return 0.0, "none", 0.0
    if replayed is not None:
        return replayed, "measured", 0.0
    if logged.calls >= LEAST_CALLS:
        return logged.per_token, "from_log", logged.per_call
    return stated, "assumed", 0.0
