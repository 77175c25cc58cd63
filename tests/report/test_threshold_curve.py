"""The curve of a semantic cache as a card and as a picture, and what it says where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from costopt.model.result import Projection, Result
from costopt.report.card import Card, NotApplicable
from costopt.report.render.html import html_report
from costopt.report.render.png import png_report
from costopt.report.sections.threshold_curve import build
from tests.report.sample import result

CURVE = [
    {"threshold": 0.9, "hits": 60, "false_hits": 3},
    {"threshold": 0.5, "hits": 100, "false_hits": 30},
    {"threshold": 0.99, "hits": 0, "false_hits": 0},
]


def with_layer(**more: Any) -> Result:
    evidence = {
        "eligible_calls": 200, "hits": 60, "false_hits": 3, "threshold": 0.9, "curve": CURVE,
        "embedder": "builtin", "self_disagreement": 0.01,
    }  # fmt: skip
    layer = {"layer": "semantic_cache", "evidence": evidence | more}
    found = Projection(
        "policy.yaml", "2026-11-01", 10, 10, 9, 1, 10, 0, 0, None, {},
        [{"layer": "batch", "evidence": {"eligible_calls": 1}}, layer],
    )  # fmt: skip
    return replace(result(), projection=found)


def test_rates_stand_by_rising_threshold() -> None:
    card = build(with_layer())
    assert isinstance(card, Card)
    assert card.lead == "At 0.9 it answers 30 % of 200 eligible calls, 5 % of them wrongly."
    assert card.charts[0].labels == ["0.5", "0.9", "0.99"]
    hits, false, chosen = card.charts[0].series
    assert (hits.values, false.values) == ([0.5, 0.3, 0.0], [0.3, 0.05, None])
    assert chosen.values == [None, 0.3, None]
    assert card.tables[0].rows[1] == ("0.9", 60, 0.3, 3, 0.05)


def test_no_threshold_says_why() -> None:
    card = build(with_layer(threshold=None, hits=0, threshold_reason="too few hits", held_out=None))
    assert isinstance(card, Card)
    assert card.lead == "No threshold is used: too few hits."
    assert len(card.charts[0].series) == 2


def test_the_block_that_chose_nothing_is_a_figure_of_its_own() -> None:
    held = {"look_ups": 40, "hits": 12.0, "false": 1.0, "rate": 0.083, "ci95": [0.002, 0.385]}
    card = build(with_layer(held_out=held))
    assert isinstance(card, Card)
    assert "95 %: 0.2 to 38.5 %, 12 hits" in [f.note for f in card.facts]


def test_without_such_a_layer_there_is_no_section() -> None:
    assert isinstance(build(result()), NotApplicable)
    assert isinstance(build(with_layer(curve=[])), NotApplicable)


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    found = with_layer()
    drawn = [p for p in png_report(found, tmp_path) if p.stem == "threshold_curve"]
    assert drawn and drawn[0].stat().st_size > 10_000
    assert "false-hit rate" in html_report(found)
