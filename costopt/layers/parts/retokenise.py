"""The same texts under another model's tokenizer: reported counts, scaled by what the texts count for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.lengths import counted_uses, visible_tokens
from costopt.model.call import SegmentKind
from costopt.model.leaf import CACHE_WRITES, INPUT, Leaf
from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
_TEXT_INPUT = (Leaf.INPUT_FRESH, Leaf.CACHE_READ, *range(CACHE_WRITES.start, CACHE_WRITES.stop))


@dataclass(frozen=True)
class Ratios:
    """New tokens for each old one. 1.0 where nothing was to be counted."""

    request: NDArray[np.float64]  # [row]
    answer: NDArray[np.float64]  # [row]
    without_text: NDArray[np.bool_]  # [row]: neither could be counted


def same_family(own: str, target: str, makers: tuple[str, str], tokens: TokenCounter) -> bool:
    """One maker's models without a public tokenizer: their texts count alike, as far as anyone can tell.

    Their calibrations differ by noise alone, which must not become a saving.
    """
    labels = tokens.label(own), tokens.label(target)
    return makers[0] == makers[1] and not all(label.startswith("exact") for label in labels)


def ratios(view: View, rows: Int, target: str, tokens: TokenCounter) -> Ratios:
    """Requests and visible answers of these calls, counted under their own model and the target."""
    kinds = view.segments.kind
    request = _ratio(view, view.request, rows, target, tokens)
    spoken = kinds[view.response.ids] != SegmentKind.REASONING
    answer = _ratio(view, _kept(view.response, spoken), rows, target, tokens)
    unknown = np.isnan(request) & np.isnan(answer)
    return Ratios(np.nan_to_num(request, nan=1.0), np.nan_to_num(answer, nan=1.0), unknown)


def equal_ratios(rows: Int) -> Ratios:
    """The same tokenizer on both sides."""
    ones = np.ones(len(rows))
    return Ratios(ones, ones, np.zeros(len(rows), np.bool_))


def _kept(block: Ragged, keep: NDArray[np.bool_]) -> Ragged:
    if keep.all():
        return block
    before = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
    return Ragged(before[block.offsets], block.ids[keep], block.flags[keep])


def _ratio(
    view: View, block: Ragged, rows: Int, target: str, tokens: TokenCounter
) -> NDArray[np.float64]:
    """NaN: no text to count. Segments that the log only gives a length for count alike."""
    lengths = block.lengths[rows]
    uses = block.uses_of(rows)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    part = Ragged(offsets, block.ids[uses], block.flags[uses])
    has_text = view.segments.has_text[part.ids]
    own = counted_uses(view.model.codes[rows], view.model.values, part, tokens)
    zeros = np.zeros(len(rows), np.int32)
    new = np.where(has_text, counted_uses(zeros, (target,), part, tokens), own)
    was = visible_tokens(part, own)
    readable = (visible_tokens(part, has_text.astype(np.int64)) > 0) & (was > 0)
    return np.where(readable, visible_tokens(part, new) / np.maximum(was, 1), np.nan)


def rescaled_input(leaves: Int, ratio: NDArray[np.float64]) -> Int:  # [row, leaf]
    """Input text scaled, the hidden prompt with it; images and audio keep the counts that were billed.

    What stands where among fresh, read and written is billing's to say: here the shares stay.
    """
    out = leaves.copy()
    text = leaves[:, _TEXT_INPUT]
    total = text.sum(axis=1)
    wanted = np.rint(total * ratio).astype(np.int64)
    parts = np.floor(text * np.where(total > 0, wanted / np.maximum(total, 1), 1.0)[:, None])
    parts = np.where((wanted == total)[:, None], text, parts).astype(np.int64)
    largest = parts.argmax(axis=1)
    parts[np.arange(len(parts)), largest] += wanted - parts.sum(axis=1)
    out[:, _TEXT_INPUT] = parts
    return out


def fresh(leaves: Int) -> Int:  # [row, leaf]
    """The same input without any cache: what a call beside the agent's own pays."""
    out = leaves.copy()
    modal = leaves[:, [Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE]].sum(axis=1)
    out[:, _TEXT_INPUT] = 0
    out[:, Leaf.CACHE_READ_AUDIO] = 0
    out[:, Leaf.INPUT_FRESH] = leaves[:, INPUT].sum(axis=1) - modal
    return out
