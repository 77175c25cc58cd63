"""A model's shape from any Hugging Face `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from costopt.errors import InputError
from costopt.serving.config_layers import first, mixture, unlike, window
from costopt.serving.config_weights import native, quantized
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
    config = quantized(config, file.parent)
    return shape_of(config, name or str(config.get("_name_or_path") or file.parent.name), str(file))


def shape_of(config: Mapping[str, Any], name: str, where: str = "") -> ModelShape:
    """The same from the parsed object; a multimodal config is read by its `text_config`."""
    inner = config.get("text_config")
    if isinstance(inner, dict):
        config = {**config, **inner}
    if what := unlike(config):
        raise InputError(
            f"A shape cannot describe this model's layers: {what}.",
            where=where,
            hint="As ordinary layers they would misstate weights and cache; take a model like it instead.",
        )
    missing = [key for key in _NEEDED if not isinstance(config.get(key), int)]
    if missing:
        raise InputError(f"config.json lacks {', '.join(missing)}.", where=where)
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    experts, (reach, near) = mixture(config, layers), window(config, layers)
    intermediate = experts.dense_width or first(config, "intermediate_size")
    latent = first(config, "kv_lora_rank")
    head_dim = first(config, "qk_nope_head_dim") if latent else first(config, "head_dim")
    return ModelShape(
        name,
        layers,
        config["hidden_size"],
        heads,
        first(config, "num_key_value_heads") or heads,
        head_dim or config["hidden_size"] // heads,
        intermediate or 4 * config["hidden_size"],
        config["vocab_size"],
        first(config, "max_position_embeddings") or 131_072,
        bool(config.get("tie_word_embeddings", False)),
        experts.experts,
        experts.per_token,
        experts.width,
        experts.shared,
        experts.dense_layers,
        reach,
        near,
        first(config, "q_lora_rank"),
        latent,
        first(config, "qk_rope_head_dim") if latent else 0,
        first(config, "v_head_dim") if latent else 0,
        native(config),
    )
