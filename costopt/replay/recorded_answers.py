"""The log's answers by the bytes that were asked: what the `recorded` endpoint answers with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from costopt.model.call import CallStatus, UsageState
from costopt.model.exchange import Answer, Block, Completion, Origin, Request
from costopt.model.view import View


class Builds(Protocol):
    """What is asked of `replay.requests.Requests`."""

    def build(self, row: int) -> Request | str:
        """The call's request; text: why it cannot be sent."""
        ...

    def answer(self, row: int) -> tuple[Block, ...] | None:
        """The call's answer; None: the log kept no text of it."""
        ...


@dataclass(frozen=True)
class RecordedAnswers:
    """Answers by `Request.key`, and how far they are ambiguous."""

    answers: dict[str, Completion]
    repeated: int = 0
    """Calls whose bytes an earlier call had asked already: the earliest answer stands for them."""
    differing: int = 0
    """Of those, how many the log answers differently from the earliest."""


def recorded_answers(
    view: View, requests: Builds, rows: Iterable[int] | None = None
) -> RecordedAnswers:
    """Answers of the log's own calls. `view`: the unedited one; `rows`: only these calls' bytes."""
    trace = view.trace
    found: dict[str, Completion] = {}
    repeated = differing = 0
    for row in range(trace.n) if rows is None else sorted(set(rows)):  # rows are in time order
        blocks = requests.answer(row) if trace.status[row] == CallStatus.OK else None
        request = requests.build(row) if blocks is not None else ""
        if blocks is None or isinstance(request, str):
            continue
        first = found.get(request.key)
        if first is None:
            found[request.key] = _completion(view, row, blocks)
            continue
        repeated += 1
        differing += _said(first.answer.blocks) != _said(blocks)
    return RecordedAnswers(found, repeated, differing)


def _completion(view: View, row: int, blocks: tuple[Block, ...]) -> Completion:
    """The log's answer as an endpoint would have given it."""
    trace = view.trace
    reported = trace.usage_state[row] == UsageState.REPORTED
    latency, ttft = float(trace.latency_ms[row]), float(trace.ttft_ms[row])
    answer = Answer(
        blocks, _text(view, "finish", row),
        tuple(trace.leaves[row].tolist()) if reported else None,
        web_searches=int(trace.web_searches[row]), model=_text(view, "model", row),
        service_tier=_text(view, "service_tier", row), id=trace.id[row],
    )  # fmt: skip
    return Completion(
        answer, Origin.RECORDED, {}, 0.0 if np.isnan(latency) else latency,
        None if np.isnan(ttft) else ttft,
    )  # fmt: skip


def _text(view: View, dim: str, row: int) -> str:
    column = view.trace.dims[dim]
    return column.values[int(column.codes[row])]


def _said(blocks: tuple[Block, ...]) -> list[tuple[int, str, str]]:
    """What two answers are compared by: ids of tool calls differ between runs."""
    return [(int(b.kind), b.name, b.text) for b in blocks]
