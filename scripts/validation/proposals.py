"""What `policy init` and `recommend` say of real traces: in seconds, and only what then comes true.

A proposed layer must save alone, at the risk that a proposal may have; the file must read back, and what
it says the policy saves must be what simulating it says. A recommendation is shown with both its figures.
"""

from __future__ import annotations

import time
from pathlib import Path

from costopt.engine.outcome import InProcess
from costopt.engine.run import waterfall
from costopt.errors import CostoptError
from costopt.money import show
from costopt.wiring.policy.load import parse_policy
from costopt.wiring.policy.propose import MAX_RISK, Proposal
from costopt.wiring.proposing import proposed
from costopt.wiring.recommending import Recommended, recommended
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from validation.table import Table

TRACES = ("miniswe-gemini3/trajs", "claudecode-vsla", "acr-gpt4", "sweagent-java",
          "taubench-gpt4o-airline", "mooncake")  # fmt: skip
IN_SECONDS = 30.0
"""Of a proposal: what a person waits for without going away."""
LIMIT = 0.01


def run(shared: Path, table: Table) -> None:
    """One group a trace; then the packed sample, where there is something to save."""
    sample = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"
    paths = [shared / "traces" / name for name in TRACES]
    for path in [*(p for p in paths if p.exists()), sample]:
        name = path.parent.name if path.suffix or path.name == "trajs" else path.name
        table.title(f"proposed and recommended: {name}")
        options = TraceOptions(traces=[str(path)], no_store=True, quiet=True)
        try:
            _proposal(options, table)
            _recommendation(recommended(options, LIMIT), table)
        except CostoptError as error:
            table.shown("not priced", str(error).splitlines()[0])


def _proposal(options: TraceOptions, table: Table) -> None:
    started = time.perf_counter()
    made = proposed(options)
    table.in_time("policy init", IN_SECONDS, time.perf_counter() - started)
    policy = parse_policy(made.yaml)
    table.equal("the file reads back as proposed", True, made.policy.layers == policy.layers)
    table.shown("proposed", ", ".join(_names(made)) or "nothing", show(made.saved_pusd))
    if made.sampled:
        return
    executor = InProcess(prepare(options, policy).evaluator)
    steps = waterfall(executor, policy.layers)
    base, after = (o.total_pusd for o in executor.outcomes([(), policy.layers]))
    table.equal("it saves what the file says", made.saved_pusd, base - after)
    for step in steps:
        (alone,) = executor.outcomes([(step.layer,)])
        table.equal(f"{step.name} saves alone", True, base > alone.total_pusd)
        table.at_most(f"{step.name}: answers at risk", MAX_RISK, step.report.risk.value or 0.0)


def _names(made: Proposal) -> list[str]:
    return [
        line.strip(" -").partition(":")[0] for line in made.yaml.splitlines() if "- " in line[:4]
    ]


def _recommendation(made: Recommended, table: Table) -> None:
    found = made.found
    names = ", ".join(row for row in found.to_json()["layers"]) or "nothing"
    table.shown(f"recommended at {100 * LIMIT:g} % risk", names, f"{found.tried} tried")
    for words, figures in (("in sample", found.in_sample), ("out of sample", found.out_of_sample)):
        if figures is None:
            table.shown(words, "too few sessions")
            continue
        pct = "" if figures.savings_pct is None else f"{figures.savings_pct:.2f} %"
        table.shown(words, pct, f"{figures.sessions} sessions")
