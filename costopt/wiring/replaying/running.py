"""A replay from what was typed to its result: plan, question, execution, comparison, evidence, projection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from costopt.engine.policy import Policy
from costopt.errors import CostoptError, EndpointError, InputError, UsageError
from costopt.model.exchange import AttemptState
from costopt.model.replayed import ReplayInfo
from costopt.model.result import Result
from costopt.money import usd_float
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Plan
from costopt.replay.money import Money
from costopt.replay.plan.left_out import NO_PLACE
from costopt.replay.plan.plan import make_plan
from costopt.replay.plan.words import AT_WORST
from costopt.report.render.json import result_json
from costopt.report.words import plural
from costopt.wiring.phases import phase
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import tell
from costopt.wiring.replaying import files
from costopt.wiring.replaying.answers import LogAnswers
from costopt.wiring.replaying.asked import Asked, asked_of
from costopt.wiring.replaying.endpoints import Reached, live_endpoint, recorded_endpoint
from costopt.wiring.replaying.free import free_notes
from costopt.wiring.replaying.go_on import command
from costopt.wiring.replaying.info import executed_info, over_worst, planned
from costopt.wiring.replaying.judging import Asking, judge_of
from costopt.wiring.replaying.ledgers import Nothing, Runs
from costopt.wiring.replaying.left_out import left_out_notes
from costopt.wiring.replaying.metrics import Counters
from costopt.wiring.replaying.models import check_models
from costopt.wiring.replaying.places import speaks_for
from costopt.wiring.replaying.proving import Proof, prove
from costopt.wiring.replaying.question import may_send
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import Simulated, policy_of, simulate

SHAPLEY_LAYERS = 4
"""As in an audit: with more layers the shares are left to `costopt simulate`."""


@dataclass(frozen=True)
class Replayed:
    """What a replay ends with."""

    result: Result
    go_on: str = ""
    """The command that sends the plan, or goes on with what was stopped; empty: it is done."""
    error: CostoptError | None = None
    """Why the endpoint let nothing pass; said after the screen, with its exit code."""
    interrupted: bool = False


@dataclass(frozen=True)
class Prepared:
    """Everything before the first request."""

    options: TraceOptions
    policy: Policy
    path: Path | None
    asked: Asked
    simulated: Simulated
    plan: Plan
    money: Money
    ledger: Runs

    @property
    def info(self) -> ReplayInfo:
        """The plan as a result shows it."""
        return planned(self.plan, self.asked, self.simulated.projection)

    def command(self, *more: str) -> str:
        """The same again, as it is typed."""
        return command(self.options, self.path, self.asked.wishes, *more)

    def result(self, info: ReplayInfo) -> Result:
        """With the projection as it was before."""
        return replace(self.simulated.result, replay=info)


def replay(
    options: TraceOptions, policy: Path | Policy, wishes: Wishes,
    ask: Callable[[str], str] | None = None,
) -> Replayed:  # fmt: skip
    """Prove the policy's projection, or only plan to. Raises UsageError, InputError, EndpointError.

    `ask`: how the question before the first paid request is put; None: on the terminal.
    """
    ready = prepare(options, policy, wishes)
    store = ready.simulated.reading.store
    try:
        if wishes.plan_only:
            return _only_planned(ready)
        for note in free_notes(ready.plan, ready.asked, ready.money):  # nobody is asked
            tell(note, quiet=options.quiet)
        answers = LogAnswers(ready.simulated.evaluator)
        reached = _reach(ready, answers)
        if not may_send(ready.plan, ready.asked, options, ask, _judge_pusd(ready)):
            tell("nothing was sent.", quiet=options.quiet)
            return _only_planned(ready)
        counters = Counters(reached.connections)
        executed = execute_plan(ready, reached)
        error = _error(executed)
        if error is not None and not answers_in(executed):
            raise error  # there is nothing to show, and an earlier result stays
        reached = replace(reached, metrics=counters.difference())
        return _ended(ready, reached, executed, answers)
    finally:
        store.close()


def prepare(options: TraceOptions, policy: Path | Policy, wishes: Wishes) -> Prepared:
    """The projection and the plan. Nothing is sent."""
    checked = policy_of(policy)
    asked = asked_of(options, wishes, checked)
    shapley = len(checked.layers) <= SHAPLEY_LAYERS
    done = simulate(options, checked, shapley=shapley, keep=False, measured=False)
    money = Money(done.evaluator.prices, free=asked.free)
    check_models(wishes, checked, done.evaluator)
    if asked.terms.judge:
        money.check([judge_of(asked)])
    with phase(progress_for(options), "planning the replay"):
        plan = make_plan(
            done.evaluator, checked, asked.terms, money, endpoint=asked.endpoint,
            providers=speaks_for(asked.places),
        )  # fmt: skip
    notes = [note for note in plan.notes if not (asked.recorded and note == AT_WORST)]
    free = free_notes(plan, asked, money)
    plan = replace(plan, notes=(*free, *notes, *left_out_notes(plan, asked.places)))
    if not plan.items:
        raise _nothing_to_send(plan)
    _needs_a_ledger(options, asked, plan)
    return Prepared(
        options, checked, policy if isinstance(policy, Path) else None, asked, done, plan, money,
        Runs(done.reading.store),
    )  # fmt: skip


def _nothing_to_send(plan: Plan) -> InputError:
    why = "; ".join(f"{plural(x.calls, 'call')}: {x.reason}" for x in plan.left_out[:3])
    hint = "A replay needs the texts of requests: a log of whole bodies, read without --no-content."
    if plan.left_out and all(x.reason.startswith(NO_PLACE) for x in plan.left_out):
        hint = "--base-url URL sends all calls to one address."
    return InputError(f"not one call of this log can be sent again. {why}".strip(), hint=hint)


def _needs_a_ledger(options: TraceOptions, asked: Asked, plan: Plan) -> None:
    if options.no_store and not asked.recorded and plan.worst_pusd and not asked.wishes.plan_only:
        raise UsageError(
            "a replay that costs money keeps a ledger: without one nothing could go on after a crash.",
            where="--no-store", hint="Leave it out, or name another place: --db FILE.duckdb",
        )  # fmt: skip


def _only_planned(ready: Prepared) -> Replayed:
    return Replayed(ready.result(ready.info), ready.command())


def _reach(ready: Prepared, answers: LogAnswers) -> Reached:
    if ready.asked.recorded:
        return recorded_endpoint(ready.plan, answers)
    return live_endpoint(ready.plan, ready.asked)


def execute_plan(ready: Prepared, reached: Reached) -> Executed:
    """The plan under the store's ledger; an unfinished run of it goes on."""
    wishes = ready.asked.wishes
    if not wishes.fresh and ready.ledger.unfinished(ready.plan.id) is not None:
        tell(
            "going on with an unfinished run of this plan (--fresh starts anew)",
            quiet=ready.options.quiet,
        )
    return _run(ready, ready.plan, reached, resume=wishes.resume, fresh=wishes.fresh)


def _run(
    ready: Prepared, plan: Plan, reached: Reached, *, resume: bool = False, fresh: bool = False,
    budget_pusd: int | None = None,
) -> Executed:  # fmt: skip
    from costopt.replay.execute.limits import Patience
    from costopt.replay.execute.run import execute

    asked, reading = ready.asked, ready.simulated.reading
    terms = asked.terms if budget_pusd is None else replace(asked.terms, budget_pusd=budget_pusd)
    return execute(
        plan, reached.endpoint, ready.ledger, terms,
        Nothing() if asked.recorded else ready.money, dataset=reading.dataset,
        progress=progress_for(ready.options), resume=resume, fresh=fresh,
        batch_endpoint=reached.batch, patience=Patience(batch_s=asked.patience_s),
    )  # fmt: skip


def asking_of(ready: Prepared) -> Asking | None:
    """The judge, where one is asked for. Its endpoint is its own: a run closes the one that it had."""
    if not ready.asked.terms.judge:
        return None

    def run(plan: Plan, most_pusd: int) -> Executed:
        reached = replace(live_endpoint(plan, ready.asked), batch=None)
        return _run(ready, plan, reached, budget_pusd=most_pusd)

    return Asking(ready.asked, ready.money, run)


def _judge_pusd(ready: Prepared) -> int:
    asking = asking_of(ready)
    return 0 if asking is None else asking.most_pusd(len(ready.plan.items))


def _ended(ready: Prepared, reached: Reached, executed: Executed, answers: LogAnswers) -> Replayed:
    """Compared, kept, and told; what stopped it is raised by the caller after the screen."""
    with phase(progress_for(ready.options), "comparing"):
        proof = prove(
            ready.plan, executed, answers, ready.policy, ready.simulated, ready.asked,
            reached.endpoint.origin, asking_of(ready), offline=ready.options.offline,
        )  # fmt: skip
    info = executed_info(ready.info, executed, proof.origin, reached.endpoint.name)
    info = replace(
        info,
        spent_usd=info.spent_usd + usd_float(proof.judge_pusd),
        in_doubt_usd=info.in_doubt_usd + usd_float(proof.judge_doubt_pusd),
        endpoint_metrics=dict(reached.metrics),
    )
    info = replace(proof.into(info), notes=_notes(ready, reached, executed, proof))
    info, result = _kept(ready, executed, info, proof)
    stopped = executed.state is RunState.INTERRUPTED
    return Replayed(result, _again(ready, executed, info), _error(executed), stopped)


def _notes(ready: Prepared, reached: Reached, executed: Executed, proof: Proof) -> list[str]:
    """Of the comparison, the endpoint, jobs that still run, and the plan. Against the log the statement
    has said it all."""
    found = [] if ready.asked.recorded else proof.notes
    left = [executed.hint] if executed.hint and executed.state is not RunState.STOPPED else []
    told = (*reached.notes, *getattr(reached.endpoint, "notes", ()))
    above = over_worst(ready.plan, executed)
    return list(dict.fromkeys([*above, *found, *left, *told, *ready.plan.notes]))


def _again(ready: Prepared, executed: Executed, info: ReplayInfo) -> str:
    """What goes on: the rest of the plan, or what is in doubt; empty: nothing is left."""
    if executed.state is not RunState.DONE:
        return ready.command()
    return ready.command("--retry-in-doubt") if info.in_doubt else ""


def _kept(
    ready: Prepared, executed: Executed, info: ReplayInfo, proof: Proof
) -> tuple[ReplayInfo, Result]:
    """Evidence and result in the store, `diff.md` and `result.json` in the run's folder."""
    reading = ready.simulated.reading
    folder = ready.asked.wishes.out or ready.ledger.folder(executed.run)
    if folder is not None:
        info = replace(info, diff_path=str(files.write_diff(folder, info)))
    projection = proof.projection or ready.simulated.projection
    result = replace(ready.simulated.result, projection=projection, replay=info)
    if folder is not None:
        files.write_result(folder, result)
    reading.store.record_run("replay", reading.dataset, result_json(result))
    ready.ledger.result_kept()
    return info, result


def answers_in(executed: Executed) -> int:
    """Requests that were answered."""
    return sum(done.state is AttemptState.ANSWERED for done in executed.done.values())


def _error(executed: Executed) -> EndpointError | None:
    if executed.state is not RunState.STOPPED:
        return None
    answered = answers_in(executed)
    kept = f" {plural(answered, 'answer')} kept: the same command goes on." if answered else ""
    return EndpointError(
        f"{executed.trouble.rstrip('.') or 'the endpoint lets nothing pass'}.{kept}",
        hint=executed.hint,
    )
