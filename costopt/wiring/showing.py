"""`costopt show`: the audit again, and of it the one finding or call that was asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from costopt.errors import UsageError, nearest
from costopt.model.escape import fit
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.findings.proof import Proof
    from costopt.wiring.auditing import Audited

FINDING = re.compile(r"[fF]\d+")
MOST_NAMES = 20_000
"""Call ids that are searched for a near miss: more would take longer than the audit."""


def shown(options: TraceOptions) -> Proof:
    """What proves the finding or call that the first of TRACES names. Raises UsageError."""
    from costopt.wiring.auditing import Tries, audit

    if not options.traces:
        raise UsageError(
            "say which finding or call.",
            hint="costopt show F1  ·  costopt show CALL_ID traces.jsonl",
        )
    wanted, traces = options.traces[0], options.traces[1:]
    told = replace(options, traces=traces)
    return proof_of(wanted, audit(told, [], keep=False, tries=Tries.NOTHING))


def proof_of(wanted: str, audited: Audited) -> Proof:
    """The proof out of a finished audit."""
    from costopt.findings.proof import finding_proof, one_call_proof

    if FINDING.fullmatch(wanted):
        for id, finding in audited.findings:
            if id == wanted.upper():
                return finding_proof(audited.context, id, finding)
    rows = [i for i, id in enumerate(audited.context.trace.id) if id == wanted]
    if rows:
        return one_call_proof(audited.context, rows[0], audited.findings)
    raise UsageError(
        f"no finding or call is called `{fit(wanted, 60)}`.", hint=_hint(wanted, audited)
    )


def _hint(wanted: str, audited: Audited) -> str:
    ids = [id for id, _ in audited.findings]
    if FINDING.fullmatch(wanted):
        return f"Findings: {ids[0]} to {ids[-1]}." if ids else "This audit has no findings."
    calls = [fit(id, 60) for id in audited.context.trace.id[:MOST_NAMES] if id]
    close = nearest(wanted, [*ids, *calls])
    return f"{close} All findings: costopt audit --json".strip()
