"""Before the first paid request: where it goes, how many, at what price, and a question.

A free local endpoint and recorded answers are never asked about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from costopt.errors import UsageError
from costopt.model.escape import clean
from costopt.money import show
from costopt.replay.items import Plan
from costopt.report.words import plural
from costopt.wiring.replaying.asked import Asked
from costopt.wiring.request import TraceOptions


def may_send(
    plan: Plan, asked: Asked, options: TraceOptions, ask: Callable[[str], str] | None = None,
    judge_pusd: int = 0,
) -> bool:  # fmt: skip
    """Whether the user wants it sent. UsageError: nobody is there to be asked.

    `ask`: shows a line and gives what was typed; None: the terminal, where there is one. `judge_pusd`:
    what a judge may cost beside.
    """
    said = price_words(plan, asked, judge_pusd)
    if asked.recorded or not plan.worst_pusd + judge_pusd:
        return True
    if options.yes:
        return True
    if ask is None and not (sys.stdin.isatty() and sys.stderr.isatty()):
        if asked.wishes.budget is not None:
            return True
        raise UsageError(
            f"{said} Nobody is there to be asked.",
            hint="--yes sends it; --budget USD bounds what it may spend. Nothing was sent.",
        )
    answer = (ask or _typed)(f"{said} Send it? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def price_words(plan: Plan, asked: Asked, judge_pusd: int = 0) -> str:
    """`400 requests to api.openai.com: $13.94 expected, $19.80 at worst, budget $20.00.`"""
    text = (
        f"{plural(len(plan.items), 'request')} to {asked.endpoint}: {show(plan.expected_pusd)} expected,"
        f" {show(plan.worst_pusd)} at worst"
    )
    text += f", a judge at most {show(judge_pusd)} more" if judge_pusd else ""
    budget = asked.terms.budget_pusd
    return clean(text + (f", budget {show(budget)}." if budget is not None else ", no budget."))


def _typed(line: str) -> str:
    sys.stderr.write(line)
    sys.stderr.flush()
    return sys.stdin.readline()
