"""This machine's processor as hardware: what a short product and a short copy reach, labelled as measured."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from time import perf_counter
from types import MappingProxyType

import numpy as np

from costopt.serving.hardware import Gpu
from costopt.wiring.selfhosting.wishes import OWN

_SIDE = 1024
_COPY_BYTES = 64 * 2**20
_TIMES = 5
"""The best of so many: what disturbs a measurement only makes it slower."""


def this_machine() -> Gpu:
    """Peak of 32-bit products and memory bandwidth as numpy reaches them with its own threads."""
    flops, bandwidth = _product_flops(), _copy_bytes_per_s()
    return Gpu(
        OWN, "cpu", MappingProxyType({"bf16": flops, "fp32": flops}), _memory_bytes(), bandwidth,
        bandwidth, "none", f"numpy {np.__version__}: product of {_SIDE} x {_SIDE}, copy of 64 MiB",
        True, f"measured on this machine on {dt.datetime.now(tz=dt.UTC).date().isoformat()}, 32-bit; a "
        "server with fewer threads reaches less of it",
    )  # fmt: skip


def _product_flops() -> float:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((2, _SIDE, _SIDE), dtype=np.float32)
    out = np.empty_like(a)
    return 2.0 * _SIDE**3 / min(_seconds(lambda: np.matmul(a, b, out=out)) for _ in range(_TIMES))


def _copy_bytes_per_s() -> float:
    """Bytes read plus bytes written."""
    source = np.ones(_COPY_BYTES // 4, np.float32)
    target = np.empty_like(source)
    best = min(_seconds(lambda: np.copyto(target, source)) for _ in range(_TIMES))
    return 2.0 * _COPY_BYTES / best


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no such names: Windows
        return 8 * 2**30
