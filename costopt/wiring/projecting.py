"""What an audit tries beside the bill: the usual advice, and a policy of safe layers (or the user's own)."""

from __future__ import annotations

from dataclasses import replace

from costopt.billing.context import AuditContext
from costopt.engine.advice import try_advice
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.engine.trial import Trial, scaled_projection, trial_of
from costopt.errors import UsageError
from costopt.model.finding import Finding
from costopt.model.result import Projection
from costopt.wiring.policy.propose import Proposal, propose
from costopt.wiring.reading import Reading, tell
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions
from costopt.wiring.simulating import builder_of, evaluator_of, evidence_of
from costopt.wiring.writing import write_text

SHAPLEY_LAYERS = 4
"""Sixteen coalitions: with more layers the shares are left to `costopt simulate`."""


def trial_for(
    context: AuditContext, policy: Policy | None, options: TraceOptions, reading: Reading
) -> Trial:
    """On what things are tried. Raises PolicyError where the policy names a field that is not there."""
    evaluator = evaluator_of(
        context, policy or Policy(()), builder_of(options, reading), evidence_of(reading)
    )  # fmt: skip
    return trial_of(evaluator, options.seed)


def with_advice(context: AuditContext, trial: Trial, seed: int) -> AuditContext:
    """The context with every piece of the usual advice tried."""
    return replace(context, tried=try_advice(context, trial, seed))


def proposal_of(
    context: AuditContext, findings: list[tuple[str, Finding]], trial: Trial, part: str
) -> Proposal:
    """Safe layers out of the findings. `part`: what part of the log was read, in words."""
    words = " · ".join(w.rstrip(".") for w in (part, trial.words) if w)
    return propose(context, findings, trial.evaluator, sampled=words)


def projected(
    context: AuditContext, policy: Policy, trial: Trial, seed: int
) -> Projection:  # fmt: skip
    """The policy over the log, or over a sample in dollars of the whole."""
    found = project(
        InProcess(trial.evaluator), trial.evaluator, policy, seed=seed,
        shapley=len(policy.layers) <= SHAPLEY_LAYERS, recorded_pusd=context.total_pusd,
        told=trial.scaled,
    )  # fmt: skip
    return scaled_projection(found, trial)


def keep_proposal(proposal: Proposal | None, options: TraceOptions) -> None:
    """`policy.yaml` in the working folder; one that is there stays, and so does a folder without a store.

    A folder that cannot be written to is said and does not undo the audit.
    """
    if proposal is None or options.no_store:
        return
    path = DEFAULT_POLICY
    if path.exists():
        if path.read_bytes() != proposal.yaml.encode():
            other = "costopt policy init --out OTHER.yaml writes this audit's proposal"
            tell(f"{path} is there already and stays as it is; {other}", quiet=options.quiet)
        return
    try:
        write_text(path, proposal.yaml, quiet=options.quiet)
    except UsageError as error:
        tell(str(error), quiet=options.quiet)
