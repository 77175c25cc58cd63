"""Hostile run files: whole documents with parts replaced, removed, doubled, or bytes changed."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from costopt.model.call import Rejected
from costopt.sources.detect import formats
from costopt.sources.files import source_files
from tests.sources.reading import SAMPLES, read
from tests.sources.test_fuzz import _check, mutated

FOLDERS = ("mini-swe-agent", "swe-agent", "autocoderover", "tau-bench", "claude-code")


@pytest.mark.parametrize("name", FOLDERS)
def test_mutated_documents_never_raise(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    for turn in range(60):
        folder = tmp_path / str(turn)
        shutil.copytree(SAMPLES / name, folder)
        for path in sorted(folder.iterdir()):
            if path.suffix in (".json", ".traj"):
                path.write_text(json.dumps(mutated(json.loads(path.read_text()), chance)))
        _read_all(folder, name)


@pytest.mark.parametrize("name", FOLDERS)
def test_mutated_bytes_never_raise(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    for turn in range(40):
        folder = tmp_path / str(turn)
        shutil.copytree(SAMPLES / name, folder)
        for path in sorted(folder.iterdir()):
            data = bytearray(path.read_bytes())
            for _ in range(max(1, len(data) // 300)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(bytes(data[: chance.randrange(len(data) + 1)]))
        _read_all(folder, name)


def _read_all(folder: Path, name: str) -> None:
    for file in source_files([str(folder)]):
        for record in formats()[name].read(file):
            _check(record)


@pytest.mark.parametrize("name", FOLDERS)
def test_foreign_documents_are_refused(name: str, tmp_path: Path) -> None:
    for content in ("{}", "[]", "[1, null]", '{"a": {"b": []}}', "null", "", "diary\n", "[[[]]]"):
        path = tmp_path / "x.json"
        path.write_text(content)
        for file in source_files([str(path)]):
            records = list(formats()[name].read(file))
            assert all(isinstance(r, Rejected) for r in records), (content, records)


def test_a_run_read_twice_counts_once(tmp_path: Path) -> None:
    """Also from a place that no longer tells the model."""
    for name in FOLDERS:
        once = read(SAMPLES / name)
        shutil.copytree(SAMPLES / name, tmp_path / name)
        twice = read(SAMPLES / name, tmp_path / name)
        assert len(twice.calls) == len(once.calls), name
        assert {c.model for c in twice.calls} == {c.model for c in once.calls}, name
