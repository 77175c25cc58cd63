"""What is written to the cache, and what stays fresh: the rest of the input once the read is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.model.leaf import CACHE_WRITES, INPUT, Leaf

_MODAL = [Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE, Leaf.CACHE_READ_AUDIO]


def split_input(
    before: NDArray[np.int64], after: NDArray[np.int64], cached: NDArray[np.int64],
    rules: RuleColumns, marked: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:  # fmt: skip
    """[call, leaf]: `after` with its input as read + written + fresh; sums to its own total.

    What lay behind the last mark stays fresh; from there to the front everything that is not read
    is written, at the lifetimes that the call wrote with before. `marked`: [call] tokens up to the last
    mark where an edit set the first one that counts (`new_marks`); 0: it did not.
    """
    leaves = after.copy()
    text = after[:, INPUT].sum(axis=1) - after[:, _MODAL].sum(axis=1)
    read = np.minimum(cached, text)
    written_before = before[:, CACHE_WRITES].sum(axis=1)
    cached_before = before[:, Leaf.CACHE_READ] + written_before
    text_before = before[:, INPUT].sum(axis=1) - before[:, _MODAL].sum(axis=1)
    behind = text_before - cached_before
    region = np.where(cached_before > 0, np.maximum(text - behind, 0), 0)
    if marked is not None:
        region = np.where(cached_before > 0, region, np.minimum(marked, text))
    region = np.where(rules.breakpoints, region, text // rules.step_tokens * rules.step_tokens)
    writes = rules.active & rules.writes_charged & (region >= rules.min_tokens)
    written = np.where(writes, np.maximum(region - read, 0), 0)
    leaves[:, CACHE_WRITES] = _by_lifetime(before[:, CACHE_WRITES], written, rules)
    leaves[:, Leaf.CACHE_READ] = read
    leaves[:, Leaf.INPUT_FRESH] = text - read - written
    return leaves


def _by_lifetime(
    before: NDArray[np.int64], written: NDArray[np.int64], rules: RuleColumns
) -> NDArray[np.int64]:
    """Split what is written as the call split it before; else five minutes (marks) or no lifetime."""
    total = before.sum(axis=1, keepdims=True)
    parts = before * written[:, None] // np.maximum(total, 1)
    five_minutes = Leaf.CACHE_WRITE_5M - CACHE_WRITES.start
    other = Leaf.CACHE_WRITE_OTHER - CACHE_WRITES.start
    usual = np.where(rules.breakpoints, five_minutes, other)
    into = np.where(total[:, 0] > 0, before.argmax(axis=1), usual)
    parts[np.arange(len(parts)), into] += written - parts.sum(axis=1)
    return parts
