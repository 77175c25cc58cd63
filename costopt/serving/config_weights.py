"""What precision a config.json says its weights are published in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BESIDE = "hf_quant_config.json"
"""Where older checkpoints of NVIDIA's ModelOpt say it, whose config.json does not."""
_KINDS = {(4, "int"): "int4", (4, "float"): "nvfp4", (8, "int"): "int8", (8, "float"): "fp8"}
"""[bits, kind] from the fewest bits on."""
_ALGORITHMS = {"FP8": "fp8", "NVFP4": "nvfp4", "W4A16_AWQ": "int4", "W4A8_AWQ": "int4"}


def quantized(config: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The config, with what a file beside it says of its weights where it says nothing itself."""
    if config.get("quantization_config") or not (folder / BESIDE).is_file():
        return config
    try:
        beside = json.loads((folder / BESIDE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return config  # the shape stands without it; the precision can be asked for by name
    said = beside.get("quantization") if isinstance(beside, dict) else None
    return {**config, "quantization_config": said} if isinstance(said, dict) else config


def native(config: Mapping[str, Any]) -> str:
    """Precision of the weights as published; bf16 where it is not said or is of no kind known here."""
    said = config.get("quantization_config")
    if not isinstance(said, dict):
        return "bf16"
    method, algorithm = str(said.get("quant_method", "")).lower(), str(said.get("quant_algo"))
    if method in ("awq", "gptq", "bitsandbytes"):
        return "int8" if said.get("bits") == 8 else "int4"
    if method in ("mxfp4", "fp8", "nvfp4"):
        return method
    if str(said.get("format", "")).startswith("mxfp4"):
        return "mxfp4"
    return _ALGORITHMS.get(algorithm) or _narrowest(said.get("config_groups"))


def _narrowest(groups: object) -> str:
    """Of the groups of llm-compressor and ModelOpt, the one with the fewest bits: most weights are in it."""
    rows = groups.values() if isinstance(groups, dict) else ()
    kinds = [one.get("weights") for one in rows if isinstance(one, dict)]
    said = {(w.get("num_bits"), w.get("type")) for w in kinds if isinstance(w, dict)}
    return next((name for kind, name in _KINDS.items() if kind in said), "bf16")
