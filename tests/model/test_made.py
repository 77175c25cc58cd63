"""Made segments: one id a content, whatever its number; texts of cut ones from their sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from costopt.model.call import SegmentKind
from costopt.model.made import CUT, Made, MadeTexts
from costopt.model.trace import SegmentTable
from tests.billing.small import call, timed, usage
from tests.layers.context import Kept, texts_of


def base_of(texts: list[str]) -> tuple[SegmentTable, Kept]:
    calls = [call("a", [f"result/search:{t}" for t in texts], usage(10))]
    trace = timed(calls)
    return trace.segments, texts_of(trace, calls)


def cut(
    made: Made, source: Sequence[int], head: int, tail: int, mark: str = "cut", whole: int = 0
) -> tuple[Made, NDArray[np.int32]]:
    k = len(source)
    table = made.table
    return made.added(
        kind=np.full(k, SegmentKind.TOOL_RESULT, np.int8), name=table.name.codes[list(source)],
        tokens=np.full(k, head + tail, np.int64), source=np.array(source, np.int32),
        head=np.full(k, head), tail=np.full(k, tail), mark=mark, whole=np.full(k, whole),
    )  # fmt: skip


def written(made: Made, texts: list[str]) -> tuple[Made, NDArray[np.int32]]:
    k = len(texts)
    none = np.zeros(k, np.int64)
    return made.added(
        kind=np.full(k, SegmentKind.USER, np.int8), name=np.zeros(k, np.int32),
        tokens=np.array([len(t) for t in texts]), source=np.full(k, -1, np.int32),
        head=none, tail=none, mark="note", text=texts,
    )  # fmt: skip


def test_the_same_content_has_one_id() -> None:
    base, _ = base_of(["a" * 9, "b" * 9])
    made, ids = cut(Made.none(base), [0, 1, 0], 2, 2)
    assert ids.tolist() == [2, 3, 2] and len(made) == 2
    again, more = cut(made, [1], 2, 2)
    assert again is made and more.tolist() == [3], "made before: nothing is added"
    other, different = cut(made, [1], 2, 2, mark="cut other")
    assert different.tolist() == [4] and len(other) == 3


def test_a_content_does_not_depend_on_its_number() -> None:
    one, _ = base_of(["a" * 9, "b" * 9])
    two, _ = base_of(["c" * 9, "b" * 9, "a" * 9])
    first, _ = cut(Made.none(one), [0], 2, 2)
    second, _ = cut(Made.none(two), [2], 2, 2)
    assert first.digest.tolist() == second.digest.tolist()


def test_a_tools_name_and_a_kind_are_part_of_the_content() -> None:
    base, _ = base_of(["a" * 9])
    made, (as_result,) = cut(Made.none(base), [0], 2, 2)
    made, (unnamed,) = made.added(
        kind=np.array([SegmentKind.TOOL_RESULT], np.int8), name=np.zeros(1, np.int32),
        tokens=np.array([4]), source=np.zeros(1, np.int32), head=np.array([2]),
        tail=np.array([2]), mark="cut",
    )  # fmt: skip
    assert as_result != unnamed


def test_texts_are_cut_out_of_their_sources() -> None:
    base, texts = base_of(["abcdefghij", "0123456789"])
    made, (first,) = cut(Made.none(base), [0], 3, 2, whole=10)
    made, (of_made,) = cut(made, [int(first)], 2, 0, whole=5)
    made, (note,) = written(made, ["a note"])
    made, (silent,) = cut(made, [1], 0, 0)
    read = MadeTexts(texts, made).get([1, first, of_made, note, silent, 0])
    shortened = "abc" + CUT + "ij"
    assert read[:2] == ["0123456789", shortened]
    assert read[2] == shortened[: len(shortened) * 2 // 5] + CUT
    assert read[3:] == ["a note", None, "abcdefghij"]
    assert made.table.has_text.tolist() == [True, True, True, True, True, False]


def test_without_the_source_there_is_no_text() -> None:
    base, _ = base_of(["abcdefghij"])
    blind = SegmentTable(
        base.digest, base.kind, base.name, base.n_bytes, base.tokens, np.zeros(1, np.bool_)
    )
    made, ids = cut(Made.none(blind), [0], 3, 2)
    made, more = cut(made, ids.tolist(), 2, 0)
    assert MadeTexts(Kept((None,)), made).get([ids[0], more[0]]) == [None, None]
    assert not made.table.has_text.any()


@given(
    st.lists(st.text("xyz", min_size=1, max_size=4), min_size=1, max_size=12), st.integers(0, 12)
)
@settings(max_examples=50, deadline=None)
def test_adding_in_two_steps_is_adding_at_once(notes: list[str], at: int) -> None:
    base, _ = base_of(["a"])
    whole, ids = written(Made.none(base), notes)
    part, first = written(Made.none(base), notes[:at])
    part, second = written(part, notes[at:])
    assert ids.tolist() == [*first.tolist(), *second.tolist()]
    assert part.digest.tolist() == whole.digest.tolist() and part.text == whole.text
    assert len(whole) == len(set(notes)), "one id a content"
    assert [whole.text[i - len(base)] for i in ids.tolist()] == notes
