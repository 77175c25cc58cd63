"""The cards of a replay: golden words, escaped answers, and silence where nothing was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from costopt.report.card import Card, NotApplicable, build_cards
from costopt.report.render.html import html_report
from costopt.report.render.markdown import markdown_report
from costopt.report.replay_words import AGAINST_THE_LOG, NO_REPLAY, ONLY_PLANNED
from tests.report.replayed import offline, replayed
from tests.report.sample import EVIL, result

GOLDEN = Path(__file__).parent / "golden" / "replayed.md"
OF_A_REPLAY = {"replay_layers", "replay_predicted", "replay_noise", "replay_disagreements"}


def test_the_words_are_those_of_the_golden_report() -> None:
    """After a change of words: python -m tests.report.replayed > tests/report/golden/replayed.md"""
    assert markdown_report(replayed()) == GOLDEN.read_text("utf-8")


def test_each_section_is_there_with_a_replay_and_none_without() -> None:
    assert {c.name for c in build_cards(replayed()) if isinstance(c, Card)} >= OF_A_REPLAY
    for found, why in ((result(), NO_REPLAY), (replayed(state="planned"), ONLY_PLANNED)):
        silent = [c for c in build_cards(found) if isinstance(c, NotApplicable)]
        assert {c.name for c in silent if c.reason == why} == OF_A_REPLAY


def test_against_the_log_only_the_layers_speak() -> None:
    cards = {c.name: c for c in build_cards(offline())}
    assert isinstance(cards["replay_layers"], Card)
    for name in OF_A_REPLAY - {"replay_layers"}:
        found = cards[name]
        assert isinstance(found, NotApplicable) and found.reason == AGAINST_THE_LOG
    table = cards["replay_layers"].tables[0]
    assert all(row[2] is None for row in table.rows) and table.total is not None
    assert table.total[2] is None


def test_what_is_dropped_or_unproven_is_in_no_sum() -> None:
    card = next(c for c in build_cards(replayed()) if c.name == "replay_layers")
    assert isinstance(card, Card)
    table = card.tables[0]
    assert table.total is not None
    for place in (1, 2):
        known = [row[place] for row in table.rows if isinstance(row[place], float)]
        assert sum(map(float, known)) == table.total[place]  # type: ignore[arg-type]


def test_keys_in_answers_are_masked_and_texts_escaped() -> None:
    secret = "sk-proj-abcdefghijklmnop1234"
    found = replayed(EVIL)
    assert found.replay is not None
    worst = [replace(w, answer=f"{w.answer} {secret}", reference=EVIL) for w in found.replay.worst]
    found = replace(found, replay=replace(found.replay, worst=worst))
    for text in (markdown_report(found), html_report(found)):
        assert secret not in text and "<script>alert" not in text and "\u202e" not in text


@pytest.mark.parametrize("failing", ["layers", "compared", "worst", "noise"])
def test_an_empty_part_is_no_failure(failing: str) -> None:
    cards = build_cards(replayed(**{failing: []}))
    assert not [c for c in cards if isinstance(c, NotApplicable) and c.failed]
