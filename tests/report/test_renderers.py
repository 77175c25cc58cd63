"""HTML, Markdown and PNG: a hostile log stays inert, the same result gives the same bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from costopt.report.card import Card, build_cards
from costopt.report.render.html import html_report
from costopt.report.render.markdown import markdown_report
from costopt.report.render.png import png_report
from tests.report.sample import EVIL, result


class Page(HTMLParser):
    """Collects elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_every_section_is_built() -> None:
    cards = build_cards(result())
    assert len(cards) >= 8
    assert not [c for c in cards if not isinstance(c, Card) and "failed" in c.reason]


def test_a_hostile_log_adds_no_element_and_no_handler() -> None:
    good, bad = Page(html_report(result())), Page(html_report(result(EVIL)))
    assert sorted(good.tags) == sorted(bad.tags)
    assert not [a for a, _ in bad.attributes if a.startswith("on")]
    assert "img" not in bad.tags
    assert bad.tags.count("script") == 1


def test_the_page_fetches_nothing() -> None:
    text = html_report(result())
    assert "default-src 'none'" in text
    links = [v for a, v in Page(text).attributes if a in ("src", "href") and v]
    assert all(link.startswith("#") for link in links)


def test_controls_become_visible() -> None:
    for text in (html_report(result(EVIL)), markdown_report(result(EVIL))):
        assert not re.search("[\x1b\u202e]", text)


def test_markdown_shows_a_link_as_text() -> None:
    text = markdown_report(result(EVIL))
    assert "](javascript" not in text
    assert "<script" not in text and "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    assert html_report(result()) == html_report(result())
    hashes = [
        [hashlib.sha256(p.read_bytes()).hexdigest() for p in png_report(result(), tmp_path / name)]
        for name in ("a", "b")
    ]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("name", ["planner", EVIL, "$x^2$"])
def test_charts_are_drawn_whatever_the_names(name: str, tmp_path: Path) -> None:
    paths = png_report(result(name), tmp_path)
    assert {"components.png", "context_growth.png", "sessions.png", "cached_fresh.png"} <= {
        p.name for p in paths
    }
    assert all(p.stat().st_size > 5_000 for p in paths)


def test_a_bill_that_is_not_known_is_nowhere_zero() -> None:
    made = result()
    nothing = replace(
        made.bill, total_usd=0.0, list_usd=0.0, unpriced_calls=made.trace.calls, by_agent=[],
        by_model=[], by_task=[], by_tool=[], by_component=[], by_step=[], by_day=[], paid_for=[],
        recorded_usd=None, estimated_calls=0, missing_usd_range=None,
    )  # fmt: skip
    text = replace(made, bill=nothing, findings=[], checklist=[], sessions=[])
    assert "<b>unknown</b>" in html_report(text)
    assert markdown_report(text).startswith("# LLM bill: unknown")
    assert "$0.00" not in html_report(text)
