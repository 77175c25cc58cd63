"""What is known of the server beforehand, from names, files and a look at the machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

from costopt.endpoints.client import tls
from costopt.endpoints.client_library import http
from costopt.endpoints.connection import Connection
from costopt.errors import EndpointError, InputError, UsageError
from costopt.serving.calibration.replica import Replica
from costopt.serving.engines import engine
from costopt.serving.hardware import Gpu, gpu
from costopt.serving.model_config import shape_from_config
from costopt.serving.models import ModelShape, shape
from costopt.serving.precision import precision
from costopt.wiring.selfhosting.machine import this_machine
from costopt.wiring.selfhosting.wishes import OWN, Calibration

_PATIENCE_S = 10.0
_MOST_SHOWN = 5


def replica_of(asked: Calibration, model: str) -> Replica:
    """UsageError: something is not named, or not known by that name."""
    found, device = _shape(asked, model), _device(asked)
    bits = asked.precision or ("fp32" if device.name == OWN else "")
    return Replica(
        found, device, precision(bits, found), engine(asked.engine, device),
        asked.tensor_parallel, asked.expert_parallel,
    )  # fmt: skip


def _shape(asked: Calibration, model: str) -> ModelShape:
    if asked.model_config:
        return shape_from_config(Path(asked.model_config), model)
    try:
        return shape(asked.shape or model)
    except UsageError as error:
        raise UsageError(
            error.message, where="--shape" if asked.shape else "--model",
            hint=f"{error.hint.split('Give its')[0]}--shape NAME or --model-config PATH says its sizes.",
        ) from error  # fmt: skip


def _device(asked: Calibration) -> Gpu:
    if asked.hardware is not None:
        return _from_file(asked.hardware)
    if asked.gpu == OWN:
        return this_machine()
    if asked.gpu:
        return gpu(asked.gpu)
    raise UsageError(
        "on which hardware does it run?", where="--gpu",
        hint=f"--gpu h100_sxm, --gpu {OWN} for the processor of this machine, or --hardware FILE",
    )  # fmt: skip


def _from_file(path: Path) -> Gpu:
    """A GPU as in the package's own data file: `{"name", "dense_tflops": {...}, "memory_mib", ...}`."""
    try:
        row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        flops = {str(k): float(v) * 1e12 for k, v in row["dense_tflops"].items()}
        flops.setdefault("bf16", max(flops.values()))
        found = Gpu(
            str(row["name"]), str(row.get("architecture", "")), MappingProxyType(flops),
            int(float(row["memory_mib"]) * 2**20), float(row["memory_gb_per_s"]) * 1e9,
            float(row.get("link_gb_per_s", row["memory_gb_per_s"])) * 1e9, str(row.get("link", "")),
            str(row.get("source", path.name)), bool(row.get("confirmed", False)),
            str(row.get("note", "")),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"it describes no hardware: {error!r}.", where=str(path),
            hint='{"name": "my-gpu", "dense_tflops": {"bf16": 120}, "memory_mib": 24576,'
            ' "memory_gb_per_s": 900}',
        ) from error  # fmt: skip
    if min(found.memory_bytes, found.memory_bytes_per_s, *flops.values()) <= 0:
        raise InputError("its figures must be above 0.", where=str(path))
    return found


def served_model(asked: Calibration, connection: Connection) -> str:
    """The model's name as requests give it."""
    if asked.model:
        return asked.model
    names = asyncio.run(_listed(connection))
    if len(names) == 1:
        return names[0]
    said = ", ".join(names[:_MOST_SHOWN])
    raise UsageError(
        f"{connection.host} serves several models: {said}." if names
        else f"{connection.host} does not list its models.",
        where="--model", hint="--model NAME, as the server names it",
    )  # fmt: skip


async def _listed(connection: Connection) -> list[str]:
    library = http()
    headers = {"Authorization": f"Bearer {connection.key}"} if connection.key else {}
    try:
        async with library.AsyncClient(
            follow_redirects=False, verify=tls(connection), timeout=_PATIENCE_S
        ) as client:
            answer = await client.get(f"{connection.versioned}/models", headers=headers)
        body = answer.json() if answer.status_code == 200 else {}
    except (library.HTTPError, OSError) as error:
        raise EndpointError(
            f"{connection.host} cannot be reached: {type(error).__name__}.",
            hint="Is the server running, and is this its address?",
        ) from error
    except ValueError:
        body = {}
    rows = body.get("data") if isinstance(body, dict) else None
    return [str(r["id"]) for r in rows or [] if isinstance(r, dict) and r.get("id")]
