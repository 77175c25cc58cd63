"""Odd policies over odd logs through `costopt simulate`: settings at their ends, layers in any number.

    python scripts/fuzz_policies.py --runs 200 --seed 0 [--log "one session"]

No traceback, no NaN, sums that agree, intervals that hold their figure, nothing on a screen that acts on a
terminal; a log or a policy that cannot be used is refused in words. Exit 1 where one of it fails: the
policy is printed. The same seed gives the same policies.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from costopt.errors import CostoptError
from tests.properties.policies import LOGS, policy_text, simulated


def main() -> int:
    """Each log in turn, each time under another policy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", default="", help=f"one of: {', '.join(LOGS)}; else all in turn")
    chosen = parser.parse_args()
    names = [name for name in LOGS if chosen.log in ("", name)]
    if not names:
        parser.error(f"no log is called {chosen.log}")
    told: Counter[str] = Counter()
    started = time.perf_counter()
    for run in range(chosen.runs):
        told[one(names[run % len(names)], random.Random(f"{chosen.seed} {run}"))] += 1
    print(f"{dict(told)} in {time.perf_counter() - started:.0f} s")
    return 1 if told["failed"] else 0


def one(name: str, chance: random.Random) -> str:
    """`done`, `refused` or `failed`."""
    policy = policy_text(chance)
    with tempfile.TemporaryDirectory() as folder:
        try:
            simulated(LOGS[name](), policy, Path(folder))
        except CostoptError as error:
            if not str(error).strip():
                print(f"REFUSED WITHOUT A WORD: {name}, {json.dumps(policy)}", flush=True)
                return "failed"
            return "refused"
        except Exception as error:  # whatever it is, it is what this script looks for
            shown = "".join(traceback.format_exception(error))
            print(f"FAILED: {name}, {json.dumps(policy)}\n{shown}", flush=True)
            return "failed"
    return "done"


if __name__ == "__main__":
    sys.exit(main())
