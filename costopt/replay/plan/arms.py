"""The requests of one sampled call: under the policy, unchanged, once more, under one layer alone.

Where the endpoint speaks for the logged model itself, the log's own answer is what all are compared
with. Where another model stands in for it, or where the log hides a part of the prompt, the unchanged
request is asked there, too, and its answer is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Evaluator
from costopt.model.view import View
from costopt.replay.items import Arm
from costopt.replay.plan.exposure import (
    By,
    Exposed,
    Exposure,
    edited_calls,
    output_of,
    sent_output,
)
from costopt.replay.plan.sends import Send, Sender, text_of

Bool = NDArray[np.bool_]
FEW_SOLE = 20
SMALL_SHARE = 0.05
"""A layer that is the only risk of fewer calls, and of a smaller share of its own, is sent alone."""
Found = tuple[tuple[Send, ...], tuple[Send, ...]]


@dataclass(frozen=True)
class Alone:
    """A layer as the only one of the policy."""

    view: View
    edited: Bool  # [call]
    output: NDArray[np.int64]  # [call]


@dataclass
class Arms:
    """Makes the requests of a call; each is made once."""

    evaluator: Evaluator
    exposure: Exposure
    sender: Sender
    isolate: bool
    _found: dict[tuple[str, int], Found | str] = field(default_factory=dict)
    _alone: dict[str, Alone] = field(default_factory=dict)
    _isolated: dict[str, bool] = field(default_factory=dict)

    def of(self, exposed: Exposed | None, row: int) -> Found | str:
        """(requests of the call, the one that measures noise), or why one of them cannot be sent.

        None: the call stands for the bill, nothing changes it.
        """
        key = ("" if exposed is None else exposed.name, row)
        if key not in self._found:
            self._found[key] = self._make(exposed, row)
        return self._found[key]

    def sole(self, exposed: Exposed) -> Bool:  # [call]
        """Calls whose answer no other layer puts at risk."""
        return np.asarray(exposed.rows & (self.exposure.risks == exposed.risk))

    def alone(self, exposed: Exposed) -> bool:
        """Whether its calls are sent under this layer alone, too."""
        if exposed.name not in self._isolated:
            sole, rows = int(self.sole(exposed).sum()), int(exposed.rows.sum())
            judged = self.isolate and exposed.by not in (By.CACHE, By.BATCH)
            self._isolated[exposed.name] = judged and sole < FEW_SOLE and sole < SMALL_SHARE * rows
        return self._isolated[exposed.name]

    def stands_in(self, row: int) -> bool:
        """The log's answer cannot be the reference: another model answers, or to another prompt."""
        view = self.evaluator.recorded
        hidden = self.evaluator.model.lineage.hidden.tokens[row] > 0
        return bool(hidden) or self.sender.is_mapped(
            text_of(view.provider, row), text_of(view.model, row)
        )

    def _make(self, exposed: Exposed | None, row: int) -> Found | str:
        stands_in = self.stands_in(row)
        reference = (Arm.BASELINE, row) if stands_in else None
        noise = self.sender.send(self.evaluator.recorded, row, Arm.NOISE, reference=reference)
        if exposed is not None and exposed.by is By.CACHE:
            sends = self._cached(exposed, row, stands_in)
        else:
            sends = [self._baseline(row)] if stands_in else []
            if exposed is not None:
                sends += self._edited(exposed, row, reference)
        why = next((s for s in [*sends, noise] if isinstance(s, str)), "")
        if why:
            return why
        made = tuple(s for s in sends if isinstance(s, Send))
        assert isinstance(noise, Send)
        return (made, (noise,)) if made else ((noise,), ())

    def _edited(
        self, exposed: Exposed, row: int, reference: tuple[Arm, int] | None
    ) -> list[Send | str]:
        """The policy's request, and the layer's alone where its own risk is to be seen."""
        batched = exposed.by is By.BATCH
        found = [
            self.sender.send(
                self.exposure.view, row, Arm.POLICY, layers=self.exposure.named(row), batched=batched,
                reference=reference, expected_output=int(self.exposure.output[row]),
            )
        ]  # fmt: skip
        mixed = self.exposure.risks[row] > int(exposed.risk[row])
        if mixed and self.alone(exposed):
            alone = self._by_itself(exposed)
            if alone.edited[row]:
                found.append(self.sender.send(
                    alone.view, row, Arm.LAYER, layer=exposed.name, layers=(exposed.name,),
                    reference=reference, expected_output=int(alone.output[row]),
                ))  # fmt: skip
        return found

    def _cached(self, exposed: Exposed, row: int, stands_in: bool) -> list[Send | str]:
        """The true answer; where another model gives it, the cached one is asked for anew, too."""
        assert exposed.served_from is not None
        source = int(exposed.served_from[row])
        reference = (Arm.BASELINE, source) if stands_in else None
        asked = self.sender.send(
            self.evaluator.recorded, row, Arm.BASELINE, layers=(exposed.name,), reference=reference,
            served_from=source,
        )  # fmt: skip
        return [self._baseline(source, aside=True), asked] if stands_in else [asked]

    def _baseline(self, row: int, *, aside: bool = False) -> Send | str:
        return self.sender.send(self.evaluator.recorded, row, Arm.BASELINE, aside=aside)

    def _by_itself(self, exposed: Exposed) -> Alone:
        if exposed.name not in self._alone:
            was, view = self.evaluator.recorded, self.evaluator.state((exposed.layer,)).view
            edited = edited_calls(was, view) | (was.max_tokens != view.max_tokens)
            output = sent_output(output_of(was), was, view)
            self._alone[exposed.name] = Alone(view, edited, output)
        return self._alone[exposed.name]
