"""The first screen fits its terminal, adds up, and shows no control character of a log."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from costopt.model.escape import width_of
from costopt.model.result import PART_OF_THE_LOG, Result
from costopt.report.render.terminal import audit_screen
from costopt.report.words import places_for, units
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


def test_little_left_to_save_is_said() -> None:
    small = result()
    cents = [replace(f, usd=0.001, estimated=False) for f in small.findings]
    text = " ".join("\n".join(audit_screen(replace(small, findings=cents), 80)).split())
    assert "DO FIRST little left to save" in text
    assert "costopt show F1" in text


def test_nothing_priced_is_unknown_not_zero() -> None:
    made = result()
    bill = replace(
        made.bill, total_usd=0.0, unpriced_calls=made.trace.calls, by_agent=[
            {"agent": "a", "calls": 100, "sessions": 8, "usd": 0.0, "unknown_calls": 100},
            {"agent": "b", "calls": 0, "sessions": 0, "usd": 0.0, "unknown_calls": 0}],
        paid_for=[], recorded_usd=None,
    )  # fmt: skip
    text = "\n".join(audit_screen(replace(made, bill=bill), 80))
    assert "BILL  unknown" in text
    assert "BILL  $0" not in text


@pytest.mark.parametrize("seed", range(20))
def test_shown_rows_sum_to_the_shown_whole(seed: int) -> None:
    """Largest remainder: whatever the amounts, the column adds up as printed."""
    made = random.Random(seed)
    values = [made.random() * 10 ** made.randint(-3, 3) for _ in range(made.randint(1, 9))]
    whole = sum(values)
    places = places_for(whole)
    counts = units(values, whole, places)
    assert sum(counts) == units([whole], whole, places)[0]
    assert all(abs(c - v * 10**places) <= 1 for c, v in zip(counts, values, strict=True))


def test_records_are_the_sum_of_what_became_of_them() -> None:
    made = result()
    file = replace(
        made.trace.files[0], records=130, accepted=100, rejected=4, duplicates=6, skipped=20
    )
    trace = replace(
        made.trace, files=[file], calls=100, sessions=8, rejected=4, duplicates=6, skipped=20
    )
    rest = "+ 20 non-call records + 6 duplicates + 4 rejected (costopt audit --rejected F)"
    assert _second(replace(made, trace=trace)) == f"130 records = 100 calls in 8 sessions {rest}"
    runs = _second(replace(made, trace=replace(trace, calls=700)))
    assert runs == f"130 records = 100 that stand for 700 calls in 8 sessions {rest}"
    note = f"{PART_OF_THE_LOG} 7 of 100 calls (--where agent=a)."
    coverage = replace(made.coverage, notes=[note])
    part = _second(replace(made, trace=replace(trace, calls=7, sessions=1), coverage=coverage))
    assert part.startswith("7 calls in 1 session: a part of 130 records (20 non-call records,")


def test_a_sample_is_said_in_the_first_line() -> None:
    made = result()
    sampled = replace(made, coverage=replace(made.coverage, sample_rate=0.1))
    assert "a sample of 10 %" in audit_screen(sampled, 100)[0]
    assert "a sample" not in "".join(audit_screen(made, 100))


def _second(made: Result) -> str:
    lines = audit_screen(made, 100)
    bill = next(i for i, line in enumerate(lines) if "BILL" in line)
    return " ".join(" ".join(lines[1:bill]).split())


def test_the_next_step_is_the_first_finding_shown_or_none() -> None:
    made = result()
    hint = replace(made.findings[0], id="F1", estimated=True, usd=9.0)
    first = replace(made.findings[0], id="F2", estimated=False, usd=1.0)
    assert "costopt show F2" in _last(replace(made, findings=[hint, first]))
    last = _last(replace(made, findings=[hint]))
    assert "costopt show" not in last and "costopt prices check" in last


def _last(made: Result) -> str:
    text = "\n".join(audit_screen(made, 80))
    return text[text.index("Next ") :]


def test_what_the_users_own_prices_change_is_said() -> None:
    made = result()
    gpus = {"model": "my-llama", "calls": 3, "gpus": 2, "hours": 3.0, "usd": 6.0}
    rows = [gpus | {"busy_usd": 1.0, "idle_usd": 5.0}, gpus | {"busy_usd": None, "idle_usd": None}]
    bill = replace(made.bill, discount_usd=2.0, list_usd=12.0, self_hosted=rows)
    text = " ".join(" ".join(audit_screen(replace(made, bill=bill), 100)).split())
    assert "List price $12.00, your discounts $2.00" in text
    assert "my-llama: $6.00 for 3 hours, of which $5.00 idle and not in the bill" in text
    assert "my-llama: $6.00 for 3 hours: without latencies in the log all of it is" in text
