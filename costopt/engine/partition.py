"""Splits a trace into parts whose bills are the whole's: no cache tree and no session is in two.

A provider's cache joins all calls of a namespace, an outcome sums by session, and a layer may join
more. Parts are the connected components of what may not be parted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import account_codes, namespace_codes
from costopt.engine.evaluate import Layers
from costopt.layers.base import Partition, partition_of
from costopt.model.trace import Trace
from costopt.model.view import Column, View

Int = NDArray[np.int64]


def parts_of(trace: Trace, layers: Layers, most: int) -> list[Int]:
    """Row numbers of each part, in time order; at most so many, about equally heavy. One: all."""
    if most < 2 or any(partition_of(layer) is Partition.WHOLE for layer in layers):
        return [np.arange(trace.n)]
    component = components(trace, layers)
    weight = np.bincount(component, 1.0 + trace.request.lengths).astype(np.float64)
    bin_of = _packed(weight, most)
    part = bin_of[component]
    return [rows for rows in (np.flatnonzero(part == p) for p in range(most)) if len(rows)]


def components(trace: Trace, layers: Layers) -> Int:  # [call]
    """Dense codes of what may not be parted under any list of these layers."""
    if any({Column.MODEL, Column.PROVIDER} & layer.touches for layer in layers):
        # A moved call leaves one model's cache and joins another's of the same account.
        joined = account_codes(trace)
    else:
        joined = namespace_codes(View.of(trace))
    return connected(joined, trace.session.astype(np.int64))


def connected(first: Int, second: Int) -> Int:  # [row]
    """Components of rows that share either code: each takes the least label of its neighbours."""
    label = np.arange(len(first), dtype=np.int64)
    while True:
        before = label
        for code in (first, second):
            least = np.full(int(code.max(initial=-1)) + 1, len(label), np.int64)
            np.minimum.at(least, code, label)
            label = least[code]
        if np.array_equal(label, before):
            return np.unique(label, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _packed(weight: NDArray[np.float64], most: int) -> Int:  # [component]
    """Bin of each: the heaviest first, each into the lightest bin so far."""
    load, out = [0.0] * most, np.zeros(len(weight), np.int64)
    for component in np.argsort(-weight, kind="stable").tolist():
        lightest = load.index(min(load))
        out[component] = lightest
        load[lightest] += float(weight[component])
    return out
