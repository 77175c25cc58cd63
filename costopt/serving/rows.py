"""`selfhost predict`: rows of operating points in, the same rows with their answers out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from costopt.errors import CostoptError
from costopt.serving.efficiency import Efficiencies
from costopt.serving.hardware import Gpu
from costopt.serving.harness import Harness, harness
from costopt.serving.models import ModelShape, shape
from costopt.serving.predict import Answer, Drafted, Point, answer

INPUT = (
    "model", "gpu", "engine", "precision", "input_tokens", "output_tokens", "tensor_parallel",
    "expert_parallel", "concurrency",
)  # fmt: skip
TOLD = ("harness", "kv_cache")
"""Columns that most files lack: the published benchmark that measured the row, see `harness.py`; `fp8` for a
KV cache in 8 bits, else the engine's default."""
OUTPUT = ("ttft_ms", "tpot_ms", "throughput_tokens_per_s", "fits", "note")


def predict(
    rows: Iterable[Mapping[str, Any]],
    efficiencies: Efficiencies | None = None,
    shapes: Mapping[str, ModelShape] | None = None,
    devices: Mapping[str, Gpu] | None = None,
    drafted: Mapping[tuple[str, ModelShape], Drafted] | None = None,
) -> list[dict[str, Any]]:
    """Each row with `OUTPUT` added; none is left out. A row that cannot run has nulls and its reason.

    `shapes` adds or replaces models by the name that the rows use (read from a config.json), `devices`
    hardware that is in no data file (a calibrated profile's), `drafted` what speculation gained a model on
    a GPU.
    """
    known: dict[tuple[Point, Harness], Answer] = {}
    out = []
    for row in rows:
        try:
            point, driven = point_of(row, shapes or {}), harness(str(row.get("harness") or ""))
            if (point, driven) not in known:
                own = (devices or {}).get(point.gpu)
                gained = (drafted or {}).get((point.gpu, point.shape), Drafted())
                known[point, driven] = answer(
                    point, efficiencies, driven=driven, device=own, drafted=gained
                )
            said = _answered(known[point, driven])
        except (CostoptError, ValueError) as error:
            said = _unanswered(str(error).replace("\n ", ""))
        out.append({**row, **said})
    return out


def point_of(row: Mapping[str, Any], shapes: Mapping[str, ModelShape]) -> Point:
    """A row as an operating point; empty parallelism is 1, an empty engine vLLM."""
    name = str(row.get("model") or "")
    return Point(
        shapes[name] if name in shapes else shape(name),
        str(row.get("gpu") or ""),
        str(row.get("engine") or "vllm"),
        str(row.get("precision") or ""),
        _count(row, "input_tokens"),
        _count(row, "output_tokens"),
        _count(row, "tensor_parallel", 1),
        _count(row, "expert_parallel", 1),
        _count(row, "concurrency"),
        str(row.get("kv_cache") or "auto").strip().lower(),
    )


def _count(row: Mapping[str, Any], column: str, default: int | None = None) -> int:
    """A whole number of a cell; CSV tools write `2.0` too."""
    text = str(row.get(column, "") if row.get(column) is not None else "").strip()
    if default is not None and text in ("", "0", "nan"):
        return default
    try:
        number = float(text)
        whole = int(number)
    except (ValueError, OverflowError):
        raise ValueError(f"{column} is not a whole number: `{text}`") from None
    if whole != number:
        raise ValueError(f"{column} is not a whole number: `{text}`")
    return whole


def _answered(found: Answer) -> dict[str, Any]:
    if not found.fits:
        return _unanswered(found.note)
    numbers = (found.ttft_ms, found.tpot_ms, found.throughput_tokens_per_s)
    return dict(zip(OUTPUT, (*numbers, True, found.note), strict=True))


def _unanswered(why: str) -> dict[str, Any]:
    return dict(zip(OUTPUT, (None, None, None, False, why), strict=True))
