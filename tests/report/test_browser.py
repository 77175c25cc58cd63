"""The HTML in a real browser: no console error, no request, sorting, dark, narrow screens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from costopt.report.render.html import html_report
from tests.report.projected import projected
from tests.report.sample import EVIL

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(params=["planner", EVIL], ids=["plain", "hostile"])
def page(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    path = tmp_path / "report.html"
    path.write_text(html_report(projected(request.param)))
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = context.new_page()
    found.errors, found.requests = [], []
    found.on("console", lambda m: found.errors.append(m.text) if m.type == "error" else None)
    found.on("pageerror", lambda e: found.errors.append(str(e)))
    found.on("dialog", lambda d: found.errors.append("dialog: " + d.message))
    found.on("request", lambda r: found.requests.append(r.url))
    found.goto(path.as_uri())
    yield found
    context.close()


def test_no_error_and_no_request_leaves(page: Any) -> None:
    assert page.errors == []
    assert all(url.startswith("file:") for url in page.requests)


def test_sections_are_there(page: Any) -> None:
    names = page.eval_on_selector_all("section", "all => all.map(s => s.id)")
    assert {"bill", "where", "findings", "checklist", "how_sure", "projection"} <= set(names)


def test_a_hatched_bar_is_filled_with_its_pattern(page: Any) -> None:
    read = "bar => getComputedStyle(bar).fill"
    fill = page.eval_on_selector("#projection rect.w-open", read)
    assert "hatch-waterfall" in fill
    inside = "all => all.every(t => t.getBBox().x >= 0 && t.getBBox().x + t.getBBox().width <= 722)"
    assert page.eval_on_selector_all("#projection svg text, #risk_savings svg text", inside)


def test_a_click_on_a_column_sorts_by_value(page: Any) -> None:
    rows = "#sessions tbody tr td:nth-child(6)"
    button = page.locator("#sessions th button").nth(5)
    button.click()
    read = "all => all.map(c => Number(c.dataset.v))"
    down = page.eval_on_selector_all(rows, read)
    assert down == sorted(down, reverse=True)
    button.press("Enter")
    assert page.eval_on_selector_all(rows, read) == sorted(down)


def test_a_phone_needs_no_sideways_scrolling(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375


def test_dark_is_dark(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert color == "rgb(20, 20, 23)"
