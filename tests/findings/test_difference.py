"""The first differing bytes of two prompts, told by what stands there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.findings.difference import difference, excerpt

CASES = [
    # kind, what the earlier and the later prompt say between the same text
    ("clock", "2026-11-01 10:00:05", "2026-11-01 10:00:06"),
    ("clock", "2026-11-01T10:00:05.123Z", "2026-11-01T10:00:05.999Z"),
    ("clock", "Monday, 3 November 2026", "Tuesday, 4 November 2026"),
    ("clock", "10:59 PM", "11:01 PM"),
    ("clock", "1790000000", "1790000061"),
    ("clock", "03/11/2026", "04/11/2026"),
    ("id", "4f1d2c3b-0000-4000-8000-00000000000a", "9e1d2c3b-0000-4000-8000-00000000000b"),
    ("id", "req_a81kd02m", "req_b77xx01q"),
    ("id", "01JABCDEF0123456789XYZ0000", "01JABCDEG0123456789XYZ0001"),
    ("counter", "17", "18"),
    ("changing text", "Alice", "Robert"),
]


@pytest.mark.parametrize(("kind", "old", "new"), CASES)
def test_what_stands_there(kind: str, old: str, new: str) -> None:
    found = difference(
        f"You help. Now: {old} . Be kind to all.", f"You help. Now: {new} . Be kind to all."
    )
    assert found.kind == kind
    # All that stands behind it is shared again.
    assert found.shared_behind >= len(" . Be kind to all.") - 1


def test_two_changes_share_what_is_between_and_behind_them() -> None:
    found = difference(
        "at 10:00 " + "m" * 50 + " Alice " + "t" * 30, "at 11:00 " + "m" * 50 + " Bo " + "t" * 30
    )
    assert found.kind == "clock"
    assert found.shared_behind == len(" " + "m" * 50 + " ") + len(" " + "t" * 30)


def test_bytes_are_not_characters() -> None:
    found = difference("größe 1", "größe 2")
    assert (found.at, found.byte) == (6, 8)


def test_a_secret_near_the_place_is_not_shown() -> None:
    text = 'api_key="sk-abcdefghijklmnop1234567890" time 10:0'
    found = difference(text + "0 x", text + "1 x")
    assert "sk-" not in found.before + found.after
    # Even where the key itself would be cut in two.
    assert "abcdef" not in excerpt("sk-abcdefghijklmnopqrstuvwxyz0123456789", 20, 24)


def test_control_characters_are_made_visible() -> None:
    found = difference("\x1b[31mred 1 \u202e", "\x1b[31mred 2 \u202e")
    assert "\x1b" not in found.before and "\u202e" not in found.before


@given(st.text(), st.text())
def test_any_two_texts(before: str, after: str) -> None:
    if before != after:
        found = difference(before, after)
        assert before[: found.at] == after[: found.at]
        assert 0 <= found.shared_behind <= len(after) - found.at
        assert found.end <= len(after)
