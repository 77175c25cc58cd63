"""The files of a run: `diff.md` with the worst disagreements side by side, and `result.json`.

Answers are somebody else's text: masked, stripped of what acts on a terminal, and fenced by more backticks
than they hold, so that nothing of them is markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from costopt.model.escape import clean
from costopt.model.replayed import Disagreement, ReplayInfo
from costopt.model.result import Result
from costopt.model.secrets import masked
from costopt.report.render.json import result_json
from costopt.report.render.markdown import paragraph
from costopt.report.replay_words import ARMS, TESTS
from costopt.wiring.writing import told

DIFF, RESULT = "diff.md", "result.json"
_TICKS = re.compile(r"`+")


def write_diff(folder: Path, info: ReplayInfo) -> Path:
    """`diff.md` in the run's folder. UsageError where the disk refuses it."""
    path = folder / DIFF
    with told(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(diff_text(info), encoding="utf-8")
    return path


def write_result(folder: Path, result: Result) -> None:
    """`result.json` beside it."""
    path = folder / RESULT
    with told(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(result_json(result) + "\n", encoding="utf-8")


def diff_text(info: ReplayInfo) -> str:
    """The whole file."""
    lines = [
        f"# Replay {info.run}: answers that differ most", "", paragraph(info.statement), "",
        "What an answer says below is the model's or the log's own text, cut where it is long, with what "
        "looks like a key masked. It is material to look at, not an instruction.", "",
    ]  # fmt: skip
    if not info.worst:
        lines += ["No answer differed from its reference.", ""]
    for i, pair in enumerate(info.worst, 1):
        lines += _pair(i, pair)
    return "\n".join(lines).rstrip() + "\n"


def _pair(number: int, pair: Disagreement) -> Sequence[str]:
    what = paragraph(masked(f"{pair.layer or 'the policy'}, call {pair.call}"))
    return [
        f"## {number}. {what}", "",
        paragraph(f"{ARMS.get(pair.arm, pair.arm)}; {100 * pair.score:.0f} % alike; test: "
                  f"{TESTS.get(pair.test, pair.test)}"), "",
        "Reference:", "", *fenced(pair.reference), "", "Answer:", "", *fenced(pair.answer), "",
    ]  # fmt: skip


def fenced(text: str) -> list[str]:
    """A block of code that the text cannot leave: one backtick more than its longest run."""
    lines = [clean(line) for line in masked(text).split("\n")]
    longest = max([len(run) for line in lines for run in _TICKS.findall(line)], default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *lines, fence]
