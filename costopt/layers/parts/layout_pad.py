"""Prompts just under the provider's minimum, padded up to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.lengths import counted_uses, visible_tokens
from costopt.layers.base import Artifacts
from costopt.layers.parts.layout_draft import Layout, Pads
from costopt.layers.parts.layout_lead import Scene, hashes
from costopt.layers.parts.volatile import MARK
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT
from costopt.model.trace import stretches

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
LEAST_CALLS = 2
"""One call alone has nobody to share its beginning with."""
LOW = 0.05
"""Counts between anchors are scaled call by call: so few of the calls may stay under the minimum."""
NOTE = "This line has no meaning; it only brings the prompt to the length from which it is cached. "
_CHARS_PER_TOKEN = 4


def padding(scene: Scene, layout: Layout, share: float, artifacts: Artifacts) -> Pads:
    """For each beginning that calls of an agent share: what it lacks, if that is at most this share
    of the minimum."""
    view = scene.view.edited(request=layout.request, made=layout.made)
    calls = np.flatnonzero(scene.rows & (scene.lead > 0))
    if not len(calls):
        return Pads.none(layout.made)
    uses = stretches(layout.request.offsets[calls], scene.lead[calls])
    told, _ = hashes(layout.request, uses, view.trace.n)
    shown, scale = _sizes(scene, layout, calls, artifacts)
    key = np.stack((scene.group[calls].astype(np.uint64), told[calls]), axis=1)
    which = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(which, kind="stable")
    add = np.zeros(len(calls), np.int64)
    for rows in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        if len(rows) >= LEAST_CALLS:
            add[rows] = _lacks(scene, calls[rows], shown[rows], scale[rows], share)
    return _made(scene, layout, calls[add > 0], add[add > 0])


def _sizes(
    scene: Scene, layout: Layout, calls: Int, artifacts: Artifacts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[given call]: (billed tokens of what stands in front, hidden ones included; billed for each
    counted one)."""
    view = scene.view.edited(request=layout.request, made=layout.made)
    counts = counted_uses(
        view.model.codes, view.model.values, layout.request, artifacts.tokens(view)
    )
    total = scene.view.leaves[calls][:, INPUT].sum(axis=1)
    hidden = np.minimum(artifacts.hidden(scene.view)[calls], total)
    whole = visible_tokens(layout.request, counts)[calls]
    scale = np.where(whole > 0, (total - hidden) / np.maximum(whole, 1), 1.0)
    running = np.concatenate(([0], np.cumsum(counts)))
    first = layout.request.offsets[calls]
    front = running[first + scene.lead[calls]] - running[first]
    return hidden + front * scale, scale


def _lacks(
    scene: Scene, calls: Int, shown: NDArray[np.float64], scale: NDArray[np.float64], share: float
) -> int:
    """Tokens to add, as counted; 0: the beginning is long enough, or far too short."""
    least = int(scene.rules.min_tokens[calls].max())
    reads = scene.view.trace.cache_read[calls]
    if ((reads > 0) & (reads < least)).any():  # the provider caches less than it says
        return 0
    size = float(np.quantile(shown, LOW, method="lower"))
    if not (1 - share) * least <= size < least:
        return 0
    return int(np.ceil((least - size) / max(float(np.median(scale)), 1e-9)))


def _made(scene: Scene, layout: Layout, calls: Int, tokens: Int) -> Pads:
    """One segment for each length."""
    if not len(calls):
        return Pads.none(layout.made)
    sizes, which = np.unique(tokens, return_inverse=True)
    n = len(sizes)
    none = np.zeros(n, np.int64)
    texts = [(NOTE * (1 + int(s) * _CHARS_PER_TOKEN // len(NOTE)))[: int(s) * _CHARS_PER_TOKEN]
             for s in sizes]  # fmt: skip
    made, ids = layout.made.added(
        kind=np.full(n, SegmentKind.SYSTEM, np.int8), name=np.zeros(n, np.int32), tokens=sizes,
        source=np.full(n, -1, np.int32), head=none, tail=none, mark=f"{MARK} pad", text=texts,
    )  # fmt: skip
    return Pads(made, calls, ids[which.reshape(-1)])
