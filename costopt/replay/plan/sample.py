"""The draws of a sample: layer by layer in turn, each call with all requests that judge it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from costopt.replay.plan.arms import Arms
from costopt.replay.plan.exposure import By, Exposed, Exposure
from costopt.replay.plan.left_out import NO_REASON, Unsendable
from costopt.replay.plan.sends import Send
from costopt.replay.plan.strata import Chances, pool, size_classes, stretches

Bool = NDArray[np.bool_]
MOST_REFUSED = 300
"""Calls in a row that cannot be sent, before a layer is given up: each try reads texts."""
BATCH_LINES = 10
"""Lines for the batch API: price and turnaround are the same for all of them."""
FEW_LIMITED = 30
"""Calls under a limit that no logged answer was longer than: enough to see whether answers end there."""
WHOLE = ""
"""Stratum of calls that stand for the bill as a whole, where nothing is at risk."""
_ALL = 1 << 62


@dataclass(frozen=True)
class Draw:
    """One call of the sample."""

    stratum: str
    part: tuple[str, int]
    """What its weight is counted over."""
    row: int
    sends: tuple[Send, ...]
    """Those that no earlier draw sends."""
    noise: tuple[Send, ...]
    """Sent only for a share of the draws."""


@dataclass
class Sampler:
    """Draws of one plan; a pass may be asked for again, and begins alike however far it goes."""

    exposure: Exposure
    unsendable: Unsendable
    arms: Arms
    chances: Chances
    batch: bool
    refused: Counter[str] = field(default_factory=Counter)
    given_up: dict[str, str] = field(default_factory=dict)
    """Layer to why the last of its calls could not be sent, where it has no more."""
    sizes: dict[tuple[str, int], int] = field(default_factory=dict)
    """Part to the calls of the log in it."""
    _refusals: dict[int, str] = field(default_factory=dict)

    def strata(self) -> list[Exposed | None]:
        """What is drawn for: the layers, and the bill as a whole (None) where no answer is at risk."""
        layers = self.layers()
        judged = any(e.by is not By.BATCH for e in layers)
        return [*layers] if judged else [*layers, None]

    def layers(self) -> list[Exposed]:
        """Those that requests can measure here."""
        found = [e for e in self.exposure.layers if e.by is not None and self.open_rows(e).any()]
        if not self.batch:
            found = [e for e in found if e.by is not By.BATCH]
        return found

    def open_rows(self, exposed: Exposed | None) -> Bool:  # [call]
        """Calls of a layer that columns allow to be sent."""
        code = self.codes(exposed)
        rows = self.exposure.view.sent if exposed is None else exposed.rows
        return np.asarray(rows & (code == NO_REASON))

    def codes(self, exposed: Exposed | None) -> NDArray[np.int64]:  # [call]
        """Why its calls cannot be sent, into `unsendable.reasons`."""
        unchanged = exposed is None or exposed.by is By.CACHE
        return self.unsendable.logged if unchanged else self.unsendable.policy

    def draws(self, quota: Mapping[str, int] | None = None) -> Iterator[Draw]:
        """One call for each layer in turn. `quota`: most draws of a layer."""
        most = quota or {}
        waiting = {e.name if e else WHOLE: (e, self._order(e)) for e in self.strata()}
        rows: set[int] = set()
        sent: set[tuple[object, int, str]] = set()
        taken: Counter[str] = Counter()
        while waiting:
            for name, (exposed, order) in list(waiting.items()):
                limit = min(most.get(name, _ALL), _most(exposed))
                draw = self._next(name, exposed, order, rows) if taken[name] < limit else None
                if draw is None:
                    del waiting[name]
                    continue
                taken[name] += 1
                rows.add(draw.row)
                yield _new(draw, sent)

    def _next(
        self, name: str, exposed: Exposed | None, order: Iterator[tuple[int, tuple[str, int]]],
        rows: set[int],
    ) -> Draw | None:  # fmt: skip
        """The next call of this layer that can be sent and is not in the sample."""
        in_a_row, why = 0, ""
        for row, part in order:
            if row in rows:
                continue
            found = self.arms.of(exposed, row)
            if isinstance(found, str):
                self._refuse(row, found)
                in_a_row, why = in_a_row + 1, found
                if in_a_row >= MOST_REFUSED:
                    break
                continue
            sends, noise = found
            return Draw(name, part, row, sends, noise)
        if why:
            self.given_up[name] = why
        return None

    def _refuse(self, row: int, reason: str) -> None:
        if row not in self._refusals:
            self._refusals[row] = reason
            self.refused[reason] += 1

    def _order(self, exposed: Exposed | None) -> Iterator[tuple[int, tuple[str, int]]]:
        rows = self.open_rows(exposed)
        if exposed is None:
            return self._pooled(WHOLE, rows, None)
        if exposed.by is By.LAYOUT:
            return self._along(exposed, rows)
        if self.arms.alone(exposed):
            return self._pooled(exposed.name, rows, exposed)
        # Calls of which it is the only risk judge it, the others the policy as a whole.
        sole = self.arms.sole(exposed)
        kinds = [(exposed.name, rows & sole), (f"{exposed.name} with others", rows & ~sole)]
        pools = [self._pooled(name, mask, exposed) for name, mask in kinds if mask.any()]
        return (entry for pair in zip_longest(*pools) for entry in pair if entry is not None)

    def _pooled(
        self, name: str, mask: Bool, exposed: Exposed | None
    ) -> Iterator[tuple[int, tuple[str, int]]]:
        trace, rows = self.exposure.recorded.trace, np.flatnonzero(mask)
        keys = [
            trace.dims["agent"].codes.astype(np.int64),
            self.exposure.recorded.model.codes.astype(np.int64),
            size_classes(trace.input_tokens, rows),
        ]  # fmt: skip
        cluster = trace.session.astype(np.int64)
        if exposed is not None:
            keys.append(exposed.flagged.astype(np.int64))
            if exposed.served_from is not None:
                cluster = exposed.served_from
        found = pool(trace, rows, keys, cluster, self.chances)
        self.sizes |= {(name, i): int(n) for i, n in enumerate(found.population.tolist())}
        return ((row, (name, stratum)) for row, stratum in found)

    def _along(self, exposed: Exposed, mask: Bool) -> Iterator[tuple[int, tuple[str, int]]]:
        """Stretches of sessions first, as far as all calls of one can be sent; then single calls."""
        self.sizes[exposed.name, 0] = int(mask.sum())
        runs = stretches(self.exposure.recorded.trace, mask, self.chances)
        whole = (run.tolist() for run in runs if self._all_sent(exposed, run.tolist()))
        single = (row for row, _ in self._pooled(f"{exposed.name} singly", mask, exposed))
        return ((row, (exposed.name, 0)) for row in chain(chain.from_iterable(whole), single))

    def _all_sent(self, exposed: Exposed, rows: list[int]) -> bool:
        for row in rows:
            found = self.arms.of(exposed, row)
            if isinstance(found, str):
                self._refuse(row, found)
                return False
        return True


def _most(exposed: Exposed | None) -> int:
    """Draws that tell all there is to see of a layer."""
    if exposed is None:
        return _ALL
    if exposed.by is By.OUTPUT and not (exposed.rows & exposed.flagged).any():
        return FEW_LIMITED
    return BATCH_LINES if exposed.by is By.BATCH else _ALL


def _new(draw: Draw, sent: set[tuple[object, int, str]]) -> Draw:
    """Without the requests that an earlier draw sends already."""
    sends = tuple(s for s in draw.sends if s.key not in sent)
    noise = tuple(s for s in draw.noise if s.key not in sent)
    sent.update(s.key for s in (*sends, *noise))
    return Draw(draw.stratum, draw.part, draw.row, sends, noise)
