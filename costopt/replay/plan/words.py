"""What a plan says beside its numbers: what it can prove, what it cannot measure, what to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from costopt.replay.items import Arm, Half, Item
from costopt.replay.plan.exposure import By, Exposed
from costopt.replay.plan.proves import sentence
from costopt.replay.plan.sample import Sampler
from costopt.replay.plan.strata import STRETCH
from costopt.replay.terms import Terms

AT_WORST = (
    "At worst: no input is cached, all answers fill their cap, and input has the log's own count "
    "plus 2 %, plus 15 % where the request was edited, or one token for every two bytes where "
    "another model's tokenizer counts."
)
"""What the dollars `at worst` mean, where any are paid."""


def proves(stratum: str, exposed: Exposed | None, items: Sequence[Item]) -> str:
    """`50 of 50 agreeing proves at least 92.9 %`, of the answers that will judge."""
    mine = [i for i in items if i.stratum == stratum and i.half is Half.JUDGES]
    if exposed is None:
        return _noise(mine)
    if exposed.by is By.BATCH:
        lines = len({i.row for i in items if i.stratum == stratum and i.arm is Arm.POLICY})
        return f"{lines} lines show the batch price and how long a batch takes"
    edited = {i.row: i for i in mine if i.layers == (stratum,) and i.arm is not Arm.NOISE}
    if edited:
        return _sentence(edited.values())
    if exposed.by is By.LAYOUT:
        return "what the provider's cache serves; its answers are at no risk of its own here"
    asked = {i.row: i for i in mine if i.arm in (Arm.POLICY, Arm.LAYER)}
    if exposed.by is By.OUTPUT and asked and not any(stratum in i.layers for i in mine):
        return f"how many of {len(asked):,} answers end at their limit"
    if asked:
        return f"{_sentence(asked.values())}, of this layer together with others"
    return sentence(0)


def _noise(mine: Sequence[Item]) -> str:
    asked = {i.row: i for i in mine if i.arm is Arm.NOISE}
    return f"how far the endpoint agrees with itself: {_sentence(asked.values())}"


def _sentence(judging: Iterable[Item]) -> str:
    found = list(judging)
    return sentence(len(found), [i.cluster for i in found], [i.weight for i in found])


def not_measured(sampler: Sampler, items: Sequence[Item], terms: Terms) -> dict[str, str]:
    """Layer to why no request measures it here, or what it rests on instead."""
    found = dict(sampler.exposure.not_measured)
    for exposed in sampler.exposure.layers:
        if exposed.name in found:
            continue
        if exposed.by is By.BATCH and not terms.batch:
            found[exposed.name] = (
                "price rule: the endpoint has no batch API here, and a batch says nothing else than "
                "the same request sent at once"
            )
        elif not exposed.rows.any():
            found[exposed.name] = "all of its calls are answered or stopped by other layers"
        elif not sampler.open_rows(exposed).any():
            counted = sampler.unsendable.counted(sampler.codes(exposed), exposed.rows)
            reason = next(iter(counted))
            found[exposed.name] = f"none of its calls can be sent: {reason}"
        elif not any(exposed.name in (*i.layers, i.stratum) for i in items):
            reason = sampler.given_up.get(exposed.name, "")
            found[exposed.name] = (
                f"no call of it that was tried can be sent: {reason}"
                if reason
                else "the sample is too small to hold a call of it"
            )
    return found


def notes_of(sampler: Sampler, items: Sequence[Item], terms: Terms) -> tuple[str, ...]:
    """What a reader of the plan must know."""
    out = []
    exposure = sampler.exposure
    hidden = sampler.arms.evaluator.model.lineage.hidden.tokens
    unseen = {i.row for i in items if hidden[i.row] > 0}
    if unseen:
        typical = int(np.median([hidden[row] for row in sorted(unseen)]))
        out.append(
            f"{len(unseen):,} calls had a prompt that the log hides (about {typical:,} tokens): they are "
            "sent without it, and compared with the unchanged request sent the same way."
        )
    layouts = [e for e in exposure.layers if e.by is By.LAYOUT]
    for exposed in layouts:
        if terms.cold:
            out.append(
                f"{exposed.name}: a cold replay reads nothing from a cache, so none is measured."
            )
        elif not _has_stretch(exposed, items, exposure.recorded.trace.step):
            out.append(
                f"{exposed.name}: no {STRETCH} consecutive calls of a session are in the sample, so what "
                "the provider's cache serves along a session is not measured."
            )
    moved = exposure.moves()
    if moved:
        said = ", ".join(f"{pair} ({n:,} calls)" for pair, n in list(moved.items())[:5])
        out.append(f"Calls that move: {said}.")
    if any(i.request.model != i.logged_model for i in items):
        names = sorted({f"{i.logged_model} -> {i.request.model}" for i in items
                        if i.request.model != i.logged_model})  # fmt: skip
        out.append(
            f"Another model answers ({', '.join(names[:5])}): the unchanged request is asked there, too, "
            "and is the reference."
        )
    if any(item.worst_pusd for item in items):
        out.append(AT_WORST)
    return tuple(out)


def _has_stretch(
    exposed: Exposed, items: Sequence[Item], step: np.ndarray[tuple[int], np.dtype[np.int32]]
) -> bool:
    """Whether the policy's requests of one session hold enough consecutive calls of the layer."""
    by_session: dict[int, set[int]] = {}
    for item in items:
        if item.arm is Arm.POLICY and exposed.rows[item.row]:
            by_session.setdefault(item.session, set()).add(int(step[item.row]))
    return any(
        all(first + k in steps for k in range(STRETCH))
        for steps in by_session.values()
        for first in steps
    )
