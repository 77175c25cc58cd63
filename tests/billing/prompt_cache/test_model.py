"""Billing an edited view by difference: nothing moves unless bytes, lineage or rules did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.billing.prompt_cache.model import CacheModel, Rebilled, rebill_leaves
from costopt.model.call import Call
from costopt.model.leaf import CACHE_WRITES, INPUT, Leaf
from costopt.model.trace import Ragged
from costopt.model.view import View
from tests.billing.prompt_cache.world import Rules, modelled, sent

SYSTEM = "system:" + "s" * 40


def growing(session: str, start_s: float, steps: int = 5, **more: Any) -> list[Call]:
    """A session that reads its last request, as a good cache would serve it."""
    calls, text = [], [SYSTEM]
    for step in range(steps):
        before = sum(len(t.partition(":")[2]) for t in text) if step else 0
        text = [*text, f"user:{session}{step}" + "u" * 30]
        calls.append(sent(start_s + step, list(text), read=before, session_id=session, **more))
    return calls


def world(**more: Any) -> tuple[CacheModel, View]:
    calls = [c for i in range(6) for c in growing(f"s{i}", 100.0 * i, **more)]
    model = modelled(calls)
    return model, View.of(model.lineage.trace)


def without_uses(view: View, drop: np.ndarray[Any, Any]) -> Ragged:
    """The requests less some uses."""
    block = view.request
    kept = ~drop
    sizes = np.add.reduceat(kept, block.offsets[:-1], dtype=np.int64)
    return Ragged(np.concatenate(([0], np.cumsum(sizes))), block.ids[kept], block.flags[kept])


def moved(view: View, edited: Rebilled) -> np.ndarray[Any, Any]:
    return np.flatnonzero((edited.leaves != view.leaves).any(axis=1))


def test_an_empty_edit_moves_nothing() -> None:
    model, view = world()
    copied = replace(view.request, ids=view.request.ids.copy())
    for same in (view, view.edited(request=copied), view.edited(leaves=view.leaves.copy())):
        assert len(moved(view, rebill_leaves(view, same, model))) == 0
        assert not rebill_leaves(view, same, model).touched.any()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 6), st.booleans()), min_size=1, max_size=12
    )
)
def test_an_empty_edit_moves_nothing_on_any_trace(plan: list[tuple[int, int, bool]]) -> None:
    calls = [
        sent(7.0 * i, [SYSTEM, *(f"user:{who}{k}" + "x" * 20 for k in range(depth))],
             read=20 if reads and depth else 0, session_id=f"s{who}", key=str(i))
        for i, (who, depth, reads) in enumerate(plan)
    ]  # fmt: skip
    model = modelled(calls)
    view = View.of(model.lineage.trace)
    assert len(moved(view, rebill_leaves(view, view.edited(model=view.model), model))) == 0


def test_calls_that_are_not_sent_cool_their_neighbours_and_keep_their_leaves() -> None:
    model, view = world()
    sent_now = view.sent.copy()
    gone = np.flatnonzero(view.trace.step == 1)[1]
    sent_now[gone] = False
    after = rebill_leaves(view, view.edited(sent=sent_now), model)
    second = gone + 1
    assert after.touched[second] and not after.touched[gone]
    assert after.leaves[second, Leaf.CACHE_READ] <= view.leaves[second, Leaf.CACHE_READ]
    other = view.trace.session == view.trace.session[-1]
    assert (after.leaves[other].sum() == view.leaves[other].sum()).all()


def test_a_changed_front_reads_nothing_on_the_affected_calls_only() -> None:
    model, view = world()
    mine = view.trace.session == 2
    first = view.request.offsets[:-1][mine]
    drop = np.zeros(len(view.request.ids), np.bool_)
    drop[first[1::2]] = True  # every other call of the session loses its system prompt
    leaves = view.leaves.copy()
    leaves[np.flatnonzero(mine)[1::2], Leaf.INPUT_FRESH] -= 40
    after = rebill_leaves(view, view.edited(request=without_uses(view, drop), leaves=leaves), model)
    assert set(moved(view, after).tolist()) <= set(np.flatnonzero(mine).tolist())
    assert after.leaves[np.flatnonzero(mine)[1], Leaf.CACHE_READ] == 0


def test_what_is_read_never_exceeds_the_shared_prefix_and_input_keeps_its_sum() -> None:
    model, view = world()
    drop = np.zeros(len(view.request.ids), np.bool_)
    drop[view.request.offsets[:-1][view.request.lengths > 3] + 2] = True
    leaves = view.leaves.copy()
    leaves[view.request.lengths > 3, Leaf.INPUT_FRESH] -= 20
    edited = view.edited(request=without_uses(view, drop), leaves=leaves)
    after = rebill_leaves(view, edited, model)
    assert (after.leaves >= 0).all()
    assert (after.leaves[:, INPUT].sum(axis=1) == leaves[:, INPUT].sum(axis=1)).all()
    limit = model.modelled(edited).limit
    assert (after.leaves[after.touched, Leaf.CACHE_READ] <= limit[after.touched]).all()
    assert (after.variance[~after.touched] == 0).all()


def test_another_model_is_another_namespace() -> None:
    model, view = world()
    codes = view.model.codes.copy()
    mine = np.flatnonzero(view.trace.session == 3)
    codes[mine[2:]] = len(view.model.values)
    switched = replace(view.model, codes=codes, values=(*view.model.values, "m2"))
    after = rebill_leaves(view, view.edited(model=switched), model)
    assert after.leaves[mine[2], Leaf.CACHE_READ] == 0, "nothing was sent to it before"
    assert after.leaves[mine[3], Leaf.CACHE_READ] > 0
    assert set(moved(view, after).tolist()) <= set(np.flatnonzero(view.trace.session >= 3).tolist())


def test_without_a_cache_there_is_nothing_to_read_after_a_switch() -> None:
    model, view = world()
    never = replace(view.model, values=tuple("never" if v else "" for v in view.model.values))
    after = rebill_leaves(view, view.edited(model=never), model)
    assert (after.leaves[:, Leaf.CACHE_READ] == 0).all() and after.touched.all()


@pytest.mark.parametrize(
    ("mode", "leaf"), [("automatic", Leaf.CACHE_WRITE_OTHER), ("breakpoint", Leaf.CACHE_WRITE_5M)]
)
def test_what_is_not_read_is_written_where_writes_are_charged(mode: str, leaf: Leaf) -> None:
    from costopt.billing.prompt_cache.rules import rule_columns
    from costopt.billing.prompt_cache.writes import split_input

    book = Rules(mode=mode, write_multiplier_ppm=1_250_000)
    view = View.of(modelled([sent(0, [SYSTEM], read=10, written=20)], book).lineage.trace)
    rules = rule_columns(view, book)
    out = split_input(view.leaves, view.leaves, np.array([0]), rules)
    assert out[0, INPUT].sum() == 40 and out[0, Leaf.CACHE_READ] == 0
    if mode == "breakpoint":  # ten tokens lay behind the mark
        assert out[0, CACHE_WRITES].sum() == 30 and out[0, leaf] == 30
    else:
        assert out[0, CACHE_WRITES].sum() == 40
