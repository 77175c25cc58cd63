"""Tokens behind a layer as a replay measured them: longer or shorter answers, requests cut otherwise.

Of the calls whose request the layer changed, as they were replayed. Both are ratios, applied to each call by
itself, so parts of a trace come to what the whole does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.edits import shorter
from costopt.billing.view_tokens import changed_requests
from costopt.engine.matched import Bent, Evidence, unbent
from costopt.layers.base import Layer
from costopt.model.effect import Effect
from costopt.model.leaf import INPUT, OUTPUT, Leaf
from costopt.model.view import View

Int = NDArray[np.int64]


def corrected(before: View, after: View, effect: Effect, layer: Layer, known: Evidence) -> View:
    """`after` with measured ratios in it; the same object where none is known. A ratio that the layer
    applies itself (`APPLIES`) is left to it."""
    inner = unbent(layer)
    entry = known.of(inner, inner.report(effect.tally, effect.detail).settings)
    own = getattr(inner, "APPLIES", ())
    ratios = {k: r for k, r in known.ratios(inner, entry).items() if k not in own} if entry else {}
    at = layer.end if isinstance(layer, Bent) else None
    bent = layer.what if isinstance(layer, Bent) else ""
    shares = {k: r.at(at if k == bent else None) for k, r in ratios.items()}
    if before.request is after.request or all(share == 1 for share in shares.values()):
        return after
    rows = np.flatnonzero(changed_requests(before, after) & after.sent)
    leaves = _outputs(after.leaves, rows, shares.get("output_ratio", 1.0))
    leaves = _inputs(before.leaves, leaves, rows, shares.get("input_ratio", 1.0))
    if leaves is after.leaves:
        return after
    leaves.flags.writeable = False
    return after.edited(leaves=leaves)


def _outputs(leaves: Int, rows: Int, ratio: float) -> Int:
    """Answers times the ratio, reasoning included, to whole tokens; an answer keeps one at least."""
    if ratio == 1 or not len(rows):
        return leaves
    out = leaves.copy()
    was = out[rows, OUTPUT]
    now = np.rint(was * ratio).astype(np.int64)
    now[:, 0] += (was.sum(axis=1) > 0) & (now.sum(axis=1) == 0)
    out[rows, OUTPUT] = now
    return out


def _inputs(was_leaves: Int, leaves: Int, rows: Int, ratio: float) -> Int:
    """The input that was measured. What a cut takes out is corrected by it, never to more than stood
    there before."""
    if ratio == 1 or not len(rows):
        return leaves
    was, now = was_leaves[rows][:, INPUT].sum(axis=1), leaves[rows][:, INPUT].sum(axis=1)
    wanted = np.maximum(np.rint(now * ratio).astype(np.int64), np.minimum(now, 1))
    wanted = np.where(now <= was, np.minimum(wanted, was), wanted)
    out = leaves.copy()
    out[rows] = shorter(out[rows], np.maximum(now - wanted, 0))
    out[rows, Leaf.INPUT_FRESH] += np.maximum(wanted - now, 0)
    return out
