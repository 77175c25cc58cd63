"""Providers that cache up to a mark only: from `cache_control`, else from what was read and written."""

from __future__ import annotations

from costopt.billing.prompt_cache.fit import rule_fit
from costopt.model.call import Call
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
