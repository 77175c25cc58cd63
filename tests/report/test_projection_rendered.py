"""A projection in HTML, SVG and PNG: hostile names stay inert, keys are masked, nothing needs colour."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from costopt.report.card import Card, Chart, Series, build_cards
from costopt.report.render.falls import bars_of, legend_of
from costopt.report.render.format import axis_texts, span_ticks
from costopt.report.render.html import html_report
from costopt.report.render.markdown import markdown_report
from costopt.report.render.png import png_report
from costopt.report.render.spread_points import apart
from costopt.report.render.svg import svg
from tests.report.projected import layer, projected
from tests.report.sample import EVIL
from tests.report.test_renderers import Page

KEY = "sk-live-abcdefghijklmnop1234"


def charts(name: str = "planner") -> dict[str, Chart]:
    cards = [c for c in build_cards(projected(name)) if isinstance(c, Card)]
    return {chart.name: chart for card in cards for chart in card.charts}


def test_hostile_names_add_no_element_and_no_handler() -> None:
    good, bad = Page(html_report(projected())), Page(html_report(projected(EVIL)))
    assert sorted(good.tags) == sorted(bad.tags)
    assert not [a for a, _ in bad.attributes if a.startswith("on")]
    links = [v for a, v in bad.attributes if a in ("src", "href") and v]
    assert all(link.startswith("#") for link in links)
    for text in (html_report(projected(EVIL)), markdown_report(projected(EVIL))):
        assert not re.search("[\x1b\u202e]", text)
    assert "](javascript" not in markdown_report(projected(EVIL))


def test_keys_in_settings_and_evidence_are_masked() -> None:
    rows = [layer("output", 0.5, settings={"judge": KEY}, evidence={"model": KEY, "calls": 3})]
    for text in (html_report(projected(layers=rows)), markdown_report(projected(layers=rows))):
        assert "***" in text.replace("\\", "") and KEY not in text.replace("\\", "")


def test_patterns_have_ids_that_the_page_has_once() -> None:
    page = Page(html_report(projected()))
    ids = [v for a, v in page.attributes if a == "id"]
    assert len(ids) == len(set(ids))
    fills = [v for a, v in page.attributes if a == "fill" and v]
    assert fills and {v.removeprefix("url(#").removesuffix(")") for v in fills} <= set(ids)


def test_verified_unproven_and_dearer_are_told_apart_in_words_too() -> None:
    drawn = svg(charts()["waterfall"])
    assert "▼ $0.50 UNPROVEN" in drawn and "▼ $0.75<" in drawn and "▲ $1.50 more" in drawn
    assert "changes no call" in drawn
    styles = dict(legend_of(bars_of(charts()["waterfall"])))
    assert set(styles) == {"verified", "unproven", "rise"}


def test_texts_of_a_waterfall_add_up_as_shown() -> None:
    steps = [-0.333, -0.333, -0.333]
    chart = Chart("w", "w", "waterfall", ["a", "b", "c", "d", "e"],
                  [Series("dollars", [10.0, *steps, 9.001])], "usd",
                  marks=["total", "verified", "verified", "verified", "total"])  # fmt: skip
    texts = [float(re.sub(r"[^\d.]", "", bar.text)) for bar in bars_of(chart)]
    assert round(texts[0] - sum(texts[1:4]), 6) == texts[4]


def test_a_gap_is_no_line_and_lines_differ_by_dash_and_marker() -> None:
    drawn = svg(charts()["context_after"])
    assert "<circle" in drawn and 'class="l1 d1"' in drawn
    chart = replace(charts()["context_after"], series=[Series("x", [1.0, None, 3.0])])
    assert svg(chart).count("<polyline") == 2


def test_numbers_as_labels_stand_at_their_distances() -> None:
    drawn = svg(charts()["threshold_curve"])
    assert "target 40 %" in drawn and "the policy&#x27;s threshold" in drawn


def test_what_nobody_measured_stands_apart() -> None:
    drawn = svg(charts()["risk_savings"])
    assert "not measured" in drawn and drawn.count('class="p-open"') == 4  # 3 layers and the legend


def test_labels_keep_their_distance_and_stay_inside() -> None:
    placed = apart([5.0, 5.0, 5.0, 99.0, 100.0], 10, 0, 100)
    order = sorted(placed)
    assert all(b - a >= 10 for a, b in zip(order, order[1:], strict=False))
    assert order[0] >= 0 and order[-1] <= 100


def test_axes_below_zero() -> None:
    assert span_ticks(-0.2, 1.0) == pytest.approx([0.0, 0.5, 1.0])
    marks = span_ticks(-1.1, 0.4)
    assert marks == pytest.approx([-1.0, -0.5, 0.0])
    assert axis_texts(marks, "usd") == ["-$1.0", "-$0.5", "$0.0"]


@pytest.mark.parametrize("name", ["planner", EVIL, "$x^2$"])
def test_pictures_are_drawn_whatever_the_names(name: str, tmp_path: Path) -> None:
    paths = png_report(projected(name), tmp_path)
    wanted = {"waterfall", "risk_savings", "context_after", "threshold_curve", "routing_curve_2"}
    assert wanted <= {p.stem for p in paths}
    assert all(p.stat().st_size > 5_000 for p in paths)


def test_a_large_result_stays_a_page_that_opens() -> None:
    made = projected()
    many = [replace(made.sessions[0], key=f"s{i}") for i in range(50_000)]
    rows = [
        layer(f"layer_{i}", 0.1, assumptions=[f"{i} {EVIL}"], notes=[EVIL] * 5) for i in range(40)
    ]
    large = replace(projected(layers=rows), sessions=many)
    assert len(html_report(large)) < 2_000_000
