"""Providers that cache up to a mark only: from `cache_control`, else from what was read and written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from costopt.billing.prompt_cache.fit import rule_fit
from costopt.billing.prompt_cache.model import rebill_leaves
from costopt.model.call import Call
from costopt.model.leaf import CACHE_WRITES, INPUT, Leaf
from costopt.model.view import View
from tests.billing.prompt_cache.world import Rules, modelled, sent

SYSTEM, USER, MORE = "system:" + "s" * 40, "user:" + "u" * 30, "user:" + "m" * 25
ANTHROPIC = Rules(mode="breakpoint", write_multiplier_ppm=1_250_000)


def limits(*calls: Call) -> list[int]:
    return modelled(calls, ANTHROPIC, rule_fit()).recorded.limit.tolist()


def test_a_marked_request_is_read_up_to_its_mark() -> None:
    assert limits(sent(0, [SYSTEM, USER], marks=[0]), sent(9, [SYSTEM, USER, MORE], marks=[2])) == [
        0,
        40,
    ]
    assert limits(sent(0, [SYSTEM, USER], marks=[1]), sent(9, [SYSTEM, USER, MORE])) == [0, 70]


def test_no_part_of_a_block_is_read() -> None:
    changed = "user:" + "u" * 29 + "x"
    assert limits(sent(0, [SYSTEM, USER], marks=[0, 1]), sent(9, [SYSTEM, changed])) == [0, 40]


def test_without_marks_the_usage_tells_where_they_were() -> None:
    first = sent(0, [SYSTEM, USER], written=70)
    assert limits(first, sent(9, [SYSTEM, USER, MORE], read=70)) == [0, 70]


def test_without_marks_and_writes_nothing_is_assumed() -> None:
    assert limits(sent(0, [SYSTEM, USER]), sent(9, [SYSTEM, USER, MORE])) == [0, 0]


def test_an_edit_that_sets_the_first_mark_writes_up_to_it() -> None:
    """What is read later was paid for; calls below the minimum write nothing."""
    calls = sent(0, [SYSTEM, USER]), sent(9, [SYSTEM, USER, MORE]), sent(18, ["user:hi"])
    model = modelled(calls, replace(ANTHROPIC, min_tokens=30), rule_fit())
    view = View.of(model.lineage.trace)
    flags = view.request.flags.copy()
    flags[view.request.offsets[1:] - 1] = 1  # the last use of each request
    leaves = rebill_leaves(
        view, view.edited(request=replace(view.request, flags=flags)), model
    ).leaves
    written = leaves[:, CACHE_WRITES].sum(axis=1)
    assert written[0] == leaves[0, Leaf.CACHE_WRITE_5M] == 70 and leaves[0, Leaf.CACHE_READ] == 0
    assert leaves[1, Leaf.CACHE_READ] > 0 and written[1] == 95 - leaves[1, Leaf.CACHE_READ]
    assert written[2] == 0
    assert np.array_equal(leaves[:, INPUT].sum(axis=1), view.leaves[:, INPUT].sum(axis=1))


def test_a_mark_that_the_usage_refutes_stays_without_effect() -> None:
    """A call that marked enough and wrote nothing does not begin to write where another one changes."""
    calls = sent(0, [SYSTEM, USER], marks=[1]), sent(9, [SYSTEM, USER, MORE], marks=[2])
    model = modelled(calls, replace(ANTHROPIC, min_tokens=30), rule_fit())
    view = View.of(model.lineage.trace)
    ids = view.request.ids.copy()
    ids[-1] = ids[0]
    edited = rebill_leaves(view, view.edited(request=replace(view.request, ids=ids)), model)
    assert edited.leaves[:, CACHE_WRITES].sum() == 0
