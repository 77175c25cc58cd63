"""Counts over a view and input totals from bytes, against plain twins and by hand."""

from __future__ import annotations

import os.path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from costopt.billing.view_tokens import (
    ViewTokens,
    changed_requests,
    differing_rows,
    resized,
    tokens_of,
    use_tokens,
)
from costopt.layers.parts.requests import kept
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT, Leaf
from costopt.model.made import Made, MadeTexts
from costopt.model.trace import Ragged
from costopt.model.view import View
from tests.billing.small import call, timed, usage
from tests.layers.context import Kept, letters, texts_of

ROWS = st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=6)
WORDS = st.lists(st.text("ab", min_size=1, max_size=9), min_size=2, max_size=4, unique=True)
Cut = tuple[int, int, int]
"""Source (of what is there so far), head, tail."""


def ragged(rows: list[list[int]]) -> Ragged:
    offsets = np.concatenate(([0], np.cumsum([len(r) for r in rows]))).astype(np.int64)
    flat = np.array([s for row in rows for s in row], np.int32)
    return Ragged(offsets, flat, np.zeros(len(flat), np.uint8))


@given(ROWS, st.data())
@settings(max_examples=80, deadline=None)
def test_differing_rows_are_told_one_by_one(rows: list[list[int]], data: st.DataObject) -> None:
    other = [data.draw(st.sampled_from((row, row[:-1], [*row, 1], row[::-1]))) for row in rows]
    a, b = ragged(rows), ragged(other)
    assert differing_rows(a, b).tolist() == [x != y for x, y in zip(rows, other, strict=True)]
    assert not differing_rows(a, a).any()


def view_of(rows: list[list[int]], inputs: list[int], models: list[str]) -> tuple[View, Any]:
    """Calls of words of 0 to 3 letters more than ten; `inputs`: reported tokens."""
    words = [f"user:{'w' * (10 + n)}" for n in range(4)]
    calls = [
        call(f"c{i}", [words[s] for s in row], usage(total), model=model)
        for i, (row, total, model) in enumerate(zip(rows, inputs, models, strict=True))
    ]
    trace = timed(calls)
    return View.of(trace), letters(trace, texts_of(trace, calls))


@given(ROWS, st.data())
@settings(max_examples=80, deadline=None)
def test_resized_is_the_plain_sum(rows: list[list[int]], data: st.DataObject) -> None:
    """Call by call: what is gone counts as its share of the visible input; hidden tokens stay."""
    n = len(rows)
    inputs = data.draw(st.lists(st.integers(0, 200), min_size=n, max_size=n))
    hidden = data.draw(st.lists(st.integers(0, 60), min_size=n, max_size=n))
    view, tokens = view_of(rows, inputs, ["m"] * n)
    uses = len(view.request.ids)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=uses, max_size=uses)), np.bool_)
    after = view.edited(request=kept(view, keep))
    found = resized(view, after, np.array(hidden, np.int64), tokens)
    for row in range(n):
        was = int(tokens.count(view.request.row(row), "m").sum())
        now = int(tokens.count(after.request.row(row), "m").sum())
        visible = inputs[row] - min(hidden[row], inputs[row])
        gone = min(round((was - now) * visible / was), visible) if was else 0
        assert found[row, INPUT].sum() == inputs[row] - gone, row
    same = ~changed_requests(view, after)
    assert np.array_equal(found[same], view.leaves[same])


def test_fresh_tokens_go_first_and_growth_is_fresh() -> None:
    view, tokens = view_of([[0, 1, 2], [0]], [33, 10], ["m", "m"])
    leaves = view.leaves.copy()
    leaves[0, Leaf.INPUT_FRESH], leaves[0, Leaf.CACHE_READ] = 5, 28
    view = view.edited(leaves=leaves)
    fewer = view.edited(request=ragged([[0, 1], [0, 0]]))
    found = resized(view, fewer, np.zeros(2, np.int64), tokens)
    # Of 33 go 12: all 5 fresh ones and 7 of the 28 read; the second call has its word twice.
    assert found[0, [Leaf.INPUT_FRESH, Leaf.CACHE_READ]].tolist() == [0, 21]
    assert found[1, Leaf.INPUT_FRESH] == 20


def test_nothing_changed_is_the_same_object() -> None:
    view, tokens = view_of([[0, 1]], [21], ["m"])
    assert (
        resized(view, view.edited(sent=view.sent.copy()), np.zeros(1, np.int64), tokens)
        is view.leaves
    )


def test_what_is_hidden_stays() -> None:
    view, tokens = view_of([[0, 1]], [121], ["m"])
    nothing = view.edited(request=ragged([[]]))
    assert resized(view, nothing, np.array([100]), tokens)[0, INPUT].sum() == 100


def test_a_request_without_blocks_keeps_its_input() -> None:
    calls = [call("a", None, usage(50))]
    trace = timed(calls)
    view = View.of(trace)
    more = view.edited(request=ragged([[]]))
    assert resized(view, more, np.zeros(1, np.int64), letters(trace, Kept(()))) is view.leaves


def test_uses_and_the_hidden_prompt_are_the_input() -> None:
    view, tokens = view_of([[0, 1], []], [142, 7], ["m", "m"])
    found = use_tokens(view, np.array([100, 0]), tokens)
    # 42 visible tokens for 10 + 11 letters.
    assert found.tolist() == [20.0, 22.0]


def made_of(words: list[str], cuts: list[Cut]) -> tuple[Made, Kept, Any]:
    """Segments of these words, and cut ones; `whole` is the length of the source."""
    calls = [call("a", [f"result/t:{w}" for w in words], usage(9))]
    trace = timed(calls)
    texts = texts_of(trace, calls)
    made = Made.none(trace.segments)
    for nth, (source, head, tail) in enumerate(cuts):
        source %= len(made.table)
        size = len(MadeTexts(texts, made).get([source])[0] or "")
        head, tail = min(head, size), min(tail, max(0, size - head))
        made, _ = made.added(
            kind=np.array([SegmentKind.TOOL_RESULT], np.int8), name=np.zeros(1, np.int32),
            tokens=np.array([head + tail]), source=np.array([source], np.int32),
            head=np.array([head]), tail=np.array([tail]), mark=f"cut {nth}", whole=np.array([size]),
        )  # fmt: skip
    return made, texts, letters(trace, texts)


@given(
    WORDS, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6), st.integers(0, 6)), max_size=4)
)
@settings(max_examples=150, deadline=None)
def test_a_common_prefix_is_never_longer_than_the_texts(words: list[str], cuts: list[Cut]) -> None:
    """Cut segments share at most what their texts share, and at least what both keep of one source."""
    made, texts, base = made_of(words, cuts)
    tokens = ViewTokens(base, made)
    shown = MadeTexts(texts, made).get(range(len(made.table)))
    for a in range(len(made.table)):
        for b in range(len(made.table)):
            found = tokens.common_prefix(a, b, "m")
            first, second = shown[a] or "", shown[b] or ""
            assert 0 <= found <= len(os.path.commonprefix([first, second])), (a, b, shown)
            assert found == tokens.common_prefix(b, a, "m")


def test_counts_of_own_and_made_segments() -> None:
    made, _, base = made_of(["abcdef", "ab"], [(0, 2, 1), (1, 1, 0)])
    tokens = ViewTokens(base, made)
    assert tokens.count(np.array([0, 2, 1, 3], np.int32), "m").tolist() == [6, 3, 2, 1]
    assert tokens.common_prefix(0, 2, "m") == 2 and tokens.common_prefix(2, 3, "m") == 1
    assert tokens.label("m") == "exact"


def test_a_segment_written_anew_shares_nothing() -> None:
    made, _, base = made_of(["abcdef"], [])
    made, (note,) = made.added(
        kind=np.array([SegmentKind.USER], np.int8), name=np.zeros(1, np.int32), tokens=np.array([3]),
        source=np.array([0], np.int32), head=np.zeros(1, np.int64), tail=np.zeros(1, np.int64),
        mark="note", text=["abc"],
    )  # fmt: skip
    tokens = ViewTokens(base, made)
    assert tokens.common_prefix(int(note), 0, "m") == tokens.common_prefix(0, int(note), "m") == 0


def test_the_traces_own_counter_where_nothing_was_made() -> None:
    view, tokens = view_of([[0]], [10], ["m"])
    assert tokens_of(view, tokens) is tokens


def test_each_model_counts_for_itself() -> None:
    view, base = view_of([[0, 1], [0, 1]], [21, 42], ["m", "n"])

    class Doubled:
        def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
            counts: NDArray[np.int64] = base.count(segments, model) * (2 if model == "n" else 1)
            return counts

        def label(self, model: str) -> str:
            return "exact"

        def common_prefix(self, first: int, second: int, model: str) -> int:
            return 0

    after = view.edited(request=ragged([[0], [0]]))
    found = resized(view, after, np.zeros(2, np.int64), Doubled())
    assert found[:, INPUT].sum(axis=1).tolist() == [10, 20]
