"""The command that starts what was simulated: vLLM, SGLang, TGI, Ollama, each as far as it can.

What decides a simulation is written out, never left to a default that differs by device: sequences and
tokens of a step, KV format, prefix cache, context length. What an engine cannot be told stands in `notes`.
Flags and values read 2026-11-25 in public copies of the sources; the newest stored copy, not a release:
vLLM https://github.com/vllm-project/vllm (config/{cache,speculative}.py; engine/arg_utils.py by excerpts;
syntax of 0.33), SGLang https://github.com/sgl-project/sglang (srt/arg_groups/fields/*.py, choices.py), TGI
https://github.com/huggingface/text-generation-inference (docs/source/reference/launcher.md,
launcher/src/main.rs), Ollama https://github.com/ollama/ollama (docs/modelfile.mdx, parser/parser.go,
envconfig/config.go). Not run: no command was started on these versions.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from costopt.errors import UsageError, nearest
from costopt.serving.fleet.replica import Replica

Speculative = Mapping[str, object]
"""Of `speculation/config.py`: the keys of vLLM's `--speculative-config`."""

_CHECKPOINTS = {"int4": "AWQ or GPTQ", "int8": "W8A8", "nvfp4": "NVFP4", "mxfp4": "MXFP4"}
_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


@dataclass(frozen=True, slots=True)
class Launch:
    """One engine's start, for one replica."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    modelfile: str = ""
    """Ollama only: what `ollama create` reads."""
    notes: tuple[str, ...] = ()

    def shell(self) -> str:
        """As a POSIX shell reads it: every word quoted, an option a line."""
        lines: list[list[str]] = [[f"{name}={shlex.quote(v)}" for name, v in self.env.items()]]
        for word in self.words:
            if word.startswith("--"):
                lines.append([])
            lines[-1].append(shlex.quote(word))
        return " \\\n  ".join(" ".join(line) for line in lines if line)


def launchers() -> Mapping[str, Callable[[str, Replica, int, Speculative], Launch]]:
    """Engines whose command is known, by name."""
    return {"vllm": _vllm, "sglang": _sglang, "tgi": _tgi, "ollama": _ollama}


def launch(
    engine: str,
    model: str,
    one: Replica,
    context_tokens: int,
    speculative: Speculative | None = None,
) -> Launch:
    """How to start `model` (its repository or path) on this engine as this replica was simulated.

    `context_tokens`: the longest request, answer included. UsageError for an engine or a model name
    that no command can carry.
    """
    makers = launchers()
    if engine not in makers:
        hint = nearest(engine, makers) or f"Known: {', '.join(makers)}."
        raise UsageError(f"No command is known for the engine `{engine}`.", hint=hint)
    drafts = speculative or {}
    for name in (model, str(drafts.get("model", ""))):
        if name.startswith("-") or not name.isprintable() or (name == model and not name.strip()):
            raise UsageError(f"{name!r} is no model's name.", hint="Give its repository or path.")
    return makers[engine](model, one, context_tokens, drafts)


def _precision(one: Replica) -> tuple[list[str], list[str]]:
    """(options of vLLM and SGLang, notes) for the format of the weights."""
    bits, native = one.model.precision.name, one.model.shape.native
    if bits in _DTYPES:
        return ["--dtype", _DTYPES[bits]], []
    if bits == native:
        return [], []
    if bits == "fp8":
        return ["--quantization", "fp8"], []
    return [], [f"The model must be a {_CHECKPOINTS[bits]} checkpoint ({bits}): name that one."]


def _vllm(model: str, one: Replica, context_tokens: int, drafts: Speculative) -> Launch:
    options, notes = _precision(one)
    cached = (
        "--enable-prefix-caching" if one.engine.prefix_caching else "--no-enable-prefix-caching"
    )
    words = [
        "vllm", "serve", model,
        "--tensor-parallel-size", str(one.model.tp),
        *(["--enable-expert-parallel"] if one.model.ep > 1 else []),
        "--max-model-len", str(context_tokens),
        "--max-num-seqs", str(one.engine.max_num_seqs),
        "--max-num-batched-tokens", str(one.engine.max_num_batched_tokens),
        "--gpu-memory-utilization", f"{one.engine.gpu_memory_utilization:g}",
        "--kv-cache-dtype", "fp8" if one.kv_cache.startswith("fp8") else "auto",
        *options, cached, "--enable-prompt-tokens-details",
    ]  # fmt: skip
    if drafts:
        words += ["--speculative-config", json.dumps(dict(drafts), separators=(",", ":"))]
    return Launch(tuple(words), notes=tuple(notes))


_SGLANG = {
    "eagle": "EAGLE", "eagle3": "EAGLE3", "mtp": "NEXTN", "draft_model": "STANDALONE",
    "ngram": "NGRAM",
}  # fmt: skip


def _sglang(model: str, one: Replica, context_tokens: int, drafts: Speculative) -> Launch:
    options, notes = _precision(one)
    words = [
        "python", "-m", "sglang.launch_server", "--model-path", model,
        "--tp-size", str(one.model.tp),
        *(["--ep-size", str(one.model.ep)] if one.model.ep > 1 else []),
        "--context-length", str(context_tokens),
        "--max-running-requests", str(one.engine.max_num_seqs),
        "--chunked-prefill-size", str(one.engine.max_num_batched_tokens),
        "--max-total-tokens", str(one.room.kv_tokens),
        "--kv-cache-dtype", "fp8_e4m3" if one.kv_cache.startswith("fp8") else "auto",
        *options, *([] if one.engine.prefix_caching else ["--disable-radix-cache"]),
        "--enable-metrics", "--enable-cache-report",
    ]  # fmt: skip
    notes.append("--max-total-tokens is the KV cache that was simulated.")
    if drafts:
        name = str(drafts["method"])
        if name not in _SGLANG:
            notes.append(f"SGLang has no `{name}` drafting: this starts without it.")
        else:
            words += _sglang_drafts(_SGLANG[name], drafts)
    return Launch(tuple(words), notes=tuple(notes))


def _sglang_drafts(algorithm: str, drafts: Speculative) -> list[str]:
    """A chain (topk 1) of k drafted tokens is k steps and k + 1 tokens to verify."""
    many = int(str(drafts["num_speculative_tokens"]))
    words = ["--speculative-algorithm", algorithm]
    if "model" in drafts:
        words += ["--speculative-draft-model-path", str(drafts["model"])]
    if algorithm == "NGRAM":
        return [*words, "--speculative-num-draft-tokens", str(many)]
    return [
        *words, "--speculative-num-steps", str(many), "--speculative-eagle-topk", "1",
        "--speculative-num-draft-tokens", str(many + 1),
    ]  # fmt: skip


def _tgi(model: str, one: Replica, context_tokens: int, drafts: Speculative) -> Launch:
    bits, notes = one.model.precision.name, []
    options: list[str] = []
    if bits in ("bf16", "fp16"):
        options = ["--dtype", _DTYPES[bits]]
    elif bits == "fp32":
        notes.append("TGI takes float16 or bfloat16 only: this starts in the checkpoint's default.")
    elif bits == "fp8":
        options = ["--quantize", "fp8"]
    else:
        notes.append(
            f"The model must be a {_CHECKPOINTS[bits]} checkpoint ({bits}): name that one."
        )
    if one.kv_cache.startswith("fp8"):
        options += ["--kv-cache-dtype", "fp8_e4m3fn"]
    if drafts.get("method") == "ngram":
        options += ["--speculate", str(drafts["num_speculative_tokens"])]
    elif drafts:
        notes.append(f"TGI has no `{drafts['method']}` drafting: this starts without it.")
    words = [
        "text-generation-launcher", "--model-id", model,
        "--num-shard", str(one.model.tp),
        "--max-total-tokens", str(context_tokens),
        "--max-input-tokens", str(max(context_tokens - 1, 1)),
        "--max-batch-size", str(one.engine.max_num_seqs),
        "--max-concurrent-requests", str(one.engine.max_num_seqs),
        "--max-batch-prefill-tokens", str(max(one.engine.max_num_batched_tokens, context_tokens)),
        "--max-batch-total-tokens", str(one.room.kv_tokens),
        *options,
    ]  # fmt: skip
    notes.append("TGI holds at most --max-concurrent-requests and refuses the rest: none wait.")
    # On by default where the model allows it; only a variable of the environment switches it off.
    env = {} if one.engine.prefix_caching else {"PREFIX_CACHING": "0"}
    return Launch(tuple(words), env, notes=tuple(notes))


def _ollama(model: str, one: Replica, context_tokens: int, drafts: Speculative) -> Launch:
    """Ollama serves as many at once as contexts of full length fit."""
    slots = max(min(one.engine.max_num_seqs, one.room.kv_tokens // max(context_tokens, 1)), 1)
    env = {
        "OLLAMA_NUM_PARALLEL": str(slots), "OLLAMA_CONTEXT_LENGTH": str(context_tokens),
        "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_MAX_LOADED_MODELS": "1", "OLLAMA_FLASH_ATTENTION": "1",
        "OLLAMA_KV_CACHE_TYPE": "q8_0" if one.kv_cache.startswith("fp8") else "f16",
    }  # fmt: skip
    notes = [
        "Ollama is no continuous-batching engine with paged KV: what was simulated is an upper bound.",
        f"Its weights are GGUF; take the quantisation nearest to {one.model.precision.name}.",
    ]
    if one.model.tp > 1:
        notes.append(f"Layers are spread over the {one.model.tp} GPUs, not split as simulated.")
    lines = [f"FROM {model}", f"PARAMETER num_ctx {context_tokens}"]
    if drafts.get("method") == "draft_model":
        lines.insert(1, f"DRAFT {drafts['model']}")
        lines.append(f"PARAMETER draft_num_predict {drafts['num_speculative_tokens']}")
        notes.append(
            "DRAFT reads a local file or folder (GGUF, safetensors), no name of a registry."
        )
    elif drafts.get("method") == "mtp":
        lines.append(f"PARAMETER draft_num_predict {drafts['num_speculative_tokens']}")
    elif drafts:
        notes.append(f"Ollama has no `{drafts['method']}` drafting: this starts without it.")
    return Launch(("ollama", "serve"), env, "\n".join(lines) + "\n", tuple(notes))
