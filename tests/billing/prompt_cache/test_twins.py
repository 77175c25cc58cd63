"""The compiled model and its plain columns say the same of any view; so do siblings in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from costopt.billing.prompt_cache.affected import changed_calls, other_blocks, part_of_view
from costopt.billing.prompt_cache.model import (
    CacheModel,
    Rebilled,
    other_entries,
    rebill_leaves,
)
from costopt.billing.prompt_cache.partial import Compared, partial_prefix
from costopt.billing.prompt_cache.partial_plain import partial_plain
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.select import select
from costopt.model.trace import Categorical, Ragged, Trace
from costopt.model.view import View
from tests.billing.prompt_cache.world import Rules, Words, sent
from tests.billing.small import LetterTokens

SYSTEMS = (
    "system:" + "s" * 60,
    "system:" + "s" * 30 + "clock 12:00" + "t" * 20,
    "system:other" * 9,
)


def calls_at_random(seed: int, sessions: int = 14) -> list[Call]:
    """Growing sessions of three agents, two models and two accounts; some lines lack text or usage."""
    rng = np.random.default_rng(seed)
    calls: list[Call] = []
    for s in range(sessions):
        agent = int(rng.integers(0, 3))
        said = [SYSTEMS[agent], f"user:{'ask ' * int(rng.integers(1, 9))}{int(rng.integers(0, 3))}"]
        at = float(rng.integers(0, 4000))
        for step in range(int(rng.integers(1, 6))):
            size, shown = sum(len(x.partition(":")[2]) for x in said), rng.random() < 0.93
            calls.append(sent(
                at, list(said) if shown else None, session_id=f"s{s}",
                agent=f"a{agent}", model=("m", "n")[s % 2], workspace=f"w{s % 3 // 2}",
                read=size // 2 if rng.random() < 0.4 else 0, size=size, key=f"{s}-{step}",
                marks=[len(said) - 1] if shown and rng.random() < 0.4 else (),
                latency_ms=float(rng.integers(0, 9000)),
            ))  # fmt: skip
            said += [f"assistant:done {step}" + "d" * int(rng.integers(0, 40)),
                     f"result/search:{'found ' * int(rng.integers(1, 20))}{step % 2}"]  # fmt: skip
            if rng.random() < 0.15:
                said[1] = f"user:changed {step}"
            at += float(rng.integers(1, 500))
    return calls


def model_of(seed: int, rules: Rules) -> CacheModel:
    calls = calls_at_random(seed)
    trace = trace_of(calls)
    words = Words(calls, trace)
    return CacheModel.of(trace, rules, LetterTokens(trace.segments, words.texts), words)


def edited(view: View, rng: np.random.Generator, share: float) -> View:
    """Calls dropped, moved in time, sent to another model, with blocks cut out."""
    trace, rows = view.trace, rng.random((4, view.trace.n)) < share
    codes = view.model.codes.copy()
    codes[rows[0]] = len(view.model.values)
    at_us = np.where(rows[1], view.at_us + 10**9, view.at_us)
    keep = ~np.repeat(rows[2], trace.request.lengths) | (rng.random(len(trace.request.ids)) < 0.6)
    return view.edited(
        model=Categorical(codes, (*view.model.values, "third")), at_us=at_us,
        request=without(trace, keep), sent=view.sent & ~rows[3],
    )  # fmt: skip


def without(trace: Trace, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ragged:
    block = trace.request
    kept = np.concatenate(([0], np.cumsum(keep)))[block.offsets].astype(np.int64)
    return Ragged(kept, block.ids[keep], block.flags[keep])


def both(model: CacheModel) -> Sequence[CacheModel]:
    """The model by plain columns and by kernels."""
    shared = model.fit, model.book
    return [
        CacheModel.on(replace(model.lineage, compiled=by_kernel), *shared)
        for by_kernel in (False, True)
    ]


BOOKS = (Rules(), Rules(step_tokens=16), Rules(mode="breakpoint", write_multiplier_ppm=1_250_000))


@pytest.mark.parametrize("book", range(len(BOOKS)))
@pytest.mark.parametrize("seed", range(8))
def test_compiled_equals_plain(seed: int, book: int) -> None:
    pytest.importorskip("numba")
    model, rng = model_of(seed, BOOKS[book]), np.random.default_rng(seed)
    plain, fast = both(model)
    view = View.of(model.lineage.trace)
    for share in (0.0, 0.1, 0.5):
        after = edited(view, rng, share)
        a, b = plain.modelled(after), fast.modelled(after)
        for name in PrefixResult.__slots__:
            assert np.array_equal(getattr(a.prefix, name), getattr(b.prefix, name)), name
        assert np.array_equal(a.limit, b.limit)
        assert np.array_equal(np.rint(a.served.tokens), np.rint(b.served.tokens))
        np.testing.assert_allclose(b.served.tokens, a.served.tokens, rtol=1e-12)
        np.testing.assert_allclose(b.served.hit, a.served.hit, rtol=1e-12)
        np.testing.assert_allclose(b.served.variance, a.served.variance, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_siblings_in_columns_are_those_pair_by_pair(seed: int, exact: bool) -> None:
    model = model_of(seed, Rules())
    lineage = replace(model.lineage, exact_siblings=exact, compared=Compared())
    view = View.of(lineage.trace)
    for texts in (lineage.texts, None):
        asking = replace(lineage, texts=texts)
        rows, found = asking.walked(view, model.recorded.rules, asking.inputs(view))
        for _ in range(2):  # the second time out of memory
            fast = partial_prefix(found, rows, asking.asked(view))
            plain = partial_plain(
                found, rows, view.segments, asking.tokens, texts, view.model.texts(), exact=exact
            )
            for name in ("tokens", "last_us", "source"):
                assert np.array_equal(getattr(fast, name), getattr(plain, name)), name


@pytest.mark.parametrize("seed", range(12))
def test_only_the_touched_trees_are_modelled_again_with_the_same_result(seed: int) -> None:
    model, rng = model_of(seed, BOOKS[seed % 3]), np.random.default_rng(seed)
    for one in both(model) if seed % 2 else [model]:
        before = View.of(one.lineage.trace)
        near: list[tuple[View, Rebilled]] = []
        after = before
        for share in (0.01, 0.03, 0.3, 0.01):
            after = edited(after if share < 0.1 else before, rng, share)
            whole = rebilled_whole(before, after, one)
            for found in (
                rebill_leaves(before, after, one),
                rebill_leaves(before, after, one, near),
            ):
                assert found.leaves.tobytes() == whole.leaves.tobytes()
                assert found.touched.tobytes() == whole.touched.tobytes()
                assert found.variance.tobytes() == whole.variance.tobytes()
            near = [(after, whole), *near][:2]


def rebilled_whole(before: View, after: View, model: CacheModel) -> Rebilled:
    """Without the short cut: leaves that are equal, but not the recorded ones, are modelled in full."""
    return rebill_leaves(before.edited(leaves=before.leaves.copy()), after, model)


@pytest.mark.parametrize("seed", range(6))
def test_other_entries_by_kernel_and_by_columns(seed: int) -> None:
    pytest.importorskip("numba")
    model, rng = model_of(seed, BOOKS[seed % 3]), np.random.default_rng(seed)
    before = model.recorded.prefix
    for share in (0.0, 0.1, 0.5):
        after = model.modelled(edited(View.of(model.lineage.trace), rng, share)).prefix
        found = [other_entries(before, after, by_kernel) for by_kernel in (False, True)]
        assert np.array_equal(*found)


@pytest.mark.parametrize("seed", range(6))
def test_blocks_and_parts_by_kernel_and_by_columns(seed: int) -> None:
    pytest.importorskip("numba")
    model, rng = model_of(seed, Rules()), np.random.default_rng(seed)
    view, rules = View.of(model.lineage.trace), model.recorded.rules
    after = edited(view, rng, 0.2)
    plain, fast = (other_blocks(view.request, after.request, k) for k in (False, True))
    assert plain.any() and np.array_equal(plain, fast)
    assert not changed_calls(view, view.edited(), rules, rules, True).any()
    rows = np.flatnonzero(rng.random(view.trace.n) < 0.5)
    a, b = (part_of_view(after, rows, by_kernel) for by_kernel in (False, True))
    assert np.array_equal(a.request.ids, b.request.ids)
    assert np.array_equal(a.request.offsets, b.request.offsets)


def test_a_part_of_the_model_is_the_whole_one_there() -> None:
    model = model_of(5, Rules())
    trace = model.lineage.trace
    team = trace.dims["workspace"]
    rows = np.flatnonzero(team.codes == team.values.index("w1"))
    lineage = model.lineage.part(select(trace, rows), rows)
    found = CacheModel.on(lineage, model.fit, model.book).recorded
    assert 0 < len(rows) < trace.n
    assert np.array_equal(found.prefix.entry_tokens, model.recorded.prefix.entry_tokens[rows])
    assert found.served.tokens.tobytes() == model.recorded.served.tokens[rows].tobytes()
    assert found.served.variance.tobytes() == model.recorded.served.variance[rows].tobytes()
