"""GPUs as their data sheets describe them: what a step-time model needs, and where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from costopt.errors import UsageError, nearest

_DATA = Path(__file__).parent / "data" / "gpus.json"
MIB = 1 << 20
_STANDARD = "h100_sxm"
"""Whose 16-bit products the others are held against: its rows fit the shipped constants."""
_WIDE = ("bf16", "fp16", "fp32")
REACH_NARROW = 0.883
"""What 8-bit products reach of their peak where 16-bit ones reach 1, on the standard: 70.9 % / 80.3 %."""

RING_OVER_PCIE = {2: 0.60, 4: 0.41, 8: 0.39}
"""Share of one PCIe link at which a ring all-reduce of so many GPUs runs: they share the bridges of their
server. 38.6, 26.4 and 24.7 GB/s of 64 on RTX PRO 6000 cards (NCCL 2.29.2, 512 MiB): nccl_perf of
https://github.com/ai-dynamo/aiconfigurator, aiconfigurator-core 0.12.0 (Apache-2.0), read 2026-11-25."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. Peaks are dense (never with sparsity); the link counts one direction."""

    name: str
    architecture: str
    dense_flops: Mapping[str, float]
    """Peak FLOP/s by precision: bf16 always; fp8, fp4, int8 where the chip computes in them."""
    memory_bytes: int
    """What the driver reports, not the gigabytes of the sales name."""
    memory_bytes_per_s: float
    link_bytes_per_s: float
    """To the other GPUs of one server, one way: NVLink where there is one, else PCIe."""
    link: str
    source: str
    confirmed: bool
    """False: entered from memory of the source, not read again. Hold it against the data sheet."""
    note: str = ""
    reach: float = 1.0
    """Share of the 16-bit peak that the best-shaped product comes to, in proportion to an H100 SXM's."""
    reach_narrow: float = REACH_NARROW
    """The same of products in 8 bits and fewer, in proportion to that 16-bit share."""
    ring_bytes_per_s: Mapping[int, float] = field(default_factory=dict)
    """[GPUs] what somebody measured of a ring all-reduce, where the link is no measure of it."""
    reach_memory: float = 1.0
    """Share of the sheet's bandwidth that streaming comes to, in proportion to an H100 SXM's."""

    @property
    def streamed_bytes_per_s(self) -> float:
        """Memory bandwidth less what somebody measured that no stream reaches on this chip."""
        return self.memory_bytes_per_s * self.reach_memory

    def flops(self, precision: str) -> float:
        """Peak FLOP/s of a matrix product in this precision; bf16 where the chip lacks it.

        Engines then widen the weights as they are read (Marlin kernels and the like).
        """
        return self.dense_flops.get(precision, self.dense_flops["bf16"])

    def product_flops(self, precision: str) -> float:
        """The same, less what somebody measured that no shape of product reaches on this chip.

        Sheets are not equally far from what chips do: power limits hold back the narrow formats first,
        and some vendors' peaks more than others'.
        """
        narrow = precision in self.dense_flops and precision not in _WIDE
        return self.flops(precision) * (self.reach_narrow if narrow else self.reach)

    def ring(self, gpus: int, share: float) -> float:
        """Bytes/s, one way, of an all-reduce over so many GPUs; `share`: of an NVLink that it reaches.

        A number of GPUs between two measured ones lies on the line between them: where each has a link to
        every other (MI300X), so many GPUs have so many links less one.
        """
        measured = sorted(self.ring_bytes_per_s)
        if measured and measured[0] <= gpus <= measured[-1]:
            return float(np.interp(gpus, measured, [self.ring_bytes_per_s[n] for n in measured]))
        if self.link.startswith("PCIe"):
            share = RING_OVER_PCIE.get(gpus, min(RING_OVER_PCIE.values()))
        return self.link_bytes_per_s * share


@cache
def gpus() -> Mapping[str, Gpu]:
    """Every GPU of the data file by its own name and by its aliases."""
    found: dict[str, Gpu] = {}
    rows = json.loads(_DATA.read_text(encoding="utf-8"))["gpus"]
    best = next(row for row in rows if row["name"] == _STANDARD)
    standard, streamed = _reached(best, "bf16") or 1.0, _streamed(best) or 1.0
    for row in rows:
        reach = (_reached(row, "bf16") or standard) / standard
        narrow = _reached(row, "fp8") or REACH_NARROW * reach * standard
        one = Gpu(
            row["name"],
            row["architecture"],
            MappingProxyType({k: v * 1e12 for k, v in row["dense_tflops"].items()}),
            row["memory_mib"] * MIB,
            row["memory_gb_per_s"] * 1e9,
            row["link_gb_per_s"] * 1e9,
            row["link"],
            row["source"],
            row["confirmed"],
            row.get("note", ""),
            reach,
            narrow / standard,
            MappingProxyType({int(n): v * 1e9 for n, v in row.get("ring_gb_per_s", {}).items()}),
            (_streamed(row) or streamed) / streamed,
        )
        found |= dict.fromkeys((one.name, *row["aliases"]), one)
    return MappingProxyType(found)


def _reached(row: Mapping[str, Any], precision: str) -> float:
    """Share of the sheet's peak; 0 where nobody's measurement is known."""
    return float(row.get("reached_tflops", {}).get(precision, 0.0)) / row["dense_tflops"].get(
        precision, 1.0
    )


def _streamed(row: Mapping[str, Any]) -> float:
    """Share of the sheet's bandwidth; 0 where nobody's measurement is known."""
    return float(row.get("reached_gb_per_s", 0.0)) / float(row["memory_gb_per_s"])


_MAKERS = {"nvidia", "amd", "geforce", "instinct", "tesla", "gpu", "oam", "hbm2e", "hbm3", "hbm3e"}
_SIZE = re.compile(r"(\d+)(gib|gb|g)")


def _words(name: str) -> frozenset[str]:
    """What a name is made of, in any order: `A100 80GB SXM` and `NVIDIA A100-SXM4-80GB` are the same."""
    found = re.split(r"[\s_\-/]+", name.strip().lower())
    sized = (_SIZE.sub(r"\1", one) if _SIZE.fullmatch(one) else one for one in found)
    return frozenset(re.sub(r"^sxm\d$", "sxm", one) for one in sized if one not in _MAKERS)


@cache
def _by_words() -> Mapping[frozenset[str], Gpu]:
    return {_words(name): one for name, one in gpus().items()}


def gpu(name: str) -> Gpu:
    """A GPU by name, as written in the data (case and hyphens aside) or as a driver or a shop writes it,
    its memory named or not; UsageError names the nearest."""
    known, words = gpus(), _words(name)
    sizes = {size[1] for size in _SIZE.finditer(name.lower())}
    found = _by_words().get(words) or _by_words().get(words - sizes)
    if found is None:
        asked = name.strip().lower().replace("-", "_").replace(" ", "_")
        names = sorted({one.name for one in known.values()})
        hint = nearest(asked, known) or f"Known: {', '.join(names)}."
        raise UsageError(f"No GPU is called `{name}`.", hint=hint)
    return found
