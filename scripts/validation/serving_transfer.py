"""The constants of one GPU carried to others by their data sheets alone: measured rows of other machines.

Rows: `systems/silicon_sample.csv` of the Python package aiconfigurator-core (Apache-2.0), found through the
interpreter named by COSTOPT_AICONFIGURATOR_PYTHON. Nothing of them fits anything: what is shipped was fitted
on H100s. Rows of one replica as users rent it are taken: one server, no disaggregation, no
pipeline, no data-parallel attention. A benchmark's client is driven as its own scripts do
(`serving_collections.py`); what a user's plain row would be told stands beside it. What cannot be predicted
is counted with its reason.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from costopt.errors import CostoptError
from costopt.serving.rows import point_of, predict
from validation.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))
from serving_collections import harness_of

PYTHON = "COSTOPT_AICONFIGURATOR_PYTHON"
_WHERE = "import aiconfigurator_core as c; print(list(c.__path__)[0])"
_IN_FLIGHT = re.compile(r"silicon_concurrency=(\d+)")
_NAMES = {"b200_sxm": "b200"}
ENGINES = ("vllm", "trtllm", "sglang")
LEAST = 10
"""Rows of a group below which a median says nothing."""


@dataclass(frozen=True)
class Judged:
    """One measured row with its prediction; errors are relative."""

    gpu: str
    engine: str
    model: str
    precision: str
    ttft: float
    tpot: float


def run(folder: Path, table: Table) -> None:
    """All of it; a minute. `folder` is not used: the rows come with a package."""
    found = core_folder()
    table.title("constants of the H100 on other GPUs: median absolute error (bias)")
    if found is None:
        table.shown("rows", f"none: {PYTHON} names no Python with aiconfigurator", "")
        return
    rows = list(_rows(found / "systems" / "silicon_sample.csv"))
    judged, refused = _judge(_driven(rows))
    plain, _ = _judge(rows)
    by: dict[tuple[str, str, str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        by[one.engine, one.gpu, one.model, one.precision].append(one)
    for engine in ENGINES:
        for key in sorted(key for key in by if key[0] == engine and len(by[key]) >= LEAST):
            _, gpu, model, precision = key
            _show(table, f"{engine}, {gpu}: {model}, {precision}", by[key])
    table.title("the same, all of an engine on GPUs that fitted nothing")
    for engine in ENGINES:
        for words, found_errors in ((engine, judged), (f"{engine}, the client not known", plain)):
            other = [one for one in found_errors if one.engine == engine and one.gpu != "h100_sxm"]
            _show(table, words, other)
    table.title("rows without a prediction")
    for reason, count in refused.most_common():
        table.shown(reason, count)


def core_folder() -> Path | None:
    """Where the other interpreter has the package; None: it has not."""
    python = os.environ.get(PYTHON)
    if not python:
        return None
    told = subprocess.run([python, "-c", _WHERE], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip()) if told.returncode == 0 else None


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    """Rows of single replicas, each operating point once, in the columns of `predict`."""
    seen, out = set(), []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            in_flight = _IN_FLIGHT.search(row["silicon_data_source"])
            if row["mode"] != "agg" or in_flight is None:
                continue
            if (row["attention_dp_size"], row["pp_size"]) != ("1", "1") or int(row["tp_size"]) > 8:
                continue
            point = {
                "model": row["model_path"], "gpu": _NAMES.get(row["system"], row["system"]),
                "engine": row["backend"], "precision": row["precision"],
                "input_tokens": row["isl"], "output_tokens": row["osl"],
                "tensor_parallel": row["tp_size"], "expert_parallel": row["moe_ep_size"],
                "concurrency": in_flight[1],
            }  # fmt: skip
            key = tuple(point.values())
            if key not in seen:
                seen.add(key)
                measured = {"measured_ttft_ms": row["silicon_ttft_ms"],
                            "measured_tpot_ms": row["silicon_tpot_ms"]}  # fmt: skip
                out.append(point | measured)
    return out


def _driven(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """With the harness of each row that can be told."""
    out, points = [], []
    for row in rows:
        try:
            points.append(point_of(row, {}))
        except CostoptError:
            out.append(dict(row))
        else:
            out.append({**row, "harness": ""})
    names = iter(harness_of(points))
    return [row | {"harness": next(names).name} if "harness" in row else row for row in out]


def _judge(rows: Sequence[Mapping[str, str]]) -> tuple[list[Judged], Counter[str]]:
    judged, refused = [], Counter[str]()
    for row in predict(rows):
        if not row["fits"]:
            refused[f"{row['model']}, {row['gpu']}: {str(row['note'])[:48]}"] += 1
            continue
        errors = [float(row[f"{name}_ms"]) / float(row[f"measured_{name}_ms"]) - 1
                  for name in ("ttft", "tpot")]  # fmt: skip
        model = row["model"].rsplit("/", 1)[-1]
        judged.append(Judged(row["gpu"], row["engine"], model, row["precision"] or "bf16", *errors))
    return judged, refused


def _show(table: Table, what: str, rows: Sequence[Judged]) -> None:
    if not rows:
        return
    told = []
    for name in ("tpot", "ttft"):
        errors = np.array([getattr(one, name) for one in rows])
        told.append(f"{np.median(np.abs(errors)):.1%} ({np.median(errors):+.1%})")
    table.shown(what, f"TPOT {told[0]}, TTFT {told[1]}", f"{len(rows)} rows")
