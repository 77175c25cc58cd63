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
from costopt.model.trace import Ragged, stretches

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
LEAST_CALLS = 2
"""One call alone has nobody to share its beginning with."""
WIDE = 2.0
"""Billed tokens for each counted one lie between this and its inverse, for any counter worth the name."""
LOW = 0.05
"""Counts between anchors are scaled call by call: so few of the calls may stay under the minimum."""
NOTE = "This line has no meaning; it only brings the prompt to the length from which it is cached. "
_CHARS_PER_TOKEN = 4


def padding(scene: Scene, layout: Layout, share: float, artifacts: Artifacts) -> Pads:
    """For each beginning that calls of an agent share: what it lacks, if that is at most this share
    of the minimum."""
    calls = _near(scene, layout, share, artifacts)
    if not len(calls):
        return Pads.none(layout.made)
    uses = stretches(layout.request.offsets[calls], scene.lead[calls])
    told = hashes(scene, layout.request.ids[uses], np.repeat(calls, scene.lead[calls]))[calls]
    shown, scale = _sizes(scene, layout, calls, artifacts)
    which = np.unique(told, return_inverse=True)[1].reshape(-1)
    order = np.argsort(which, kind="stable")
    add = np.zeros(len(calls), np.int64)
    hopeful = _hopeful(scene, calls, which, shown, share)
    for rows in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        if len(rows) >= LEAST_CALLS and hopeful[which[rows[0]]]:
            add[rows] = _lacks(scene, calls[rows], shown[rows], scale[rows], share)
    return _made(scene, layout, calls[add > 0], add[add > 0])


def _hopeful(
    scene: Scene, calls: Int, which: Int, shown: NDArray[np.float64], share: float
) -> Bool:  # [beginning]
    """Beginnings of which some calls stand below the minimum and some no further below it than may be
    padded: `_lacks` looks at these alone, a tenth of a millisecond each."""
    groups = int(which.max()) + 1
    least = np.zeros(groups, np.int64)
    np.maximum.at(least, which, scene.rules.min_tokens[calls])
    short, near = shown < least[which], shown >= (1 - share) * least[which]
    return (np.bincount(which[short], minlength=groups) > 0) & (
        np.bincount(which[near], minlength=groups) > 0
    )


def _near(scene: Scene, layout: Layout, share: float, artifacts: Artifacts) -> Int:
    """Calls whose front may be near the minimum, by its tokens as counted: the others are most."""
    calls = np.flatnonzero(scene.rows & (scene.lead > 0))
    if not len(calls):
        return calls
    uses = stretches(layout.request.offsets[calls], scene.lead[calls])
    offsets = np.concatenate(([0], np.cumsum(scene.lead[calls])))
    front = Ragged(offsets, layout.request.ids[uses], layout.request.flags[uses])
    shown = _counted(scene, layout, calls, front, artifacts) + artifacts.hidden(scene.view)[calls]
    least = scene.rules.min_tokens[calls]
    return calls[(shown < WIDE * least) & (shown * WIDE >= (1 - share) * least)]


def _counted(
    scene: Scene, layout: Layout, calls: Int, block: Ragged, artifacts: Artifacts
) -> Int:  # [given call]
    """Tokens of some of these calls' uses, each by the model of its call."""
    model, tokens = scene.view.model, artifacts.tokens(scene.view.edited(made=layout.made))
    return visible_tokens(block, counted_uses(model.codes[calls], model.values, block, tokens))


def _sizes(
    scene: Scene, layout: Layout, calls: Int, artifacts: Artifacts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[given call]: (billed tokens of what stands in front, hidden ones included; billed for each
    counted one)."""
    block = layout.request
    total = scene.view.leaves[calls][:, INPUT].sum(axis=1)
    hidden = np.minimum(artifacts.hidden(scene.view)[calls], total)
    counted = []
    for lengths in (block.lengths[calls], scene.lead[calls]):
        uses = stretches(block.offsets[calls], lengths)
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        part = Ragged(offsets, block.ids[uses], block.flags[uses])
        counted.append(_counted(scene, layout, calls, part, artifacts))
    whole, front = counted
    scale = np.where(whole > 0, (total - hidden) / np.maximum(whole, 1), 1.0)
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
