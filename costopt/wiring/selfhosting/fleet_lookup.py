"""Prompt look-up and suffix decoding on the answers that the log holds: what they would have drafted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.accel.encodings import O200K, encoding_of
from costopt.accel.ranks import Encoder, find_encoder
from costopt.engine.handed import Handed
from costopt.layers.parts.moves import Moves
from costopt.model.view import View
from costopt.report.selfhost import Accepted
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.drafted import Steps
from costopt.serving.speculation.lookup import Exchange, Measured, Settings, measured_acceptance
from costopt.serving.speculation.ngram import NGram
from costopt.serving.speculation.suffix import Suffix

MOST_CALLS = 3_000
"""The first in time; of more the shares hardly change."""
Int = NDArray[np.int64]


@dataclass(frozen=True)
class LookedUp:
    """What was measured, and the drafting with it."""

    accepted: list[Accepted]
    drafts: Drafts | None
    """None: nothing could be measured."""
    note: str


def looked_up(
    view: View, moves: Moves, artifacts: Handed, drafts: Drafts, ranks: Path | None
) -> LookedUp:
    """Over the calls that would move. The layer's own chance stays where the log has no answers."""
    encoder = _encoder(moves, ranks)
    if encoder is None:
        return LookedUp([], None, "no token ranks are here to measure it on your texts (--ranks)")
    settings: Settings = (
        NGram(draft_tokens=drafts.draft_tokens) if drafts.method == "ngram"
        else Suffix(draft_tokens=drafts.draft_tokens)
    )  # fmt: skip
    told = measured_acceptance(_exchanges(view, moves, artifacts, encoder), settings)
    told = {task: one for task, one in told.items() if len(one.steps)}
    found = _as_served(Steps.joined([one.steps for one in told.values()]), drafts.draft_tokens)
    if not told:
        return LookedUp([], None, "the log holds no answers to measure it on")
    rows = [_row(task, one) for task, one in told.items()]
    rows.sort(key=lambda row: (-row.answers, row.task))
    if found is None:
        return LookedUp(rows, None, "nothing would be drafted on these answers")
    basis = f"measured on {sum(row.answers for row in rows):,} answers of this log"
    return LookedUp(rows, replace(drafts, acceptance=found, basis=basis), "")


def _as_served(steps: Steps, draft_tokens: int) -> Acceptance | None:
    """The chances with which drafts of one length yield the tokens a step that were measured.

    Real drafts are of different lengths; places that a draft did not have count as rejected. None: nothing
    was drafted.
    """
    if not steps.drafts:
        return None
    accepted = steps.accepted_per_position().tolist()[:draft_tokens]
    places = [*accepted, *[0] * (draft_tokens - len(accepted))]
    return Acceptance.of_positions(places, steps.drafts, len(steps))


def _encoder(moves: Moves, ranks: Path | None) -> Encoder | None:
    """Of the served model where its ranks are public; else a similar vocabulary's."""
    served = next(iter(moves.sold_as.values()))[1]
    return find_encoder(encoding_of(served) or O200K, ranks, False)


def _row(task: str, one: Measured) -> Accepted:
    return Accepted(
        task, one.answers, one.steps.coverage,
        None if one.acceptance is None else one.acceptance.at(0), one.steps.tokens_per_step,
        None if one.spread is None else one.spread.standard_error,
    )  # fmt: skip


def _exchanges(view: View, moves: Moves, artifacts: Handed, encoder: Encoder) -> Iterator[Exchange]:
    """In order of time; calls without a kept answer tell nothing."""
    rows = np.flatnonzero(moves.moved & view.trace.has_content)
    rows = rows[np.argsort(view.at_us[rows], kind="stable")][:MOST_CALLS]
    used = np.unique(np.concatenate([
        block.ids[block.uses_of(rows)] for block in (view.request, view.response)
    ]))  # fmt: skip
    texts = artifacts.texts(view).get(used)
    ids: dict[int, Int | None] = {
        int(segment): None if text is None else np.array(encoder.encode(text), np.int64)
        for segment, text in zip(used.tolist(), texts, strict=True)
    }
    tasks, sessions = _tasks(view, artifacts), view.trace
    for row in rows.tolist():
        prompt, answer = (
            _joined([ids[s] for s in block.row(row).tolist()])
            for block in (view.request, view.response)
        )
        if len(answer):
            own = sessions.sessions[sessions.session[row]] if sessions.session_known[row] else ""
            yield Exchange(prompt, answer, tasks[row], own)


def _joined(parts: list[Int | None]) -> Int:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else np.zeros(0, np.int64)


def _tasks(view: View, artifacts: Handed) -> list[str]:
    """By task; by agent where the log names no tasks."""
    for part in ("task", "agent"):
        column = artifacts.column(view, part)
        names = [column.values[code] for code in column.codes.tolist()]
        if any(names):
            return names
    return [""] * view.trace.n
