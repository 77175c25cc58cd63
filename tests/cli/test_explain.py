"""`explain` and `doctor`: every name has a page, and nothing reaches the network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.wiring.pages import all_pages, first_line, page
from tests.cli.run import costopt

KINDS = {"findings", "checks", "formats", "numbers", "assumptions"}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    ran = costopt(capsys, *arguments)
    return ran.code, ran.out, ran.err


@pytest.mark.parametrize(("kind", "name"), all_pages())
def test_every_name_has_a_page_of_its_own(kind: str, name: str) -> None:
    text = page(name)
    assert text is not None
    assert f"{name} ({kind})" in text
    assert len(text) > len(f"{name} ({kind})") + 20
    assert len(first_line(kind, name)) > 10


def test_all_kinds_are_there() -> None:
    assert {kind for kind, _ in all_pages()} >= KINDS
    assert sum(kind == "checks" for kind, _ in all_pages()) == 10


def test_a_check_says_what_how_and_whence() -> None:
    for kind, name in all_pages():
        if kind == "checks":
            text = page(name) or ""
            assert "## How it is tested" in text
            assert "## Source" in text


def test_a_number_deep_inside_is_explained_by_its_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "bill.by_agent.usd")
    assert code == 0
    assert out.startswith("bill.by_agent (numbers)")


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "schema")
    assert code == 0
    assert json.loads(out)["$id"] == "costopt.result/1"


def test_doctor(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for words in ("costopt", "price book", "Token counts", ".costopt/ledger.duckdb"):
        assert words in out
    assert not (tmp_path / ".costopt").exists()
    code, out, _ = run(capsys, "doctor", "--json")
    lines = json.loads(out)
    assert all(
        line["fix"] for line in lines if line["state"] == "missing" and line["panel"] == "Extras"
    )
