"""What a layer does to tokens, times and prices, predicted beside measured. One file a kind of layer.

Measured are rows of the judging half alone; predicted is the projection as it stood.
"""

from __future__ import annotations

from collections.abc import Callable

from costopt.replay.compare.pairs import bare
from costopt.replay.compare.quantities.base import Asked, Found
from costopt.replay.compare.quantities.batch import batch
from costopt.replay.compare.quantities.cached import cached_share
from costopt.replay.compare.quantities.hits import false_hits
from costopt.replay.compare.quantities.kept import input_kept
from costopt.replay.compare.quantities.length import length_ratio, truncated
from costopt.replay.compare.quantities.serving import serving

__all__ = ["Asked", "Found", "found_of"]

_KINDS: dict[str, tuple[Callable[[Asked], Found], ...]] = {
    "prompt_layout": (cached_share,),
    "route": (length_ratio,),
    "output": (truncated, length_ratio),
    "exact_cache": (false_hits,),
    "semantic_cache": (false_hits,),
    "batch": (batch,),
    "self_host": (serving, length_ratio),
}
_OTHERS = (input_kept, cached_share)
"""Of layers that shorten the prompt, and of those that this table does not know."""


def found_of(layer: str, asked: Asked) -> Found:
    """All of the layer's quantities; the words are those of the first that has any."""
    every = [kind(asked) for kind in _KINDS.get(bare(layer), _OTHERS)]
    words = next((found.words for found in every if found.words), "")
    return Found([row for found in every for row in found.rows], words)
