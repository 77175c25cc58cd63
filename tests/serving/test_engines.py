"""Engines at their defaults: how many sequences and tokens a step holds on which GPU."""

from __future__ import annotations

import pytest

from costopt.errors import UsageError
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision


@pytest.mark.parametrize(
    ("name", "device", "sequences", "tokens"),
    [
        ("vllm", "h100_sxm", 1024, 8_192),
        ("vllm", "b200", 1024, 16_384),
        ("vllm", "a100_sxm", 256, 2_048),
        ("vllm", "l4", 256, 2_048),
        ("sglang", "h100_sxm", 2048, 8_192),
        ("sglang", "b200", 2048, 16_384),
        ("sglang", "l40s", 2048, 4_096),
        ("sglang", "rtx_4090", 2048, 4_096),
        ("TensorRT-LLM", "h200_sxm", 2048, 8_192),
        ("llama.cpp", "l4", 1, 8_192),
    ],
)
def test_defaults_follow_the_gpus_memory(
    name: str, device: str, sequences: int, tokens: int
) -> None:
    found = engine(name, gpu(device))
    assert (found.max_num_seqs, found.max_num_batched_tokens) == (sequences, tokens)
    assert 0.85 < found.gpu_memory_utilization <= 0.92


@pytest.mark.parametrize(
    ("name", "bits", "asked", "kv_bits"),
    [
        ("trtllm", "fp8", "auto", 8), ("trtllm", "nvfp4", "auto", 8), ("trtllm", "bf16", "auto", 16),
        ("trtllm", "int4", "auto", 16), ("trtllm", "fp8", "bf16", 16), ("vllm", "fp8", "auto", 16),
        ("vllm", "fp8", "fp8", 8),
    ],
)  # fmt: skip
def test_narrow_checkpoints_bring_a_narrow_cache_under_tensorrt_alone(
    name: str, bits: str, asked: str, kv_bits: float
) -> None:
    model = shape("llama-3.1-8b")
    found = engine(name, gpu("h100")).precision(bits, model, asked)
    assert found.kv_bits == kv_bits
    assert found.weight_bits == precision(bits, model).weight_bits


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(UsageError, match="Did you mean `vllm`"):
        engine("vlm", gpu("h100"))
