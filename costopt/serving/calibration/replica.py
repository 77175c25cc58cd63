"""The server under calibration as the simulator's own replica: same core, same step model as `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from costopt.errors import UsageError
from costopt.serving.calibration.observed import Observed, as_observed
from costopt.serving.capacity import Capacity
from costopt.serving.core.run import compiled, simulate
from costopt.serving.core.terms import BLOCK_TOKENS, Limits
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine
from costopt.serving.hardware import Gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import Precision
from costopt.serving.step import StepModel
from costopt.serving.terms import Served


@dataclass(frozen=True)
class Replica:
    """What is known of the server beforehand."""

    shape: ModelShape
    device: Gpu
    precision: Precision
    engine: Engine
    tensor_parallel: int = 1
    expert_parallel: int = 1
    draft_tokens: int = 0
    tokens_per_step: float = 1.0
    """Speculation as its own counters show it."""
    _rooms: dict[int, Capacity] = field(default_factory=dict, init=False, repr=False, compare=False)

    def served(self, points: Sequence[Observed], values: Efficiencies) -> list[Observed]:
        """[point] the measured requests served with these constants."""
        model = self._model(values)
        engine = self.engine
        most = max((p.concurrency for p in points), default=1)
        cost = model.cost(engine.max_num_batched_tokens, min(engine.max_num_seqs, most) + 1)
        fast = compiled()  # a fit serves the grid hundreds of times: compiling pays
        return [
            as_observed(p, simulate(p.workload, cost, self._limits(p, values), fast=fast))
            for p in points
        ]

    def check(self, points: Sequence[Observed]) -> None:
        """UsageError where the requests that were answered could not have been served."""
        for point in points:
            longest = int((point.prompt_tokens + point.output_tokens).max(initial=1))
            if refused := self._room(point).refuses(longest):
                raise UsageError(
                    f"{self.shape.name} on {self.device.name} could not have served this: {refused}.",
                    hint="Name the model's shape, its precision and the hardware as they are.",
                )

    def _model(self, values: Efficiencies | None = None) -> StepModel:
        return StepModel(
            self.device, self.shape, self.precision, self.tensor_parallel, self.expert_parallel,
            values,
        )  # fmt: skip

    def _room(self, point: Observed) -> Capacity:
        """KV blocks; how long sequences are matters to sliding windows alone."""
        mean = int(point.prompt_tokens.mean() + point.output_tokens.mean() / 2)
        if mean not in self._rooms:
            self._rooms[mean] = Served(self._model(), self.engine, mean).room
        return self._rooms[mean]

    def _limits(self, point: Observed, values: Efficiencies) -> Limits:
        """Every prompt begins differently, so the prefix cache finds nothing."""
        engine = self.engine
        longest = int((point.prompt_tokens + point.output_tokens).max(initial=1))
        each = longest // BLOCK_TOKENS + 2 + self.draft_tokens
        blocks = min(
            self._room(point).kv_blocks, each * point.concurrency
        )  # more are never touched
        return Limits(
            engine.max_num_seqs, engine.max_num_batched_tokens, blocks,
            chunked=engine.chunked_prefill, prefix_caching=False, frontend_s=values.request_s,
            draft_tokens=self.draft_tokens, tokens_per_step=self.tokens_per_step,
        )  # fmt: skip
