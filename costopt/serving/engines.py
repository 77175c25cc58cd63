"""Inference engines by their defaults: how many sequences and tokens a step may hold, by GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from costopt.errors import UsageError, nearest
from costopt.serving import precision as formats
from costopt.serving.hardware import Gpu
from costopt.serving.models import ModelShape

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Engine:
    """What the simulator needs to know of an engine."""

    name: str
    max_num_seqs: int
    max_num_batched_tokens: int
    gpu_memory_utilization: float = 0.9
    chunked_prefill: bool = True
    prefix_caching: bool = True
    client_wait_slots: float = 0.0
    """Harness term: waits of a benchmark's client that its TTFT contains, in slots of
    output x TPOT / concurrency. Off for users. Half a slot explains TensorRT-LLM's rows of aiconfigurator
    (`scripts/validate.py FOLDER serving` fits it on half of them) and predicts nothing for a user."""
    of_what_is_left: bool = False
    """`gpu_memory_utilization` is a share of the memory beside weights and activations, not of all."""
    whole: bool = False
    """A request is let in where the cache has room to its last token, and never put out again."""
    narrow_kv: bool = False
    """Checkpoints whose products are in 8 bits or fewer bring a KV cache in 8 bits with them."""

    def precision(self, name: str, shape: ModelShape, kv_cache: str = "auto") -> formats.Precision:
        """The format by name, its KV cache as this engine keeps it where nobody asks for another."""
        found = formats.precision(name, shape, kv_cache)
        narrow = self.narrow_kv and kv_cache == "auto" and found.compute in ("fp8", "fp4")
        return replace(found, kv_bits=8.0) if narrow else found


def engine(name: str, gpu: Gpu) -> Engine:
    """An engine at its server defaults on this GPU."""
    asked = name.strip().lower().replace("-", "").replace("_", "").replace(".", "")
    asked = asked.replace("tensorrtllm", "trtllm")
    makers = {
        "vllm": _vllm, "trtllm": _trtllm, "sglang": _sglang, "transformers": _one_by_one,
        "llamacpp": _one_by_one, "": _vllm,
    }  # fmt: skip
    if asked not in makers:
        known = ("vllm", "trtllm", "sglang", "transformers", "llama_cpp")
        hint = nearest(asked, known) or f"Known: {', '.join(known)}."
        raise UsageError(f"No engine is called `{name}`.", hint=hint)
    return makers[asked](gpu)


def _vllm(gpu: Gpu) -> Engine:
    """vLLM V1, `vllm serve`: by memory, A100 apart (engine/arg_utils.py, `get_batch_defaults`; the step
    from 160 GiB up is new in 0.28 of 2026-08-24); 0.92 of the memory (config/cache.py; 0.9 before).

    https://github.com/vllm-project/vllm, read 2026-11-25.
    """
    large = gpu.memory_bytes >= 70 * _GIB and not gpu.name.startswith("a100")
    tokens = 16_384 if gpu.memory_bytes >= 160 * _GIB else 8_192 if large else 2_048
    return Engine("vllm", 1024 if large else 256, tokens, 0.92)


def _trtllm(gpu: Gpu) -> Engine:
    """TensorRT-LLM, `trtllm-serve`: max_batch_size 2048, max_num_tokens 8192
    (https://nvidia.github.io/TensorRT-LLM/); of the memory left after loading 0.9 is KV cache
    (llmapi/llm_args.py, `free_gpu_memory_fraction`), in 8 bits where a checkpoint's products are (performance
    overview of 0.14: "set to FP8 as well"); scheduled by GUARANTEED_NO_EVICT (llm-api/reference,
    SchedulerConfig). Read 2026-11-25; the numbers of sequences and tokens not a second time."""
    return Engine("trtllm", 2048, 8_192, of_what_is_left=True, whole=True, narrow_kv=True)


_SGLANG_TOKENS = ((20, 2_048), (60, 4_096), (160, 8_192))
"""(GPUs below so many GiB, tokens of a chunk); above: 16384."""


def _sglang(gpu: Gpu) -> Engine:
    """SGLang: tokens of a chunk by memory (arg_groups/memory_hook.py); running requests are 512 contexts
    of full length, at least 2048 and at most 4096 (`resolve_max_num_reqs`), so 2048 for long contexts.

    mem_fraction_static is (memory - reserve) / memory, the reserve 1.5 MiB a token of the chunk and at
    least 10 GiB from 60 GiB up: 0.83 of 80 GB. It leaves activations and the runtime out, which the share
    here holds; 0.88 is therefore near it on data-centre GPUs and above it on 24 GB ones.
    https://github.com/sgl-project/sglang, read 2026-11-25.
    """
    gib = gpu.memory_bytes / _GIB
    tokens = next((most for below, most in _SGLANG_TOKENS if gib < below), 16_384)
    return Engine("sglang", 2048, tokens, 0.88)


def _one_by_one(gpu: Gpu) -> Engine:
    """Servers that answer one request after the other, its whole prompt in one step.

    `transformers serve` without --continuous-batching (cli/serving/utils.py: `GenerateManager`, 5.24,
    https://github.com/huggingface/transformers) and llama-cpp-python's server (server/app.py:
    `llama_inner_lock`, 0.3, https://github.com/abetlen/llama-cpp-python), both read 2026-11-25.
    """
    return Engine("one by one", 1, 8_192, chunked_prefill=False, prefix_caching=False)
