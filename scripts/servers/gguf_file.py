"""The tiny model's weights and tokenizer as GGUF, for llama.cpp. Needs numpy and `gguf` alone, so that
it runs in the environment of llama.cpp's server.

    python scripts/servers/gguf_file.py FOLDER OUT.gguf

Names and the order of q and k rows: gguf 0.19 `constants.py` and llama.cpp `convert_hf_to_gguf.py`
(https://github.com/ggml-org/llama.cpp, checked 2026-11-25).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

_LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_NORMAL, _CONTROL = 1, 3


def weights(path: Path) -> dict[str, Any]:
    """Tensors of a safetensors file: a JSON head, then raw float32."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head, data = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    found = {}
    for name, told in head.items():
        if name != "__metadata__":
            start, end = told["data_offsets"]
            found[name] = np.frombuffer(data[start:end], np.float32).reshape(told["shape"])
    return found


def convert(folder: Path, out: Path) -> None:
    """Write `out` from a model's folder."""
    import gguf

    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(out, "llama")
    _add_shape(writer, config)
    _add_tokenizer(writer, folder)
    for name, tensor in weights(folder / "model.safetensors").items():
        writer.add_tensor(_name(name), np.ascontiguousarray(_ordered(name, tensor, config)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: Any, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    rope = config.get("rope_parameters") or {}
    writer.add_name("tiny")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(rope.get("rope_theta", config.get("rope_theta", 10000.0)))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(0)


def _add_tokenizer(writer: Any, folder: Path) -> None:
    told = json.loads((folder / "tokenizer.json").read_text())
    special = {t["content"]: t["id"] for t in told["added_tokens"]}
    ids = {**told["model"]["vocab"], **special}
    words = sorted(ids, key=lambda w: ids[w])
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    template = settings.get("chat_template") or (folder / "chat_template.jinja").read_text()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([_CONTROL if w in special else _NORMAL for w in words])
    pairs = told["model"]["merges"]
    writer.add_token_merges([p if isinstance(p, str) else " ".join(p) for p in pairs])
    writer.add_eos_token_id(special[settings["eos_token"]])
    writer.add_pad_token_id(special[settings["pad_token"]])
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)


def _name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if stem in _TOP:
        return f"{_TOP[stem]}.weight"
    _, _, number, inner = stem.split(".", 3)
    return f"blk.{number}.{_LAYER[inner]}.weight"


def _ordered(name: str, tensor: Any, config: dict[str, Any]) -> Any:
    """llama.cpp turns neighbouring pairs of a head, transformers its two halves: q and k rows differ."""
    for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
        if part in name:
            n = config[heads]
            split = tensor.reshape(n, 2, tensor.shape[0] // n // 2, *tensor.shape[1:])
            return split.swapaxes(1, 2).reshape(tensor.shape)
    return tensor


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
