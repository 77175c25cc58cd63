"""The study of the usual advice on a small log: what `simulate` says of it, and no word of the log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from costopt.engine.policy import Policy
from costopt.layers.trim_tools import TrimTools
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import simulate

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "what-the-advice-saves.md"
SAMPLE = ROOT / "sample_traces" / "traces.jsonl"
SESSIONS = 6
"""Of the sample: enough that results are cut and calls are asked twice."""


@dataclass(frozen=True)
class Studied:
    """What one run wrote."""

    log: Path
    page: str
    png: bytes
    figures: dict[str, Any]


def few(path: Path) -> None:
    """Calls of the first sessions that use tools."""
    calls = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    rich = [c.get("session_id") for c in calls if "tool" in json.dumps(c.get("request", {}))]
    chosen = list(dict.fromkeys(rich))[:SESSIONS]
    kept = [c for c in calls if c.get("session_id") in chosen]
    for call in kept:  # names that no page has by chance
        call |= {k: f"{call[k]}-zq" for k in ("agent", "task") if call.get(k)}
    path.write_text("\n".join(map(json.dumps, kept)))


def study(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/study.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    folder = tmp_path_factory.mktemp("study")
    log, page, png = folder / "calls.jsonl", folder / "page.md", folder / "chart.png"
    few(log)
    page.write_text(PAGE.read_text())
    done = study("--log", str(log), "--markdown", str(page), "--png", str(png),
                 "--keep", str(folder / "kept"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads((folder / "kept" / "calls.jsonl.json").read_text())
    return Studied(log, page.read_text(), png.read_bytes(), figures)


def test_a_figure_is_the_one_of_simulate(studied: Studied) -> None:
    options = TraceOptions(traces=[str(studied.log)], no_store=True, quiet=True, offline=True)
    found = simulate(options, Policy((TrimTools(max_tokens=200),)), shapley=False).projection
    figures = studied.figures["tools"]["limits"]["200"]
    assert figures["saved_usd"] == found.savings_usd != 0
    assert figures["ci95"] == found.ci95_pct
    assert figures["layers"][0]["touched"] == found.layers[0]["calls_touched"]


def test_a_stack_is_composed_and_not_added_up(studied: Studied) -> None:
    for stack in studied.figures["composed"].values():
        assert stack["saved_usd"] == pytest.approx(sum(x["step_usd"] for x in stack["layers"]))
    letter = studied.figures["composed"]["to the letter"]
    assert letter["saved_usd"] != pytest.approx(sum(x["solo_usd"] for x in letter["layers"]))


def test_every_block_of_the_page_is_written(studied: Studied) -> None:
    names = re.findall(r"<!-- study: (\w+) -->", studied.page)
    assert len(names) == len(set(names)) == 12
    for name in names:
        (block,) = re.findall(
            rf"<!-- study: {name} -->(.*?)<!-- end: {name} -->", studied.page, re.DOTALL
        )
        assert "|" in block, name
    assert studied.png.startswith(b"\x89PNG")


def test_the_same_figures_give_the_same_page(studied: Studied) -> None:
    again = studied.log.parent / "again.md"
    again.write_text(PAGE.read_text())
    done = study("--log", str(studied.log), "--markdown", str(again),
                 "--keep", str(studied.log.parent / "kept"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert again.read_text() == studied.page


def test_no_word_of_the_log_is_on_the_page_or_in_the_figures(studied: Studied) -> None:
    calls = [json.loads(line) for line in studied.log.read_text().splitlines()]
    words = {str(c[k]) for c in calls for k in ("id", "session_id", "agent", "task") if c.get(k)}
    for call in calls:
        for message in call["request"].get("messages", []):
            if isinstance(message.get("content"), str):
                words |= {line for line in message["content"].splitlines() if len(line) > 20}
    written = studied.page + json.dumps(studied.figures)
    assert words
    assert not {w for w in words if re.search(rf"\b{re.escape(w)}\b", written)}


def test_the_committed_page_has_figures_and_its_picture() -> None:
    text = PAGE.read_text()
    for name in re.findall(r"<!-- study: (\w+) -->", text):
        (block,) = re.findall(rf"<!-- study: {name} -->(.*?)<!-- end: {name} -->", text, re.DOTALL)
        assert "|" in block, name
    for image in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (PAGE.parent / image).exists(), image


@pytest.mark.parametrize("arguments", [(), ("folder", "--log", "calls.jsonl")])
def test_either_the_folder_or_a_log(arguments: tuple[str, ...]) -> None:
    done = study(*arguments)
    assert done.returncode == 2
    assert "--log" in done.stderr
