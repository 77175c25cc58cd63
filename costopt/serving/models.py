"""Language models as shapes: what their weights weigh and what a token costs, from config.json's numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from costopt.errors import UsageError, nearest

_DATA = Path(__file__).parent / "data" / "models.json"
_ENDINGS = re.compile(
    r"-(instruct|chat|it|base|hf|bf16|fp16|fp8|fp4|nvfp4|awq|gptq|dynamic|int4|int8|v\d+(\.\d+)?|2\d{3})$"
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A decoder-only transformer. Counts of parameters are computed, never stated."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    max_context: int = 131_072
    tied: bool = False
    """The embedding is also the head."""
    experts: int = 0
    experts_per_token: int = 0
    moe_intermediate: int = 0
    shared_experts: int = 0
    dense_layers: int = 0
    """Leading layers of a mixture that have an ordinary MLP."""
    window: int = 0
    """Tokens that a sliding-window layer looks back; 0: there are none."""
    window_layers: int = 0
    q_lora: int = 0
    kv_lora: int = 0
    """Latent attention (MLA): what is cached per token and layer is `kv_lora + rope_dim` numbers."""
    rope_dim: int = 0
    value_dim: int = 0
    native: str = "bf16"
    """Precision of the published weights; mxfp4 means the experts alone (gpt-oss)."""

    @property
    def attention_params(self) -> int:
        """Of one layer's projections."""
        if self.kv_lora:
            query_in = self.q_lora or self.hidden
            query = (self.hidden * self.q_lora) + query_in * self.heads * (
                self.head_dim + self.rope_dim
            )
            latent = self.hidden * (self.kv_lora + self.rope_dim)
            unfold = self.kv_lora * self.heads * (self.head_dim + self.value_dim)
            return query + latent + unfold + self.heads * self.value_dim * self.hidden
        return self.hidden * self.head_dim * 2 * (self.heads + self.kv_heads)

    @property
    def expert_params(self) -> int:
        """Of one expert in one layer."""
        return 3 * self.hidden * self.moe_intermediate

    @property
    def moe_layers(self) -> int:
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def mlp_params(self) -> int:
        """Of one ordinary layer's MLP (gate, up, down)."""
        return 3 * self.hidden * self.intermediate

    @property
    def dense_params(self) -> int:
        """Read by every step whatever the tokens: projections, ordinary MLPs, shared experts, routers."""
        ordinary = (self.layers - self.moe_layers) * self.mlp_params
        mixture = self.shared_experts * self.expert_params + self.hidden * self.experts
        return self.layers * self.attention_params + ordinary + self.moe_layers * mixture

    @property
    def head_params(self) -> int:
        return self.vocab * self.hidden

    @property
    def params(self) -> int:
        """All of them, norms and biases (under 0.1 %) aside."""
        routed = self.moe_layers * self.experts * self.expert_params
        return self.dense_params + routed + self.head_params * (1 if self.tied else 2)

    @property
    def active_params(self) -> int:
        """Multiplied for one token, the embedding look-up aside."""
        routed = self.moe_layers * self.experts_per_token * self.expert_params
        return self.dense_params + routed + self.head_params

    @property
    def kv_numbers(self) -> int:
        """Numbers cached per token in one layer."""
        return self.kv_lora + self.rope_dim if self.kv_lora else 2 * self.kv_heads * self.head_dim


@cache
def shapes() -> Mapping[str, ModelShape]:
    """Every model of the data file by its name and aliases."""
    known = {field.name for field in fields(ModelShape)}
    found: dict[str, ModelShape] = {}
    for row in json.loads(_DATA.read_text(encoding="utf-8"))["models"]:
        one = ModelShape(**{k: v for k, v in row.items() if k in known})
        found |= dict.fromkeys((one.name, *row["aliases"]), one)
    return MappingProxyType(found)


def published(name: str) -> Mapping[str, Any]:
    """The data file's own row of a model: published parameters, source, whether it was confirmed."""
    rows = json.loads(_DATA.read_text(encoding="utf-8"))["models"]
    return next(row for row in rows if row["name"] == shape(name).name)


def shape(name: str) -> ModelShape:
    """A model by its Hugging Face or short name; endings such as -Instruct or -FP8 do not matter."""
    known, asked = shapes(), name.strip().lower().rsplit("/", 1)[-1].replace("_", "-")
    asked = asked.removeprefix("meta-")
    while asked not in known and _ENDINGS.search(asked):
        asked = _ENDINGS.sub("", asked)
    if asked not in known:
        near = nearest(asked, known)
        hint = f"{near} " if near else ""
        raise UsageError(
            f"No shape is known for the model `{name}`.",
            hint=f"{hint}Give its config.json instead of a name.",
        )
    return known[asked]
