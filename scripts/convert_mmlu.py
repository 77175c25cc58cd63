"""Subjects of MMLU answered by two models, from RouteLLM's judged tables, as a native call log.

    python scripts/convert_mmlu.py FOLDER --out mmlu.jsonl [--seed 0]

FOLDER holds `mmlu_SUBJECT.csv` (https://github.com/lm-sys/RouteLLM, Apache-2.0): the question and whether
each model was right. The answers themselves are not there. They are one letter, so one output token is
counted for each; the question is counted with gpt-4's tokenizer for both models (Mixtral's is not at hand).
The examples that were shown before the question are not in the tables, so real calls cost more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from judged_log import Judged, calls, problems, run

from costopt.accel.tokens import BYTES_PER_TOKEN, exact_encoder

MESSAGE_TOKENS = 7
"""Of one user message beside its text, and of the reply's beginning: as costopt's own estimate."""


def convert(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Every question asked of both models; the task is the subject."""
    return calls(_questions(folder), seed, usage)


def _questions(folder: Path) -> Iterator[Judged]:
    for path in sorted(folder.glob("mmlu_*.csv")):
        yield from problems(path, path.stem.removeprefix("mmlu_"))


@cache
def usage(model: str, prompt: str) -> dict[str, int]:
    """Counted, not reported."""
    count = exact_encoder("gpt-4-1106-preview")
    size = count(prompt) if count else round(len(prompt.encode()) / BYTES_PER_TOKEN)
    return {"prompt_tokens": size + MESSAGE_TOKENS, "completion_tokens": 1}


if __name__ == "__main__":
    sys.exit(run(__doc__, convert))
