"""The same seed gives the same bytes, in any process: Python salts its hashes anew in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from costopt.layers.discover import layer_names
from tests.laws.fingerprint import PROJECTION

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> list[dict[str, str]]:
    """Layer to its fingerprint, from two processes at the same time."""
    command = [sys.executable, "-m", "tests.laws.fingerprint"]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONHASHSEED": s}
        )
        for s in ("1", "4242")
    ]
    told = [process.communicate()[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return [json.loads(text) for text in told]


@pytest.mark.parametrize("name", [*layer_names(), PROJECTION])
def test_same_bytes(name: str, found: list[dict[str, str]]) -> None:
    first, second = found
    assert name != PROJECTION or first[name]
    assert first.get(name) == second.get(name)
