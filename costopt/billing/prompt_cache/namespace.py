"""Who shares a provider's prompt cache with whom: account, provider, model and cache key.

The session is no part of it: the second session of an agent reads what the first one wrote.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import CallStatus
from costopt.model.trace import Trace
from costopt.model.view import View

_ACCOUNT = ("workspace", "api_key_hash", "prompt_cache_key")
_TABLE = 1_000_000
"""Codes up to here are told apart by a table, whatever the number of rows."""


def namespace_codes(view: View) -> NDArray[np.int64]:  # [call]
    """Dense codes of the cache namespaces, in order of first appearance of their parts."""
    return combined(
        (account_codes(view.trace), view.provider.codes, view.model.codes), view.trace.n
    )


def account_codes(trace: Trace) -> NDArray[np.int64]:  # [call]
    """Dense codes of accounts and cache keys: no edit moves a call to another one."""
    return combined([trace.dims[name].codes for name in _ACCOUNT if name in trace.dims], trace.n)


def combined(parts: Sequence[NDArray[np.integer]], n: int) -> NDArray[np.int64]:
    """One dense code for each distinct tuple of codes."""
    code = np.zeros(n, np.int64)
    for part in parts:
        if not part.any():  # a column that the log does not have
            continue
        width = int(part.max(initial=0)) + 2
        code = dense(code * width + part + 1)
    return code


def dense(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """0..k-1 in the order of the values (which are not negative)."""
    return distinct_codes(code)[1]


def distinct_codes(code: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """([distinct] values in order, [row] 0..k-1 into them). Values are not negative."""
    most = int(code.max(initial=0))
    if most > _TABLE + 4 * len(code):
        values, where = np.unique(code, return_inverse=True)
        return values, where.reshape(-1).astype(np.int64)
    # A table instead of a sort of the rows, which are many more than the values.
    there = np.zeros(most + 1, np.bool_)
    there[code] = True
    values = np.flatnonzero(there)
    place = np.zeros(most + 1, np.int64)
    place[values] = np.arange(len(values))
    return values, place[code]


def first_of(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """[code]: the first row of each. Codes are dense, as `combined` gives them."""
    first = np.zeros(int(code.max(initial=-1)) + 1, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first


def reaches_provider(view: View) -> NDArray[np.bool_]:  # [call]
    """Calls that the provider saw and that could warm its cache; a failed call leaves nothing."""
    return view.sent & (view.trace.status != CallStatus.FAILED)


def time_order(view: View, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Row numbers of the chosen calls in time order; ties and calls without a time keep theirs."""
    chosen = np.flatnonzero(rows)
    at_us = view.at_us[chosen]
    if (at_us[1:] >= at_us[:-1]).all():  # as a trace is, unless calls were moved
        return chosen
    return chosen[np.argsort(at_us, kind="stable")]
