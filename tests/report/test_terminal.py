"""The first screen fits its terminal, adds up, and shows no control character of a log."""

from __future__ import annotations

import re

import pytest

from costopt.model.escape import width_of
from costopt.report.render.terminal import audit_screen
from tests.report.sample import EVIL, result


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("name", ["planner", EVIL, "規劃者" * 20])
def test_no_line_is_wider_than_the_terminal(width: int, name: str) -> None:
    assert all(width_of(line) <= width for line in audit_screen(result(name), width, 41.2))


def test_at_most_40_lines_at_80_columns() -> None:
    assert len(audit_screen(result(), 80, 41.2)) <= 40


@pytest.mark.parametrize("name", [EVIL])
def test_nothing_of_a_log_acts_on_the_terminal(name: str) -> None:
    text = "".join(audit_screen(result(name), 80))
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_rows_add_up_to_the_bill() -> None:
    text = "\n".join(audit_screen(result(), 100))
    assert "$7.00" in text and "$3.00" in text and "BILL  $10.00" in text


def test_a_hint_is_not_put_under_do_first() -> None:
    text = "\n".join(audit_screen(result(), 80))
    assert "F1 planner" in text
    assert "F2 planner" not in text


def test_what_is_not_in_the_bill_is_said() -> None:
    text = " ".join(audit_screen(result(), 100))
    assert "3 calls without usage" in text
    assert "1 call without a price" in text


def test_harmful_advice_is_named_with_its_cost() -> None:
    assert "costs $2.50 MORE" in " ".join(audit_screen(result(), 100))
