"""What stretches of a request really cost: cached input from the front, then what was written, then fresh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.pools import pools_of
from costopt.billing.prompt_cache.lengths import counted_uses
from costopt.layers.base import Artifacts
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, INPUT
from costopt.model.view import View

Int = NDArray[np.int64]
Float = NDArray[np.float64]


def paid_pusd(view: View, uses: Int, artifacts: Artifacts) -> Float:  # [use given]
    """Pico-dollars of some request uses behind the provider's cache. `uses`: into `view.request.ids`."""
    block, tokens = view.request, artifacts.tokens(view)
    counts = counted_uses(view.model.codes, view.model.values, block, tokens)
    running = np.concatenate(([0], np.cumsum(counts)))
    call = np.searchsorted(block.offsets, uses, side="right") - 1
    leaves, pools = artifacts.leaves(view)[call], pools_of(artifacts.bill(view))
    total = leaves[:, INPUT].sum(axis=1)
    hidden = np.minimum(artifacts.hidden(view)[call], total)
    first = running[block.offsets[call]]
    scale = (total - hidden) / np.maximum(running[block.offsets[call + 1]] - first, 1)
    begin = hidden + (running[uses] - first) * scale
    end = hidden + (running[uses + 1] - first) * scale
    read = leaves[:, list(CACHE_READS)].sum(axis=1)
    written = leaves[:, CACHE_WRITES].sum(axis=1)
    return np.asarray(
        _share(begin, end, 0 * read, read) * pools.read[call]
        + _share(begin, end, read, written) * pools.write[call]
        + _share(begin, end, read + written, total - read - written) * pools.fresh[call]
    )


def _share(begin: Float, end: Float, first: Int, size: Int) -> Float:  # [use]
    """Of `size` tokens from `first` on, the part that lies between begin and end."""
    inside = np.clip(end - first, 0, size) - np.clip(begin - first, 0, size)
    return np.asarray(inside / np.maximum(size, 1))
