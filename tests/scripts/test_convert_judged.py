"""Judged tables become native logs that costopt reads: each problem asked of both models, seeded."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from costopt.engine.policy import Policy
from costopt.layers.route import Route
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare

SCRIPTS = Path(__file__).parents[2] / "scripts"
SMALL, LARGE = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


def table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four problems with answers, and two subjects without."""
    problems = [
        {"prompt": f"{n} lamps and {n} more,\nhow many?", SMALL: str(n % 2 == 0), LARGE: "True",
         f"{SMALL}_response": f"{2 * n}", f"{LARGE}_response": f"There are {2 * n}."}
        for n in range(1, 5)
    ]  # fmt: skip
    table(tmp_path / "gsm8k_responses.csv", problems)
    for subject in ("carpentry", "gardening"):
        table(
            tmp_path / f"mmlu_{subject}.csv",
            [{"prompt": f"{subject}?", SMALL: "False", LARGE: "True"}],
        )
    return tmp_path


def converted(script: str, folder: Path, seed: int = 0) -> list[dict[str, Any]]:
    out = folder / "log.jsonl"
    command = [
        sys.executable,
        str(SCRIPTS / script),
        str(folder),
        "--out",
        str(out),
        "--seed",
        str(seed),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_every_problem_is_asked_of_both_models_in_an_order_of_the_seed(folder: Path) -> None:
    lines = converted("convert_gsm8k.py", folder)
    assert [line["provider"] for line in lines] == ["together", "openai"] * 4
    asked = [line["request"]["messages"][0]["content"] for line in lines]
    assert asked[::2] == asked[1::2] and len(set(asked)) == 4
    assert sum(line["metadata"]["correct"] for line in lines) == 2 + 4
    assert [c["id"] for c in converted("convert_gsm8k.py", folder)] == [c["id"] for c in lines]
    other = converted("convert_gsm8k.py", folder, seed=1)
    assert [c["request"] for c in other] != [c["request"] for c in lines]


def test_a_log_without_answers_says_its_counts(folder: Path) -> None:
    lines = converted("convert_mmlu.py", folder)
    assert {line["task"] for line in lines} == {"carpentry", "gardening"}
    assert all(line["response"]["usage"]["completion_tokens"] == 1 for line in lines)


def test_costopt_reads_it_and_knows_the_pairs(folder: Path) -> None:
    converted("convert_gsm8k.py", folder)
    options = TraceOptions(
        traces=[str(folder / "log.jsonl")], no_store=True, quiet=True, offline=True
    )
    e = prepare(options, Policy(())).evaluator
    layer = Route(tiers=(("simple", f"together/{SMALL}"), ("complex", LARGE)))
    effect = e.effect((layer,))
    beside = layer.report(effect.tally, effect.detail).evidence["quality"]["simple"]
    assert beside["judged_calls"] == 4 and beside["oracle"] == 1.0 and beside["always_small"] == 0.5
    assert e.value((layer,)) < e.baseline.total_pusd
