"""A small router, learnt from the log's own labels: does the cheap model answer this request as well?

Logistic regression over what is known before the call is made. Each half of the log (by time; equal
requests stay together) is scored by what the other half taught, so no call is judged by its own label.
How strongly the coefficients are pulled to 0 is told by the data: the scale of highest evidence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.router_features import Extractor
from costopt.billing.prompt_cache.logistic import chance, fitted_near
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.router_scores import RouterScores, as_good, enough
from costopt.layers.parts.routing_evidence import UNKNOWN, Labelled
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Trace
from costopt.model.view import View

Mask = NDArray[np.bool_]
Float = NDArray[np.float64]
MOST_ROWS = 20_000
"""Labelled answers that one half is learnt from: more move 300 coefficients by less than chance does."""
_CHUNK = 20_000


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The log as recorded: what other layers did to the view is not looked at. Labels are in the spec."""
    del spec
    return digest_of(view.trace.key, view.trace.at_us)


def build(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> RouterScores:
    """Scores of all calls for one target: settings `right` (labels, one byte a call) and `target`."""
    del tokens
    trace = view.trace
    labelled = labelled_by(trace, spec)
    y = as_good(labelled, logged_as(trace, spec.get("target", ())))
    halves = (~labelled.later, labelled.later)
    trained = tuple(int((y[half] != UNKNOWN).sum()) for half in halves)
    good = np.full(trace.n, np.nan)
    if not all(enough(y, half) for half in halves):
        return RouterScores(good, (trained[0], trained[1]), too_few(trained))
    extractor = Extractor(View.of(trace), texts)
    for half, other in (halves, halves[::-1]):
        weights = _learnt(extractor, y, half)
        rows = np.flatnonzero(other)
        for part in np.array_split(rows, max(1, len(rows) // _CHUNK)):
            good[part] = chance(extractor.scaled(part, weights[0]) @ weights[1])
    return RouterScores(good, (trained[0], trained[1]), _told(trained))


def _learnt(
    extractor: Extractor, y: NDArray[np.int8], half: Mask
) -> tuple[tuple[Float, Float], Float]:
    """((centre, width) of the features, coefficients)."""
    rows = np.flatnonzero(half & (y != UNKNOWN))
    rows = rows[:: max(1, -(-len(rows) // MOST_ROWS))]
    scale = extractor.scale(rows)
    x = extractor.scaled(rows, scale)
    right = y[rows] == 1
    share = (right.sum() + 0.5) / (len(right) + 1.0)
    centre = np.zeros(x.shape[1])
    centre[-1] = np.log(share / (1.0 - share))
    return scale, fitted_near(x, right, centre, extractor.spread)


def labelled_by(trace: Trace, spec: ArtifactSpec) -> Labelled:
    """The labels that the layer read: which column they stand in is its business."""
    return Labelled(trace, np.frombuffer(spec.get("right"), np.int8))


def logged_as(trace: Trace, names: tuple[tuple[str, str], ...]) -> Mask:  # [call]
    """Calls on one of these (provider, model) names."""
    provider, model = trace.dims["provider"], trace.dims["model"]
    out = np.zeros(trace.n, np.bool_)
    for p, m in names:
        if p in provider.values and m in model.values:
            mine = provider.codes == provider.values.index(p)
            out |= mine & (model.codes == model.values.index(m))
    return out


def _told(trained: tuple[int, ...]) -> str:
    return f"learnt from {trained[0]:,} judged answers of the earlier half and {trained[1]:,} of the later"


def too_few(trained: tuple[int, ...]) -> str:
    return (
        f"only {trained[0]:,} and {trained[1]:,} judged answers in the two halves of the log, or of one kind:"
        " nothing is learnt, no call is moved."
    )
