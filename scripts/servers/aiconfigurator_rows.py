"""Ask aiconfigurator for TTFT and TPOT of rows: JSON lines in, JSON lines out. Run by a Python that has it.

A row is {"model", "gpu", "engine", "precision", "input_tokens", "output_tokens", "tensor_parallel",
"expert_parallel", "concurrency"}; its answer {"ttft_ms", "tpot_ms"} or {"refused": reason}. Estimates rest
on its own measured kernels ("SILICON"), in aggregated serving, with its defaults for all else.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from typing import Any

_QUANTISED = {"": "bfloat16", "bf16": "bfloat16", "fp8": "fp8", "fp8_block": "fp8_block"}


def main() -> None:
    """From stdin to stdout."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from aiconfigurator.cli.api import cli_estimate

    for line in sys.stdin:
        row = json.loads(line)
        try:
            found = cli_estimate(_named(row["model"]), row["gpu"], mode="agg", **_asked(row))
            said = {"ttft_ms": float(found.ttft), "tpot_ms": float(found.tpot)}
        except (Exception, SystemExit) as error:  # whatever it raises is its refusal of this row
            said = {"refused": str(error)[:200]}
        print(json.dumps(said), flush=True)


def _named(model: str) -> str:
    """The name that its configurations are filed under."""
    short = model.removeprefix("meta-llama/Llama-3.1-")
    return (
        f"meta-llama/Meta-Llama-3.1-{short.removesuffix('-Instruct')}" if short != model else model
    )


def _asked(row: dict[str, Any]) -> dict[str, Any]:
    """Its arguments; of a mixture its own format is kept."""
    tensor, expert = int(row["tensor_parallel"]), int(row["expert_parallel"])
    asked = {
        "backend_name": row["engine"], "isl": int(row["input_tokens"]),
        "osl": int(row["output_tokens"]), "batch_size": int(row["concurrency"]),
        "tp_size": tensor,
    }  # fmt: skip
    if row["precision"] in _QUANTISED:
        return asked | {"gemm_quant_mode": _QUANTISED[row["precision"]]}
    return asked | {"moe_ep_size": expert, "moe_tp_size": max(tensor // expert, 1)}


if __name__ == "__main__":
    main()
