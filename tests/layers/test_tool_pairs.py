"""Tool calls with their results: the fast pairing against the plain one, and which names only read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from costopt.layers.parts.tool_pairs import (
    normal_arguments,
    only_reads,
    plain_repeats,
    repeats,
    same_arguments,
)
from costopt.model.call import SegmentKind
from costopt.model.view import View
from tests.billing.small import call, usage
from tests.layers.context import evaluator_of

TOOLS = ("get_row", "read_file", "write_file")
USES = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(TOOLS), st.integers(0, 1)),
    st.tuples(st.just("result"), st.sampled_from(TOOLS), st.integers(0, 1)),
    st.tuples(st.sampled_from(("user", "assistant")), st.just(""), st.integers(0, 1)),
)
REQUESTS = st.lists(st.lists(USES, max_size=14), min_size=1, max_size=5)


@given(REQUESTS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_repeats_are_the_plain_ones(
    requests: list[list[tuple[str, str, int]]], across: bool
) -> None:
    said = [[f"{kind}/{name}:{n}" for kind, name, n in uses] for uses in requests]
    calls = [call(f"c{i}", request, usage(9)) for i, request in enumerate(said)]
    evaluator = evaluator_of(calls)
    view, table = evaluator.recorded, evaluator.recorded.segments
    reads = np.array([only_reads(n) for n in table.name.values], np.bool_)
    same = same_arguments(view, reads, evaluator.handed)
    found = repeats(view, same, reads, across_users=across)
    fast = list(
        zip(
            found.call.tolist(), found.call_use.tolist(), found.result_use.tolist(),
            found.root_use.tolist(), found.quiet.tolist(), found.enters.tolist(), strict=True,
        )
    )  # fmt: skip
    assert fast == plain_of(view, same, across)


def plain_of(view: View, same: NDArray[np.int64], across: bool) -> list[tuple[int, ...]]:
    block, table = view.request, view.segments
    out: list[tuple[int, ...]] = []
    for row in range(view.trace.n):
        ids, base = block.row(row), int(block.offsets[row])
        kinds = table.kind[ids].tolist()
        names = [table.name.values[c] for c in table.name.codes[ids]]
        reads = [
            only_reads(n) for n, k in zip(names, kinds, strict=True) if k == SegmentKind.TOOL_CALL
        ]
        out += [
            (row, base + a, base + g, base + root, quiet, enters)
            for a, g, root, quiet, enters in plain_repeats(kinds, same[ids].tolist(), reads, across)
        ]
    return out


@pytest.mark.parametrize(
    "name",
    ["get_order", "readFile", "ReadFile", "Read", "mcp__files__list_folder", "db.find_rows", "Grep",
     "look_up", "LS", "calculate"],
)  # fmt: skip
def test_reads(name: str) -> None:
    assert only_reads(name)


@pytest.mark.parametrize(
    "name",
    ["", "bash", "search_replace", "find_and_delete", "query", "getOrCreate", "think", "write_file",
     "mcp__get__send", "book"],
)  # fmt: skip
def test_may_change(name: str) -> None:
    assert not only_reads(name)


def test_the_users_own_patterns_stand_alone() -> None:
    assert only_reads("bash", ("ba*",)) and not only_reads("get_order", ("ba*",))


def test_arguments_without_what_does_not_matter() -> None:
    assert normal_arguments('{"b": 1, "a":  "x y"}') == normal_arguments('{"a":"x y","b":1}')
    assert normal_arguments('{"a": "x y"}') != normal_arguments('{"a": "x  y"}')
    assert normal_arguments("ls  -l\n") == normal_arguments("ls -l")
