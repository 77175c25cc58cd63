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
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.hardware import gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import precision
from costopt.serving.speculation.costs import speculating
from costopt.serving.speculation.methods import method
from costopt.serving.step import StepModel

GROUPS = (1, 2, 4, 8)
"""GPUs that share a model: what one server holds."""


@dataclass(frozen=True)
class Replica:
    """What is rented as one piece."""

    model: StepModel
    engine: Engine
    mean_context: float
    """Tokens of a sequence half-way: how much of a sliding window is in use."""
    drafts: Drafts | None = None
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
        """Seconds of a step, drafting included."""
        engine, drafts = self.engine, self.drafts
        many = drafts.draft_tokens if drafts else 0
        sampled = engine.max_num_seqs * (1 + many) + 1
        if drafts is None:
            return self.model.cost(engine.max_num_batched_tokens, sampled)
        return speculating(
            self.model, method(drafts.method), many, engine.max_num_batched_tokens, sampled,
            self.drafter,
        )  # fmt: skip

    @cached_property
    def drafter(self) -> StepModel | None:
        """The draft model on the same GPUs; None: the method has none of its own."""
        if self.drafts is None or self.drafts.draft is None:
            return None
        shape = self.drafts.draft
        bits = precision("", shape, self.kv_cache)
        return StepModel(self.model.gpu, shape, bits, self.model.tp, 1, self.model.eff)

    @cached_property
    def limits(self) -> Limits:
        """How the engine schedules. Where nothing fits there is no block and nobody is served."""
        many = self.drafts.draft_tokens if self.drafts else 0
        gained = self.drafts.acceptance.tokens_per_step(many) if self.drafts else 1.0
        return Limits(
            self.engine.max_num_seqs, self.engine.max_num_batched_tokens, self.room.kv_blocks,
            chunked=self.engine.chunked_prefill, prefix_caching=self.engine.prefix_caching,
            frontend_s=self.model.eff.request_s, draft_tokens=many,
            tokens_per_step=gained,
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
    drafts: Drafts | None = None,
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
        one = Replica(model, served_by, float(middle), drafts, kv_cache)
        reason = one.room.refuses(longest)
        if not reason:
            return one
    many = f"{groups[-1]} GPUs" if groups[-1] > 1 else "one GPU"
    raise UsageError(
        f"{shape.name} in {bits.name} does not fit {many} of {device.name}: {reason}.",
        hint="Try a GPU with more memory, a smaller precision, or more GPUs a replica.",
    )
