"""What a config.json says of its layers one by one: which are mixtures, which look back only so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NEAR = ("sliding_attention", "chunked_attention")
_CHOSEN = "deepseek_sparse_attention"
"""Attends to some tokens of a cache that holds them all: taken as attending to all, so slower than it is."""
_PLAIN = (*_NEAR, _CHOSEN, "full_attention", "attention")
_EVERY = {"gemma2": 2, "gemma3_text": 6, "cohere2": 4, "olmo3": 4, "llama4_text": 4}
"""[architecture] one layer of so many looks back all the way, where the config leaves it unsaid: defaults of
https://github.com/huggingface/transformers 5.24.0 (Apache-2.0), configuration_*.py, read 2026-11-25."""
_UNLIKE = {
    "linear_attn_config": "linear attention",
    "linear_num_value_heads": "linear attention",
    "full_attention_interval": "linear attention",
    "hybrid_override_pattern": "Mamba layers",
    "layers_block_type": "Mamba layers",
    "ssm_state_size": "Mamba layers",
    "mamba_d_state": "Mamba layers",
    "block_types": "recurrent layers",
    "block_configs": "layers of different widths",
    "hybrid_layer_pattern": "attention of two shapes",
    "global_head_dim": "attention of two shapes",
    "compress_ratios": "a compressed cache",
    "num_kv_shared_layers": "a cache that layers share",
}
"""[key] what its presence means, none of which a shape can hold: its layers are all of one kind."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the experts are laid out."""

    experts: int = 0
    per_token: int = 0
    width: int = 0
    """Intermediate size of one expert."""
    shared: int = 0
    """Experts that every token visits, in the width of the others."""
    dense_layers: int = 0
    """Layers with an ordinary MLP."""
    dense_width: int = 0
    """Its intermediate size, where the config names it apart from the experts'; else 0."""


def unlike(config: Mapping[str, Any]) -> str:
    """What of these layers a shape cannot describe; empty where it can.

    Reading them as ordinary ones would be off by half the weights and most of the cache, unnoticed.
    """
    named = config.get("layer_types")
    kinds = sorted({str(kind) for kind in named} - {*_PLAIN}) if isinstance(named, list) else []
    if kinds:
        return ", ".join(kind.replace("_", " ") for kind in kinds)
    if 0 in (config.get("attn_type_list") or ()):
        return "linear attention"
    return next((what for key, what in _UNLIKE.items() if config.get(key)), "")


def mixture(config: Mapping[str, Any], layers: int) -> Mixture:
    """The experts of a config; none of them: all zeros."""
    experts = first(config, "num_local_experts", "num_experts", "n_routed_experts")
    if not experts:
        return Mixture()
    apart = first(config, "intermediate_size_mlp", "dense_intermediate_size")
    width = first(config, "moe_intermediate_size", "intermediate_size")
    shared = first(config, "n_shared_experts", "num_shared_experts")
    if together := first(config, "shared_expert_intermediate_size", "share_expert_dim"):
        shared = max(1, round(together / width)) if width else 1
    elif first(config, "intermediate_size_mlp"):
        shared = 1  # Llama 4 has one in every mixture and no key for it
    per_token = first(config, "num_experts_per_tok", "experts_per_token", "num_experts_per_token")
    return Mixture(experts, per_token, width, shared, _dense_layers(config, layers), apart)


def window(config: Mapping[str, Any], layers: int) -> tuple[int, int]:
    """Sliding window and how many layers have it; a config may name it and leave it unused."""
    reach = first(config, "sliding_window", "attention_chunk_size")
    if not reach or config.get("use_sliding_window") is False:
        return 0, 0
    kinds = config.get("layer_types")
    every = first(config, "sliding_window_pattern", "no_rope_layer_interval")
    every = every or _EVERY.get(str(config.get("model_type")), 0)
    if isinstance(kinds, list):
        count = sum(kind in _NEAR for kind in kinds)
    else:
        count = layers - layers // every if every else layers
    return (reach, count) if count else (0, 0)


def first(config: Mapping[str, Any], *keys: str) -> int:
    """The first of these keys that holds a number; 0 where none does."""
    return next((config[key] for key in keys if isinstance(config.get(key), int)), 0)


def _dense_layers(config: Mapping[str, Any], layers: int) -> int:
    """Layers without experts: listed, all but every so many, or the leading ones."""
    listed, frequency = config.get("moe_layers"), config.get("moe_layer_freq")
    if isinstance(listed, list) and listed:
        return layers - len(listed)
    if isinstance(frequency, list):
        return layers - sum(map(bool, frequency))
    step = first(config, "interleave_moe_layer_step", "decoder_sparse_step")
    if step > 1:
        return layers - layers // step
    only = config.get("mlp_only_layers")
    if isinstance(only, list) and only:
        return len(only)
    return first(config, "first_k_dense_replace")
