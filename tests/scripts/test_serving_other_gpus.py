"""Published rows of other GPUs: facts with a source, driven as the source says."""

from __future__ import annotations

import csv
import importlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.models import shape

SCRIPTS = Path(__file__).parents[2] / "scripts"
FILE = SCRIPTS / "data" / "serving_other_gpus.csv"
MEASURED = ("ttft_ms", "tpot_ms", "throughput_tokens_per_s")


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script's module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("validation.serving_other_gpus")


def test_every_row_is_a_fact_of_a_known_gpu_with_its_source() -> None:
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["gpu"] for row in rows}) >= 8
    for row in rows:
        assert engine(row["engine"], gpu(row["gpu"]))
        assert shape(row["model"])
        assert any(row[name] for name in MEASURED)
        assert row["source"]
        assert row["read"] >= "2026-11-25"
        assert row["load"] in ("offline", "at once", "closed")
    points = [tuple(row[k] for k in row if k not in ("note", "source", "read")) for row in rows]
    assert len(set(points)) == len(rows)


def made(**change: str) -> Mapping[str, str]:
    row = dict.fromkeys(
        ("precision", "kv_cache", "max_num_seqs", "max_num_batched_tokens", *MEASURED), ""
    )
    row |= {"model": "llama-3.1-8b", "gpu": "l4", "engine": "vllm", "engine_version": ""}
    row |= {"input_tokens": "200", "output_tokens": "20", "tensor_parallel": "1"}
    return row | {"concurrency": "8", "load": "offline", "throughput_tokens_per_s": "50"} | change


def test_one_batch_is_sent_once_and_a_server_reads_one_request_after_another(part: Any) -> None:
    offline, served, closed = (
        part.judge(made(load=one)) for one in ("offline", "at once", "closed")
    )
    assert [len(one.said.run.end_s) for one in (offline, served, closed) if one.said.run] == [
        8, 8, 80,
    ]  # fmt: skip
    assert served.said.ttft_ms > offline.said.ttft_ms
    rate = offline.said.throughput_tokens_per_s
    assert offline.log == {"throughput_tokens_per_s": pytest.approx(math.log(rate / 50))}


def test_flags_of_the_source_are_kept(part: Any) -> None:
    one = part.judge(made(max_num_seqs="2"))
    assert one.said.run is not None
    starts = sorted(one.said.run.start_s)
    assert starts[1] < starts[2]


def test_a_row_that_cannot_run_has_its_reason(part: Any) -> None:
    one = part.judge(made(model="llama-3.1-70b"))
    assert not one.said.fits
    assert "weights" in one.said.note
    assert not one.log
