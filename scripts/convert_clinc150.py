"""CLINC150's utterances as a native call log: a seeded stream of requests to an intent classifier.

    python scripts/convert_clinc150.py FOLDER --out clinc150.jsonl [--seed 0]

FOLDER holds `data_full.json` (https://github.com/clinc/oos-eval, CC-BY-3.0): 150 intents and utterances
that are out of scope, in train, validation and test parts, all taken. The answer is the intent: first
sight stores, and a hit between two intents is false. Out of scope is an answer like the others.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judged_log import run
from lookup_log import look_up


def convert(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """One call an utterance, in an order that the seed decides."""
    parts = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    stream = [(text, intent) for name in sorted(parts) for text, intent in parts[name]]
    random.Random(seed).shuffle(stream)
    for number, (text, intent) in enumerate(stream):
        yield look_up(number, text, intent, task="intent")


if __name__ == "__main__":
    sys.exit(run(__doc__, convert))
