"""Problems that several models answered and somebody judged, as a native log: a call a model and problem."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
"""Both models were sold then. Projections use today's book, so the day decides nothing."""
PROVIDERS = {
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "together",
    "gpt-4-1106-preview": "openai",
}
"""Who is taken to have sold them. Mixtral under this very id is Together's: $0.90 a million tokens in and
out in genai-prices 0.2.3 (https://www.together.ai/pricing), gpt-4-1106-preview $10 and $30."""


@dataclass(frozen=True)
class Judged:
    """A problem, and by model the answer (None: not kept) and whether it was right."""

    task: str
    prompt: str
    answers: dict[str, tuple[str | None, bool]]


Usage = Callable[[str, str], dict[str, int] | None]


def problems(path: Path, task: str) -> Iterator[Judged]:
    """Rows of a table: prompt, a column True or False for each model, `MODEL_response` where kept."""
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            models = [m for m in row if m != "prompt" and not m.endswith("_response")]
            answers = {m: (row.get(f"{m}_response"), row[m] == "True") for m in models}
            yield Judged(task, row["prompt"], answers)


def calls(found: Iterable[Judged], seed: int, usage: Usage) -> Iterator[dict[str, Any]]:
    """A seeded stream: problems in shuffled order, each asked of every model, a second apart."""
    order = list(found)
    random.Random(seed).shuffle(order)
    second = 0
    for number, problem in enumerate(order):
        for model, (answer, right) in problem.answers.items():
            yield _call(number, second, problem, model, answer, right, usage(model, problem.prompt))
            second += 1


def _call(
    number: int, second: int, problem: Judged, model: str, answer: str | None, right: bool,
    usage: dict[str, int] | None,
) -> dict[str, Any]:  # fmt: skip
    response: dict[str, Any] = {"model": model}
    if answer is not None:
        message = {"role": "assistant", "content": answer}
        response["choices"] = [{"message": message, "finish_reason": "stop"}]
    if usage is not None:
        response["usage"] = usage
    return {
        "id": f"p{number}-{PROVIDERS[model]}", "session_id": f"p{number}",
        "timestamp": (START + dt.timedelta(seconds=second)).isoformat(),
        "agent": "solver", "task": problem.task, "metadata": {"correct": right},
        "provider": PROVIDERS[model],
        "request": {"model": model, "messages": [{"role": "user", "content": problem.prompt}]},
        "response": response,
    }  # fmt: skip


def write(path: Path, lines: Iterable[dict[str, Any]]) -> int:
    """One JSON object a line; how many."""
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count


def run(doc: str | None, convert: Callable[[Path, int], Iterator[dict[str, Any]]]) -> int:
    """The command line of a converter: FOLDER --out FILE --seed N."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"{write(asked.out, convert(asked.folder, asked.seed)):,} calls in {asked.out}")
    return 0
