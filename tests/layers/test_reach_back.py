"""Anchors of a text: what an answer can only have from somewhere, and what it has anyway."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.layers.parts.reach_back import reach_back, reaches
from costopt.layers.parts.requests import kept
from costopt.layers.parts.texts import anchor_table, anchors, plain, told
from costopt.model.call import SegmentKind
from tests.billing.small import call, usage
from tests.layers.context import evaluator_of


@pytest.mark.parametrize(
    "text",
    [
        "the order_id is wrong", "parseDate fails", "order W4817 is late", "commit a3f9c21b",
        "room 417", "see src/app.py", "mail a@b.org", "on 2024-05-15", "it costs 12.50",
        "it costs 1,234", 'it said "no such file"', "    if not found: raise Missing()",
    ],
)  # fmt: skip
def test_an_anchor(text: str) -> None:
    assert anchors(text)


@pytest.mark.parametrize(
    "text", ["The order is late", "12 of 30", "and/or", "a well-known URL", "e.g. this", ""]
)
def test_no_anchor(text: str) -> None:
    assert not anchors(text)


def test_an_amount_is_found_with_and_without_its_commas() -> None:
    assert "1234" in anchors("1,234 rows") & anchors("1234 rows")


def test_of_a_tool_call_its_values_count_and_its_keys_do_not() -> None:
    text = told(SegmentKind.TOOL_CALL, '{"file_path": "src/app.py", "line_no": [417, true, null]}')
    assert anchors(text) == {"src/app.py", "417"}
    assert told(SegmentKind.TOOL_CALL, "look at src/app.py") == "look at src/app.py"


def test_lines_inside_json_can_be_compared() -> None:
    assert plain('{"old": "if not found:\\n    raise"}').split("\n") == [
        '{"old": "if not found:', '    raise"}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kept_holds", "dropped_holds", "expected"),
    [({2}, {1}, True), ({1}, {1}, False), (set(), {3}, False), (set(), set(), False)],
)
def test_only_in_what_was_dropped(
    kept_holds: set[int], dropped_holds: set[int], expected: bool
) -> None:
    held = {10: frozenset(kept_holds), 11: frozenset(dropped_holds)}
    assert reaches(frozenset({1}), {11}, {10}, held) is expected


def test_an_answer_without_text_is_not_looked_at() -> None:
    ask = ["user:where is it?", "assistant:in src/app.py", "user:open it"]
    calls = [
        call("a", ask, usage(40), ["assistant:opened src/app.py"]),
        call("b", ask, usage(40), None),
        call("c", ask, usage(40), ["assistant:done"]),
    ]
    evaluator = evaluator_of(calls)
    view = evaluator.recorded
    keep = np.tile([True, False, True], 3)
    found = reach_back(view, kept(view, keep), np.arange(3), evaluator.handed)
    assert found.seen.tolist() == [True, False, True]
    assert found.reached.tolist() == [True, False, False]


def test_each_text_is_read_once() -> None:
    ask = ["user:where is it?", "assistant:in src/app.py", "user:open it"]
    evaluator = evaluator_of([call("a", ask, usage(40), ["assistant:opened src/app.py"])])
    view, table = evaluator.recorded, anchor_table(evaluator.trace, evaluator.handed.store)
    assert table is anchor_table(evaluator.trace, evaluator.handed.store)
    ids = view.request.ids
    first = table.of(view, evaluator.handed.store, ids)

    class Closed:
        def get(self, segments: object) -> list[str | None]:
            raise AssertionError("read again")

    assert table.of(view, Closed(), ids) == first
