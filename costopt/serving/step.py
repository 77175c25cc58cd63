"""Seconds of an engine step: a roofline per component, from data sheet, shape and efficiencies.

Per GPU of a tensor-parallel group. A product of T tokens with W weights takes the longer of its
arithmetic (2 T W operations) and of streaming W from memory. Of a mixture's E experts, T tokens that
choose k each touch E (1 - (1 - k/E)^T) on average, and fill their last tiles in part. Decoding
streams each sequence's KV cache; a prompt's attention is arithmetic over pairs of tokens. Two
all-reduces a layer join the group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costopt.serving import experts
from costopt.serving.core.terms import StepCost
from costopt.serving.efficiency import Efficiencies, shipped
from costopt.serving.hardware import Gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import Precision

Float = NDArray[np.float64]
_ACTIVATION_BYTES = 2
_SAMPLER_PASSES = 4
"""Reads and writes of the 32-bit logits: softmax, penalties, the draw."""


@dataclass(frozen=True)
class StepModel:
    """One model on one group of GPUs."""

    gpu: Gpu
    shape: ModelShape
    precision: Precision
    tp: int = 1
    ep: int = 1
    """Expert parallel inside the same group: whole experts a GPU instead of slices; equal work."""
    efficiencies: Efficiencies | None = None

    @cached_property
    def eff(self) -> Efficiencies:
        return self.efficiencies or shipped()

    @cached_property
    def kv_bytes_per_token_layer(self) -> float:
        """Of one GPU: heads are split over the group, never finer than one; a latent is in every GPU."""
        split = 1 if self.shape.kv_lora else min(self.tp, self.shape.kv_heads)
        return self.shape.kv_numbers * self.precision.kv_bits / 8 / split

    @property
    def full_layers(self) -> int:
        return self.shape.layers - self.shape.window_layers

    def _product_s(self, tokens: Float, params: float, bits: float, compute: str) -> Float:
        """Roofline of products with `params` weights of this GPU."""
        arithmetic = 2.0 * tokens * params / (self.gpu.product_flops(compute) * self.eff.gemm)
        streaming = params * bits / 8 / (self.gpu.streamed_bytes_per_s * self.eff.memory)
        return np.maximum(arithmetic, streaming)

    def dense_s(self, tokens: Float) -> Float:
        """Projections, ordinary MLPs and shared experts of all layers."""
        params = self.shape.dense_params / self.tp
        return self._product_s(tokens, params, self.precision.weight_bits, self.precision.compute)

    def experts_s(self, tokens: Float) -> Float:
        """Routed experts of all layers."""
        shape, gpu = self.shape, self.gpu
        if not shape.moe_layers:
            return np.zeros_like(tokens)
        chosen = (shape.experts, shape.experts_per_token)
        params = shape.moe_layers * shape.expert_params / self.tp
        peak = gpu.product_flops(self.precision.expert_compute) * self.eff.gemm * self.eff.experts
        peak *= experts.pipeline(gpu, self.precision)
        arithmetic = 2.0 * experts.rows(tokens, *chosen) * params / peak
        read = experts.touched(tokens, *chosen) * params * self.precision.expert_bits / 8
        return np.maximum(arithmetic, read / (gpu.streamed_bytes_per_s * self.eff.memory))

    def activations_s(self, tokens: Float) -> Float:
        """What the kernels between the products read and write: two norms with their residuals, rotary
        embedding, the MLP's gate."""
        shape = self.shape
        heads = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        inner = shape.intermediate
        if shape.moe_layers:
            inner = shape.moe_intermediate * (shape.experts_per_token + shape.shared_experts)
        numbers = 8 * shape.hidden + (2 * heads + 3 * inner) / self.tp
        per_token = shape.layers * numbers * _ACTIVATION_BYTES
        return tokens * per_token / (self.gpu.streamed_bytes_per_s * self.eff.memory)

    def collectives_s(self, tokens: Float) -> Float:
        """Ring all-reduces of the hidden state: bandwidth; latency is in `base_s`."""
        if self.tp == 1:
            return np.zeros_like(tokens)
        count = 2 * self.shape.layers + 1
        ring = 2 * (self.tp - 1) / self.tp
        sent = ring * count * self.shape.hidden * _ACTIVATION_BYTES
        return tokens * sent / self.gpu.ring(self.tp, self.eff.link)

    def head_s(self, sampled: Float) -> Float:
        """The head over the vocabulary and the draw of a token."""
        params = self.shape.head_params / self.tp
        logits = sampled * self.shape.vocab * 4 * _SAMPLER_PASSES
        product = self._product_s(sampled, params, 16.0, "bf16")
        return product + logits / (self.gpu.streamed_bytes_per_s * self.eff.memory)

    @cached_property
    def base_s(self) -> float:
        """Of any step: bookkeeping, kernel gaps, latency of the collectives."""
        hops = math.log2(self.tp) if self.tp > 1 else 0.0
        latency = (2 * self.shape.layers + 2) * self.eff.collective_s * hops
        return self.eff.step_s + self.shape.layers * self.eff.layer_s + latency

    def cost(self, max_tokens: int, max_sampled: int) -> StepCost:
        """The step as the simulator reads it: tables up to these sizes and a few rates."""
        shape, gpu, eff = self.shape, self.gpu, self.eff
        tokens = np.arange(max(max_tokens, 1) + 1, dtype=np.float64)
        table = self.dense_s(tokens) + self.experts_s(tokens)
        table += self.activations_s(tokens) + self.collectives_s(tokens)
        head = self.head_s(np.arange(max(max_sampled, 1) + 1, dtype=np.float64))
        table[0] = head[0] = 0.0
        kv_s = self.kv_bytes_per_token_layer / (gpu.streamed_bytes_per_s * eff.kv_read)
        value_dim = shape.value_dim or shape.head_dim
        pair_flops = 2.0 * shape.heads / self.tp * (shape.head_dim + shape.rope_dim + value_dim)
        pair_s = pair_flops / (gpu.flops("bf16") * eff.attention)
        return StepCost(
            table, head, self.base_s, shape.layers * eff.eager_layer_s, eff.seq_s,
            kv_s * self.full_layers, kv_s * shape.window_layers, shape.window,
            pair_s * self.full_layers, pair_s * shape.window_layers,
        )  # fmt: skip

    def step_s(
        self,
        decodes: int,
        context_tokens: float,
        prompt_tokens: int = 0,
        pairs: float = 0.0,
        drafted: int = 0,
    ) -> float:
        """One step by itself: `decodes` sequences of `context_tokens` each, and a prompt's tokens.

        `drafted` tokens are verified with each decoded one.
        """
        positions = decodes * (1 + drafted)
        tokens = positions + prompt_tokens
        cost = self.cost(tokens, positions + 1)
        near = min(context_tokens, self.shape.window)
        return float(
            cost.base_s
            + (cost.mixed_s if prompt_tokens else 0.0)
            + cost.seq_s * (decodes + (prompt_tokens > 0))
            + cost.tokens_s[tokens]
            + cost.head_s[positions + (prompt_tokens > 0)]
            + decodes * (cost.kv_s * context_tokens + cost.kv_window_s * near)
            + cost.pair_s * pairs
        )
