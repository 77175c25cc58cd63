"""What the words of a log say of a call: named like background work, or cut by its own limit."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Categorical, Trace

NAMED_IN = ("agent", "task", "workflow", "tags")
_BACKGROUND = re.compile(
    r"(?<![a-z])(nightly|overnight|batch|bulk|cron|scheduled?|offline|backfill|digest|daily|weekly"
    r"|hourly|monthly|etl|evals?|evaluation|reindex|indexer|background)(?![a-z])",
    re.IGNORECASE,
)
CUT_WORDS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"})
"""Finish reasons of the providers for an answer cut by its limit, in lower case."""


def named_background(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """By the words of its agent, task, workflow or tags."""
    out = np.zeros(trace.n, np.bool_)
    for name in NAMED_IN:
        out |= _fits(trace.dims[name], lambda text: bool(_BACKGROUND.search(text)))
    return out


def cut_by_limit(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """Answers that ended because `max_tokens` was reached."""
    return _fits(trace.dims["finish"], lambda text: text.lower() in CUT_WORDS)


def _fits(column: Categorical, test: Callable[[str], bool]) -> NDArray[np.bool_]:  # [call]
    return np.array([test(value) for value in column.values], np.bool_)[column.codes]
