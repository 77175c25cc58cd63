"""One replica of a fleet: a model on a group of GPUs under an engine, as the core reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.capacity import Capacity
from costopt.serving.core.terms import Limits, StepCost
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine, engine
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.hardware import gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import precision
from costopt.serving.step import StepModel
from costopt.serving.terms import Served

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
    def served(self) -> Served:
        """As the core reads it."""
        return Served(self.model, self.engine, self.mean_context, self.drafts, self.drafter)

    @property
    def room(self) -> Capacity:
        return self.served.room

    @property
    def cost(self) -> StepCost:
        """Seconds of a step, drafting included."""
        return self.served.cost

    @property
    def limits(self) -> Limits:
        return self.served.limits

    @cached_property
    def drafter(self) -> StepModel | None:
        """The draft model on the same GPUs; None: the method has none of its own."""
        if self.drafts is None or self.drafts.draft is None:
            return None
        shape = self.drafts.draft
        bits = precision("", shape, self.kv_cache)
        return StepModel(self.model.gpu, shape, bits, self.model.tp, 1, self.model.eff)


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
    device = gpu(gpu_name)
    served_by = engine(engine_name, device)
    bits = served_by.precision(precision_name, shape, kv_cache)
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
