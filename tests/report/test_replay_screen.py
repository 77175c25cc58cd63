"""The end screen of a replay: sums to the cent, room at every width, nothing measured where nothing was."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from costopt.model.escape import width_of
from costopt.model.result import Result
from costopt.report.render.replay import AGAINST_THE_LOG, replay_screen, span
from costopt.report.render.replay_table import layer_table
from tests.report.replayed import info, layers, offline, replayed
from tests.report.sample import EVIL

MONEY = re.compile(r"-?\$[\d,]+\.\d+")


def screen(result: Result, width: int = 80, **more: Any) -> list[str]:
    lines = replay_screen(result, width, **more)
    assert max(map(width_of, lines)) <= width
    assert width < 80 or len(lines) <= 40
    return lines


def cents(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace(",", ""))


def column(lines: list[str], place: int) -> tuple[list[Decimal], Decimal]:
    """Amounts of one money column over the layers, and the sum below the rule."""
    head = next(i for i, line in enumerate(lines) if line.startswith("LAYER"))
    saved = next(line for line in lines if line.startswith("saved"))
    rows = [line.split() for line in lines[head + 1 : lines.index(saved)]]
    amounts = [r[place] for r in rows if len(r) > place and MONEY.fullmatch(r[place])]
    return [cents(a) for a in amounts], cents(saved.split()[place])


@pytest.mark.parametrize("width", [60, 80, 140])
def test_both_columns_sum_to_the_cent(width: int) -> None:
    lines = screen(replayed(), width)
    for place, whole in ((1, "8.00"), (2, "7.75")):
        amounts, total = column(lines, place)
        assert sum(amounts) == total == Decimal(whole)
    text = "\n".join(lines)
    for words in ("unproven", "off", "DROP", "keep", "more", "117/120 93-99 %", "price rule"):
        assert words in text
    assert "\x1b" not in text


def test_a_live_replay_says_what_was_spent_and_how_far_it_was_off() -> None:
    lines = screen(replayed())
    text = "\n".join(lines)
    assert lines[0] == "400 of 400 requests answered · api.openai.com · 6 m 12 s"
    assert "Spent $13.41 of $20.00 (priced before: $13.94, at worst $19.80) · 7 retries" in text
    assert "Noise floor: the same request sent again agrees 58/60, 96.7 %" in text
    assert "= 77.5 % [70.0, 81.2] of $10.00" in text
    assert "Bill $10.00 -> $2.25" in text
    assert "Unproven and not in the sum: $0.25 more, if they hold" in text
    assert "predicted $11.20, measured $11.41 (+1.9 %, inside 95 % CI)" in text
    assert "CHECKLIST  1 pass · 1 harmful   costopt checklist" in text
    assert ".costopt/replay/12/diff.md" in text
    assert lines[-1].startswith("Next  ")


def test_against_the_log_the_now_column_is_empty() -> None:
    lines = screen(offline())
    text = "\n".join(lines)
    assert lines[1] == AGAINST_THE_LOG
    assert "Spent" not in text and "Noise" not in text and "Sample" not in text
    head = next(line for line in lines if line.startswith("LAYER"))
    start, end = head.index(" now "), head.index(" now ") + 5
    table = lines[lines.index(head) + 1 : lines.index("") + len(lines)]
    for line in table[: table.index(next(x for x in table if x.startswith("saved"))) + 1]:
        assert not line[start:end].strip()
    assert "Bill $10.00 -> $2.00  projected, not measured" in text
    assert "280 changed by the policy: the log has no answer to them" in text


def test_doubts_and_stops_are_said() -> None:
    stopped = replayed(state="stopped_by_budget", in_doubt=2, in_doubt_usd=0.25, failed=3,
                       unreadable=1, not_sent=9)  # fmt: skip
    text = " ".join(" ".join(screen(stopped)).split())
    assert (
        "2 in doubt, counted at their worst, $0.250 · 3 failed · 1 unreadable · 9 not sent" in text
    )
    assert "stopped: the next request might have gone over the budget" in text
    mock = "\n".join(screen(replayed(origin="mock", statement="A mock counted: not measured.")))
    assert "A mock counted: not measured." in mock and "Noise floor" not in mock


def test_many_layers_fold_into_one_row_and_still_sum() -> None:
    many = [replace(layers("x")[1], layer=f"layer_{i}", projected_usd=0.125, now_usd=0.1)
            for i in range(60)]  # fmt: skip
    result = replayed(layers=many, projected_savings_usd=7.5, now_savings_usd=6.0)
    lines = screen(result)
    assert any("others" in line for line in lines)
    for place, whole in ((2, "7.50"), (3, "6.00")):
        rows = [x.split() for x in lines if x.startswith(("layer_", "saved")) or "others" in x]
        shown = [cents(r[place - (0 if "others" in r else 1)]) for r in rows]
        assert sum(shown[:-1]) == shown[-1] == Decimal(whole)


def test_the_plan_shows_arms_and_sums() -> None:
    command = "costopt replay --base-url http://127.0.0.1:8000/v1 --yes"
    for width in (60, 80, 140):
        lines = screen(replayed(state="planned", run=None), width, go_on=command)
        text = "\n".join(lines)
        assert lines[0].startswith("PLANNED, nothing was sent · api.openai.com")
        assert "100 of 100 agreeing proves at least 96.4 %" in text
        together = next(line for line in lines if line.startswith("together"))
        rows = [
            x for x in lines if len(MONEY.findall(x)) == 2 and x[:8] not in ("together", "Expected")
        ]
        for place in (0, 1):
            shown = [cents(MONEY.findall(line)[place]) for line in rows]
            assert sum(shown) == cents(MONEY.findall(together)[place])
        assert "LEFT OUT  12 calls: no text kept planner" in text
        assert " ".join(text.split()).endswith(f"Next {command}")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_hostile_names_act_on_no_terminal(width: int) -> None:
    for result in (replayed(EVIL), offline(EVIL), replayed(EVIL, state="planned")):
        text = "\n".join(screen(result, width))
        assert "\x1b" not in text and "\u202e" not in text


def test_nothing_replayed_is_said() -> None:
    assert replay_screen(replace(replayed(), replay=None)) == ["No policy was replayed."]
    found = replayed().projection
    assert found is not None
    empty = layer_table(info(layers=[]), found, 80, 40)
    assert empty == ["The policy has no layers: nothing changes."]


def test_spans_are_worded() -> None:
    assert [span(s) for s in (0.4, 12.3, 372, 7500)] == ["0.4 s", "12 s", "6 m 12 s", "2 h 5 m"]


def test_further_commands_name_the_policy_that_was_replayed() -> None:
    text = " ".join(
        "\n".join(replay_screen(replayed(), 140, policy=" --policy other.yaml")).split()
    )
    assert "costopt simulate --policy other.yaml" in text
