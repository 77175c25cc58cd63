"""What fits into a group of GPUs: weights, working memory, and the KV blocks that are left."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.serving.core.terms import BLOCK_TOKENS
from costopt.serving.step import StepModel

GPU_MEMORY_UTILIZATION = 0.9
"""vLLM's default."""
RUNTIME_BYTES = 1.0 * 2**30
"""CUDA context, libraries and NCCL buffers, which count against the utilisation."""
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Capacity:
    """One GPU's memory; all GPUs of a group are alike. A drafter's weights and cache are in."""

    usable_bytes: float
    weight_bytes: float
    working_bytes: float
    kv_bytes_per_token: float
    kv_blocks: int

    @property
    def fits(self) -> bool:
        return self.kv_blocks > 0

    @property
    def kv_tokens(self) -> int:
        return self.kv_blocks * BLOCK_TOKENS

    def whole(self, tokens: int) -> int:
        """Sequences of so many tokens that it holds to their last one."""
        return self.kv_blocks // -(-tokens // BLOCK_TOKENS)

    @property
    def reason(self) -> str:
        """Why nothing fits; empty where it does."""
        if self.fits:
            return ""
        return (
            f"the weights take {self.weight_bytes / _GIB:.1f} GiB a GPU and working memory "
            f"{self.working_bytes / _GIB:.1f} GiB; {self.usable_bytes / _GIB:.1f} GiB can be used"
        )

    def refuses(self, tokens: int) -> str:
        """Why one request of so many tokens cannot be served; empty where it can."""
        if not self.fits:
            return self.reason
        if -(-tokens // BLOCK_TOKENS) <= self.kv_blocks:
            return ""
        return f"one request needs {tokens} tokens of KV cache, {self.kv_tokens} are left"


def weight_bytes(model: StepModel) -> float:
    """Of one GPU of the group."""
    shape, bits = model.shape, model.precision
    routed = shape.moe_layers * shape.experts * shape.expert_params
    ends = shape.head_params * (1 if shape.tied else 2)
    split = shape.dense_params * bits.weight_bits + routed * bits.expert_bits + ends * 16
    return split / 8 / model.tp


def working_bytes(model: StepModel, max_tokens: int, max_seqs: int) -> float:
    """Activations of the largest step (hidden state, one MLP, the logits of all sampled) and runtime."""
    shape = model.shape
    inner = shape.intermediate
    if shape.moe_layers:
        inner = max(shape.moe_intermediate * (shape.experts_per_token + shape.shared_experts), 1)
    activations = max_tokens * (4 * shape.hidden + 3 * inner / model.tp) * 2
    logits = min(max_seqs, max_tokens) * shape.vocab * 4 * 2
    return max(activations, logits) + RUNTIME_BYTES


def capacity(
    model: StepModel,
    max_tokens: int,
    max_seqs: int,
    mean_context: float,
    utilization: float = GPU_MEMORY_UTILIZATION,
    drafter_bytes: float = 0.0,
    drafter_bytes_per_token: float = 0.0,
    *,
    of_what_is_left: bool = False,
) -> Capacity:
    """KV blocks left at this utilisation, beside a drafter's weights and its own cache of every token.

    `of_what_is_left`: the utilisation is a share of the memory beside weights and activations
    (TensorRT-LLM), not of all of it (vLLM).

    Sliding-window layers keep no more than their window of a sequence; what a token weighs there
    therefore depends on how long sequences are on average (`mean_context` tokens).
    """
    shape = model.shape
    near = min(1.0, shape.window / max(mean_context, 1.0)) if shape.window_layers else 0.0
    layers = model.full_layers + shape.window_layers * near
    per_token = model.kv_bytes_per_token_layer * layers + drafter_bytes_per_token
    weights = weight_bytes(model) + drafter_bytes
    working = working_bytes(model, max_tokens, max_seqs)
    usable = utilization * model.gpu.memory_bytes
    if of_what_is_left:
        usable += (1 - utilization) * min(weights + working, model.gpu.memory_bytes)
    left = usable - weights - working
    blocks = max(int(left // (per_token * BLOCK_TOKENS)), 0)
    return Capacity(usable, weights, working, per_token, blocks)
