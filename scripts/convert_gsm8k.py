"""GSM8K answered by two models, from RouteLLM's judged table, as a native call log.

    python scripts/convert_gsm8k.py FOLDER --out gsm8k.jsonl [--seed 0]

FOLDER holds `gsm8k_responses.csv` (https://github.com/lm-sys/RouteLLM, Apache-2.0): the problem, both
models' answers, and whether each was right. The table has no token counts: costopt counts the texts and
says so. Of the prompt only the problem is there; what else was sent with it is not in the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judged_log import calls, problems, run


def convert(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """Every problem asked of both models, in an order that the seed decides."""
    found = problems(folder / "gsm8k_responses.csv", "gsm8k")
    return calls(found, seed, lambda model, prompt: None)


if __name__ == "__main__":
    sys.exit(run(__doc__, convert))
