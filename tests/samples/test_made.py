"""The sample traces are what their script makes, and hold nothing that looks like a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from costopt.model.secrets import masked

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "sample_traces"


def test_the_script_gives_the_same_bytes() -> None:
    pytest.importorskip("bpe_openai")
    done = subprocess.run(
        [sys.executable, "scripts/make_samples.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_exports_hold_calls_of_the_native_log() -> None:
    native = {
        (row["response"] or {}).get("id")
        for row in map(json.loads, (FOLDER / "traces.jsonl").read_text().splitlines())
    }
    rows = map(json.loads, (FOLDER / "langsmith-support.jsonl").read_text().splitlines())
    runs = [row["outputs"]["id"] for row in rows if row["run_type"] == "llm"]
    rows = map(json.loads, (FOLDER / "helicone-digest.jsonl").read_text().splitlines())
    rows_sent = [row["response_body"]["id"] for row in rows]
    assert runs and rows_sent
    assert native.issuperset(runs) and native.issuperset(rows_sent)


def test_nothing_in_them_looks_like_a_secret() -> None:
    for file in sorted(FOLDER.glob("*.json*")):
        for line in file.read_text().splitlines():
            assert masked(line) == line, file.name
