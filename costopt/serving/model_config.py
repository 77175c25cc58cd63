"""A model's shape from any Hugging Face `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from costopt.errors import InputError
from costopt.serving.models import ModelShape

_NEEDED = ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size")


def shape_from_config(path: Path, name: str = "") -> ModelShape:
    """The shape that a config.json describes (a folder: the one in it). InputError says what it lacks."""
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"Not a config.json: {error}", where=str(file)) from error
    if not isinstance(config, dict):
        raise InputError("Not a config.json: an object is expected.", where=str(file))
    return shape_of(config, name or str(config.get("_name_or_path") or file.parent.name), str(file))


def shape_of(config: Mapping[str, Any], name: str, where: str = "") -> ModelShape:
    """The same from the parsed object; a multimodal config is read by its `text_config`."""
    inner = config.get("text_config")
    if isinstance(inner, dict):
        config = {**config, **inner}
    missing = [key for key in _NEEDED if not isinstance(config.get(key), int)]
    if missing:
        raise InputError(f"config.json lacks {', '.join(missing)}.", where=where)
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    experts = _first(config, "num_local_experts", "num_experts", "n_routed_experts")
    intermediate = _first(config, "intermediate_size")
    latent = _first(config, "kv_lora_rank")
    head_dim = _first(config, "qk_nope_head_dim") if latent else _first(config, "head_dim")
    window, window_layers = _window(config, layers)
    return ModelShape(
        name,
        layers,
        config["hidden_size"],
        heads,
        _first(config, "num_key_value_heads") or heads,
        head_dim or config["hidden_size"] // heads,
        intermediate or 4 * config["hidden_size"],
        config["vocab_size"],
        _first(config, "max_position_embeddings") or 131_072,
        bool(config.get("tie_word_embeddings", False)),
        experts,
        _first(config, "num_experts_per_tok", "experts_per_token") if experts else 0,
        (_first(config, "moe_intermediate_size") or intermediate) if experts else 0,
        _first(config, "n_shared_experts"),
        _first(config, "first_k_dense_replace") if experts else 0,
        window,
        window_layers,
        _first(config, "q_lora_rank"),
        latent,
        _first(config, "qk_rope_head_dim") if latent else 0,
        _first(config, "v_head_dim") if latent else 0,
        _native(config),
    )


def _first(config: Mapping[str, Any], *keys: str) -> int:
    """The first of these keys that holds a number; 0 where none does."""
    return next((config[key] for key in keys if isinstance(config.get(key), int)), 0)


def _window(config: Mapping[str, Any], layers: int) -> tuple[int, int]:
    """Sliding window and how many layers have it; a config may name it and leave it unused."""
    window = _first(config, "sliding_window")
    if not window or config.get("use_sliding_window") is False:
        return 0, 0
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        count = sum(kind == "sliding_attention" for kind in kinds)
    elif pattern := _first(config, "sliding_window_pattern"):
        count = layers - layers // pattern
    else:
        count = layers
    return (window, count) if count else (0, 0)


def _native(config: Mapping[str, Any]) -> str:
    """Precision of the weights as published."""
    quantization = config.get("quantization_config")
    if not isinstance(quantization, dict):
        return "bf16"
    method = str(quantization.get("quant_method", "")).lower()
    if method in ("awq", "gptq", "bitsandbytes"):
        return "int8" if quantization.get("bits") == 8 else "int4"
    if method == "compressed-tensors":
        return _compressed(quantization)
    return method if method in ("mxfp4", "fp8", "nvfp4") else "bf16"


def _compressed(quantization: Mapping[str, Any]) -> str:
    """Weights of llm-compressor's format, whose groups say bits and kind; the first one counts."""
    groups = quantization.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    if not isinstance(weights, dict):
        return "bf16"
    known = {(4, "int"): "int4", (8, "int"): "int8", (8, "float"): "fp8", (4, "float"): "nvfp4"}
    bits = weights.get("num_bits")
    return known.get((bits if isinstance(bits, int) else 0, str(weights.get("type"))), "bf16")
