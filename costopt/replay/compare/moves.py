"""What layers that change the model read back: for each move to another one, length and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.model.leaf import Leaf
from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.agreement.table import Tested, floor_for, table
from costopt.replay.compare.layers import Grounds
from costopt.replay.compare.lengths import lengths, visible_before
from costopt.replay.compare.measured import Row
from costopt.replay.compare.pairs import is_mapped
from costopt.replay.compare.ratio import Sizes, ratio_of

BASIS = "answers that differ above the noise floor: some of them may be as good"


def moves_of(rows: Sequence[Row], wrote: Grounds) -> dict[str, Any]:
    """{"moves": ...} of calls that the very target answered; {"mapped_moves": ...} of those that a model of
    another name answered for it, which says nothing of the target and is read by nobody."""
    found: dict[str, dict[str, Any]] = {}
    for mapped in (False, True):
        of_kind = [r for r in rows if is_mapped(r.item) == mapped]
        told = {
            name: move for name in dict.fromkeys(_name(r, wrote) for r in of_kind) if name
            if (move := _move([r for r in of_kind if _name(r, wrote) == name], wrote))
        }  # fmt: skip
        if told:
            found["mapped_moves" if mapped else "moves"] = told
    return found


def _name(row: Row, wrote: Grounds) -> str:
    """`gpt-4o -> gpt-4o-mini`; empty: the log's own model is not known."""
    logged = wrote.known.of(row.item.row)
    unchanged = wrote.unchanged.get(row.item.row)
    before = logged.model if logged else unchanged.item.logged_model if unchanged else ""
    after = row.item.logged_model
    return f"{before} -> {after}" if before and before != after else ""


def _move(rows: Sequence[Row], wrote: Grounds) -> dict[str, Any]:
    """Visible output over visible output, reasoning over visible, and the answers lost."""
    told: dict[str, Any] = {"n": len(rows)}
    known = {length.row.item.id for length in lengths(rows, wrote.unchanged, wrote.known)}
    both = [
        (r, after, before) for r in rows
        if r.item.id in known and (after := r.visible_tokens) is not None
        and (before := visible_before(r, wrote.unchanged.get(r.item.row), wrote.known))
    ]  # fmt: skip
    written = ratio_of(Sizes.of(
        [before for _, _, before in both], [after for _, after, _ in both],
        [r.item.cluster for r, _, _ in both],
    ))  # fmt: skip
    visible = sum(after for _, after, _ in both)
    if written is not None and visible:
        ends = written.ci95
        thought = sum(r.leaves[Leaf.OUTPUT_REASONING] for r, _, _ in both if r.leaves is not None)
        told |= {
            "output_ratio": written.value, "output_ratio_ci95": None if ends is None else list(ends),
            "outputs": len(both), "reasoning_ratio": thought / visible,
        }  # fmt: skip
    return told | _loss({r.item.id for r in rows}, wrote)


def _loss(ids: set[str], wrote: Grounds) -> dict[str, Any]:
    """By the judge where there is one, else by the headline test. None without a noise floor: what
    differs would be taken for lost."""
    pairs: list[Pair] = [p for p in wrote.pairs.compared if p.item.id in ids]
    lines = table(wrote.tests, pairs, floor_for("route", pairs, wrote.pairs.noise).or_none())
    best: Tested | None = next((line for line in lines if line.agreement.test == "judge"), None)
    best = best or (lines[0] if lines else None)
    if best is None or best.agreement.excess_pp is None or best.agreement.excess_ci95_pp is None:
        return {}
    return {
        "quality_loss": best.agreement.excess_pp / 100,
        "quality_ci95": [end / 100 for end in best.agreement.excess_ci95_pp],
        "judged": best.agreement.answers, "quality_test": best.agreement.test,
        "quality_basis": BASIS,
    }  # fmt: skip
