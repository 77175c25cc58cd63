"""A policy over a trace: the evaluator behind a projection, and the audit's result with it filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costopt.billing.context import AuditContext
from costopt.engine.evaluate import Evaluator
from costopt.engine.handed import Builder
from costopt.engine.policy import Policy
from costopt.model.result import Projection, Result
from costopt.wiring.auditing import Tries, audit, audit_context, keep_result, price_book
from costopt.wiring.executing import Execution, lists_of, watched
from costopt.wiring.policy.check import require_fields
from costopt.wiring.policy.load import load_policy
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions

if TYPE_CHECKING:
    from costopt.prices.book import Book


@dataclass(frozen=True)
class Simulated:
    """The result with its projection, and what it was made of."""

    result: Result
    evaluator: Evaluator
    projection: Projection
    reading: Reading


@dataclass(frozen=True)
class Prepared:
    """A trace that is read and priced, and the evaluator of a policy over it."""

    policy: Policy
    reading: Reading
    context: AuditContext
    evaluator: Evaluator


def simulate(
    options: TraceOptions, policy: Path | Policy = DEFAULT_POLICY,
    execution: Execution | None = None, *, shapley: bool = True, keep: bool = True,
    measured: bool = True,
) -> Simulated:  # fmt: skip
    """What the log would have cost under the policy. Raises UsageError, InputError.

    `keep`: the result stays in the store for `costopt report`. `measured`: with what replays measured;
    without for a replay's own prediction, in which earlier ones must have no part.
    """
    from costopt.engine.project import project

    checked = policy_of(policy)  # before the long work: a typing error shows at once
    audited = audit(options, [], keep=False, tries=Tries.ADVICE)
    context, reading = audited.context, audited.reading
    known = evidence_of(reading) if measured else None
    evaluator = evaluator_of(context, checked, builder_of(options, reading), known)
    progress = progress_for(options)
    lists = lists_of(len(checked.layers), shapley=shapley)
    with (
        (execution or Execution()).executor(evaluator, checked) as executor,
        watched(executor, progress, "simulating the policy", lists) as watching,
    ):
        projection = project(
            watching, evaluator, checked, seed=options.seed, shapley=shapley,
            recorded_pusd=context.total_pusd,
        )  # fmt: skip
    result = replace(audited.result, projection=projection)
    if keep:
        keep_result("simulate", reading, context, result)
    return Simulated(result, evaluator, projection, reading)


def prepare(options: TraceOptions, policy: Path | Policy, *, measured: bool = True) -> Prepared:
    """Everything up to the first question, without findings and checks. `measured`: as in `simulate`."""
    checked = policy_of(policy)
    book: Book = price_book(options)
    progress = progress_for(options)
    reading = read(options, progress)
    context = audit_context(options, reading, book, progress)
    known = evidence_of(reading) if measured else None
    evaluator = evaluator_of(context, checked, builder_of(options, reading), known)
    return Prepared(checked, reading, context, evaluator)


def policy_of(policy: Path | Policy) -> Policy:
    """A policy as it is, or from its file."""
    return policy if isinstance(policy, Policy) else load_policy(policy)


def evaluator_of(
    context: AuditContext, policy: Policy, builder: Builder | None = None,
    evidence: Mapping[str, Mapping[str, Any]] | None = None,
) -> Evaluator:  # fmt: skip
    """The evaluator of this trace. Raises PolicyError where the policy names a field it does not have.
    `evidence`: what replays measured on it, by layer; None: nothing of it is used."""
    from costopt.billing.prompt_cache.model import CacheModel

    require_fields(policy, context.trace)
    model = context.cache.model or CacheModel.of(
        context.trace, context.prices, context.tokens, context.texts
    )
    return Evaluator(
        context.trace, context.prices, model, builder=builder, fields=policy.fields,
        evidence=evidence,
    )  # fmt: skip


def evidence_of(reading: Reading) -> Mapping[str, Mapping[str, Any]]:
    """What replays of this data set measured, out of its store."""
    return reading.store.evidence(reading.dataset)


def builder_of(options: TraceOptions, reading: Reading) -> Builder:
    """Builds artifacts; rows of them stay beside the store for the next run."""
    from costopt.accel.artifacts import Artifacts

    path = reading.store.path
    more: dict[str, Any] = {"offline": options.offline}
    return Artifacts(None if path is None else path.parent / "artifacts", **more)
