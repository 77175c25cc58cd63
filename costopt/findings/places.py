"""Where waste is: the agent where the log names one, else the model. And how findings are built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.findings.memo import once
from costopt.model.escape import fit
from costopt.model.secrets import masked
from costopt.money import PicoUsd, exact_sum

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
NAME_COLUMNS = 40
"""A name from a log is cut here: a title is one line."""
MASKED_CHARS = 400
"""A longer name is cut before it is looked through for keys."""


@dataclass(frozen=True, slots=True)
class Places:
    """One code a call; `labels` are safe to show."""

    code: Int  # [call]
    labels: tuple[str, ...]


@once
def places(context: AuditContext) -> Places:
    """Agents first; calls without an agent by the model that served them."""
    agent, model = context.trace.dims["agent"], context.trace.dims["model"]
    code = np.where(agent.codes > 0, agent.codes, len(agent.values) + model.codes)
    names = [*agent.values, *model.values]
    return Places(code.astype(np.int64), tuple(shown_name(name) for name in names))


def shown_name(name: str) -> str:
    """A name out of a log, made safe and short."""
    return fit(masked(name[:MASKED_CHARS]), NAME_COLUMNS) if name.strip() else "(no name)"


def by_code(code: Int, chosen: Mask) -> Iterator[tuple[int, Int]]:
    """(code, its chosen rows in row order), codes ascending."""
    rows = np.flatnonzero(chosen)
    order = rows[np.argsort(code[rows], kind="stable")]
    cuts = np.flatnonzero(np.diff(code[order])) + 1
    for part in np.split(order, cuts) if len(order) else []:
        yield int(code[part[0]]), part


def by_place(context: AuditContext, chosen: Mask) -> Iterator[tuple[str, Int]]:
    """(label, its chosen rows) of every place that has any."""
    found = places(context)
    for code, rows in by_code(found.code, chosen):
        yield found.labels[code], rows


def dearest(rows: Int, pusd: Int) -> Int:
    """The rows by falling amount (`pusd` is [call]); ties in row order."""
    return rows[np.argsort(-pusd[rows], kind="stable")]


def total(pusd: Int, rows: Int) -> PicoUsd:
    """Exact sum over some rows."""
    return exact_sum(pusd[rows])


def times_a_session(context: AuditContext, rows: Int) -> str:
    """`12.4 times a session`: mean number of these rows in the sessions that have any."""
    sessions = len(np.unique(context.trace.session[rows]))
    mean = round(len(rows) / sessions, 1) if sessions else 0.0
    return "once a session" if mean == 1.0 else f"{mean:g} times a session"
