"""Number formats of weights and KV cache: what they weigh and in what the chip multiplies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from costopt.errors import UsageError, nearest
from costopt.serving.models import ModelShape


@dataclass(frozen=True, slots=True)
class Precision:
    """Bits with their scales; embedding and head stay in 16 bits, as engines keep them."""

    name: str
    weight_bits: float
    expert_bits: float
    compute: str
    """Format of the products, as in `Gpu.dense_flops`."""
    expert_compute: str
    kv_bits: float = 16.0
    """The engines' default (auto) is the model's own 16 bits, whatever the weights are in."""


_BF16 = Precision("bf16", 16, 16, "bf16", "bf16")
_FORMATS = {
    "bf16": _BF16,
    "fp16": replace(_BF16, name="fp16"),
    # What servers on a CPU compute in; no GPU's sheet here has a peak for it.
    "fp32": Precision("fp32", 32, 32, "fp32", "fp32", 32),
    "fp8": Precision("fp8", 8, 8, "fp8", "fp8"),
    "int8": Precision("int8", 8, 8, "int8", "int8"),
    # Four bits and a 16-bit scale (and zero) per group of 128: AutoAWQ's and GPTQ's usual layout.
    "int4": Precision("int4", 4.25, 4.25, "bf16", "bf16"),
    # Four bits and an 8-bit scale per 16 numbers (NVFP4).
    "nvfp4": Precision("nvfp4", 4.5, 4.5, "fp4", "fp4"),
    # Four bits and an 8-bit scale per 32 numbers, the experts alone; activations stay in bf16:
    # OCP Microscaling 1.0 and the gpt-oss model card, https://arxiv.org/abs/2508.10925, 2026-11-25.
    "mxfp4": Precision("mxfp4", 16, 4.25, "bf16", "bf16"),
}
_ALIASES = {
    "bfloat16": "bf16", "half": "fp16", "float16": "fp16", "float32": "fp32", "w8a8": "int8", "awq": "int4",
    "gptq": "int4", "w4a16": "int4", "fp8_block": "fp8", "e4m3": "fp8",
}  # fmt: skip


def precision(name: str, shape: ModelShape, kv_cache: str = "auto") -> Precision:
    """The format by name; an empty one is the model's own (bf16 for most), `fp4` its four-bit one."""
    asked = (name or "").strip().lower() or shape.native
    asked = _ALIASES.get(asked, asked)
    if asked == "fp4":
        asked = "mxfp4" if shape.native == "mxfp4" else "nvfp4"
    if asked not in _FORMATS:
        known = sorted({*_FORMATS, *_ALIASES, "fp4"})
        hint = nearest(asked, known) or f"Known: {', '.join(known)}."
        raise UsageError(f"No precision is called `{name}`.", hint=hint)
    found = _FORMATS[asked]
    return replace(found, kv_bits=8.0) if kv_cache.startswith("fp8") else found
