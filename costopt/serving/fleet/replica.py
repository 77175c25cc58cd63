"""One replica of a fleet: a model on a group of GPUs under an engine, as the core reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.capacity import Capacity, capacity
from costopt.serving.core.terms import Limits, StepCost
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine, engine
from costopt.serving.hardware import gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import precision
from costopt.serving.step import StepModel

GROUPS = (1, 2, 4, 8)
"""GPUs that share a model: what one server holds."""


@dataclass(frozen=True)
class Speculation:
    """What drafting gives and costs, as `speculation/` works it out for this load."""

    draft_tokens: int
    """Verified beside each decoded token."""
    tokens_per_step: float
    """Gained on average, the bonus token included."""
    drafting_s: float = 0.0
    """A step is longer by so much while drafts are made."""


@dataclass(frozen=True)
class Replica:
    """What is rented as one piece."""

    model: StepModel
    engine: Engine
    mean_context: float
    """Tokens of a sequence half-way: how much of a sliding window is in use."""
    speculation: Speculation | None = None
    kv_cache: str = "auto"

    @property
    def gpus(self) -> int:
        return self.model.tp

    @cached_property
    def room(self) -> Capacity:
        one = self.engine
        return capacity(
            self.model, one.max_num_batched_tokens, one.max_num_seqs, self.mean_context,
            one.gpu_memory_utilization,
        )  # fmt: skip

    @cached_property
    def cost(self) -> StepCost:
        """Seconds of a step."""
        drafts = self.speculation.draft_tokens if self.speculation else 0
        sampled = self.engine.max_num_seqs * (1 + drafts) + 1
        cost = self.model.cost(self.engine.max_num_batched_tokens, sampled)
        if not self.speculation:
            return cost
        return cost._replace(base_s=cost.base_s + self.speculation.drafting_s)

    @cached_property
    def limits(self) -> Limits:
        """How the engine schedules. Where nothing fits there is no block and nobody is served."""
        own = self.speculation or Speculation(0, 1.0)
        return Limits(
            self.engine.max_num_seqs, self.engine.max_num_batched_tokens, self.room.kv_blocks,
            chunked=self.engine.chunked_prefill, prefix_caching=self.engine.prefix_caching,
            frontend_s=self.model.eff.request_s, draft_tokens=own.draft_tokens,
            tokens_per_step=own.tokens_per_step,
        )  # fmt: skip


def replica(
    shape: ModelShape,
    gpu_name: str,
    arrivals: Arrivals,
    *,
    precision_name: str = "",
    tensor_parallel: int = 0,
    engine_name: str = "vllm",
    kv_cache: str = "auto",
    speculation: Speculation | None = None,
    efficiencies: Efficiencies | None = None,
) -> Replica:
    """A replica for these requests; `tensor_parallel` 0: the fewest GPUs that hold the longest of them.

    UsageError where no group of one server's GPUs does, with what stands in the way.
    """
    device, bits = gpu(gpu_name), precision(precision_name, shape, kv_cache)
    served_by = engine(engine_name, device)
    longest = int((arrivals.prompt_tokens + arrivals.output_tokens).max(initial=1))
    middle = (arrivals.prompt_tokens + arrivals.output_tokens / 2).mean() if arrivals.n else 1.0
    groups = (tensor_parallel,) if tensor_parallel else GROUPS
    reason = ""
    for size in groups:
        if shape.heads % size:
            reason = reason or f"{shape.heads} attention heads cannot be split over {size} GPUs"
            continue
        model = StepModel(device, shape, bits, size, 1, efficiencies)
        one = Replica(model, served_by, float(middle), speculation, kv_cache)
        reason = one.room.refuses(longest)
        if not reason:
            return one
    many = f"{groups[-1]} GPUs" if groups[-1] > 1 else "one GPU"
    raise UsageError(
        f"{shape.name} in {bits.name} does not fit {many} of {device.name}: {reason}.",
        hint="Try a GPU with more memory, a smaller precision, or more GPUs a replica.",
    )
