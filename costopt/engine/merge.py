"""The one writer: merges a layer's effect into the next view, copying only the edited columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.view_tokens import resized, tokens_of
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.effect import Effect
from costopt.model.made import Made
from costopt.model.ports import TokenCounter
from costopt.model.trace import Categorical, Ragged
from costopt.model.view import Column, View


class BrokenLayer(RuntimeError):
    """A layer broke its contract: a defect of the layer, not of the input."""


def merged(
    view: View, effect: Effect, layer: Layer, hidden: NDArray[np.int64], tokens: TokenCounter
) -> View:
    """The view behind the layer; the same object where the effect edits nothing.

    `hidden`: [call] tokens before the visible segments. `tokens`: the trace's own counter.
    """
    if not effect.columns:
        return view
    undeclared = set(effect.columns) - layer.touches
    if undeclared:
        names = sorted(c.value for c in undeclared)
        raise BrokenLayer(f"{name_of(layer)} edits {names}, which it does not declare")
    after = view.edited(**{c.value: _sealed(v) for c, v in effect.columns.items()})
    if Column.REQUEST in effect.columns:
        after = after.edited(leaves=_sealed(resized(view, after, hidden, tokens_of(after, tokens))))
    return after


def _sealed(value: Any) -> Any:
    """The column with its arrays read-only."""
    arrays = {
        Categorical: lambda v: [v.codes],
        Ragged: lambda v: [v.offsets, v.ids, v.flags],
        Made: lambda v: [v.digest, v.kind, v.name, v.tokens, v.source, v.head, v.tail, v.whole],
    }.get(type(value), lambda v: [v])(value)
    for array in arrays:
        array.flags.writeable = False
    return value
