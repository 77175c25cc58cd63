"""Edited requests against plain lists: what is replaced, kept and put in, with its cache marks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.layers.parts.requests import inserted, kept, replaced
from costopt.model.trace import Ragged
from costopt.model.view import View
from tests.billing.small import call, timed, usage

Rows = list[list[tuple[int, int]]]
"""Calls of uses: (segment, cache mark)."""
REQUESTS = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=6), max_size=8
)


def view_of(rows: Rows) -> View:
    lengths = [len(r) for r in rows]
    flat = [use for row in rows for use in row]
    block = Ragged(
        np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        np.array([s for s, _ in flat], np.int32),
        np.array([mark for _, mark in flat], np.uint8),
    )
    trace = timed([call("a", ["user:x"], usage(1))])
    return View.of(trace).edited(request=block)


def rows_of(block: Ragged) -> Rows:
    pairs = list(zip(block.ids.tolist(), block.flags.tolist(), strict=True))
    ends = block.offsets.tolist()
    return [pairs[a:b] for a, b in zip(ends, ends[1:], strict=False)]


@given(REQUESTS, st.data())
@settings(max_examples=60, deadline=None)
def test_kept_is_a_filter(rows: Rows, data: st.DataObject) -> None:
    keep = [[data.draw(st.booleans()) for _ in row] for row in rows]
    flat = np.array([k for row in keep for k in row], np.bool_)
    view = view_of(rows)
    plain = [
        [u for u, k in zip(row, ks, strict=True) if k] for row, ks in zip(rows, keep, strict=True)
    ]
    assert rows_of(kept(view, flat)) == plain


@given(REQUESTS, st.data())
@settings(max_examples=80, deadline=None)
def test_inserted_is_list_insert(rows: Rows, data: st.DataObject) -> None:
    view = view_of(rows)
    new = [
        (c, data.draw(st.integers(0, len(rows[c]))), 100 + i)
        for i, c in enumerate(
            data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)) if rows else []
        )
    ]
    plain = [list(row) for row in rows]
    # From the back, so that places keep their meaning; what came first stands first.
    for c, place, segment in sorted(new, key=lambda n: (n[1], n[2]), reverse=True):
        plain[c].insert(place, (segment, 0))
    calls = np.array([c for c, _, _ in new], np.int64)
    places = view.request.offsets[calls] + np.array([p for _, p, _ in new], np.int64)
    ids = np.array([s for _, _, s in new], np.int32)
    assert rows_of(inserted(view, calls, places, ids)) == plain


def test_nothing_changed_is_the_same_object() -> None:
    view = view_of([[(1, 0), (2, 1)], []])
    block = view.request
    none = np.zeros(0, np.int64)
    assert kept(view, np.ones(2, np.bool_)) is block
    assert replaced(view, block.ids.copy()) is block
    assert inserted(view, none, none, none.astype(np.int32)) is block


@pytest.mark.parametrize("calls", [200_000])
def test_two_million_uses_take_no_time(calls: int) -> None:
    lengths = np.full(calls, 10)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = np.arange(10 * calls, dtype=np.int32) % 1_000
    block = Ragged(offsets, ids, np.zeros(len(ids), np.uint8))
    view = view_of([[]]).edited(request=block)
    out = kept(view, ids % 3 > 0)
    assert out.offsets[-1] == len(out.ids) == (ids % 3 > 0).sum()
    more = np.arange(0, calls, 2)
    out = inserted(view, more, offsets[more + 1], np.zeros(len(more), np.int32))
    assert (out.lengths[::2] == 11).all() and (out.lengths[1::2] == 10).all()
