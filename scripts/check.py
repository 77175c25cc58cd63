"""Run everything that must hold before a change lands: format, lint, types, floors, docs, tests.

python scripts/check.py            # what the machine lacks (browser, heavy extras) is skipped and listed
COSTOPT_NO_SKIPS=1 python scripts/check.py   # a skip is a failure: what CI runs
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("types", [PYTHON, "-m", "mypy"]),
    ("floors", [str(BIN / "lint-imports"), "--no-cache"]),
    ("docs", [PYTHON, "scripts/docs.py", "--check"]),
    ("reports", [PYTHON, "scripts/make_reports.py", "--check"]),
    # By group: what needs the same real server runs in one worker, so that it starts once.
    ("tests", [PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-rs"]),
)


def main() -> int:
    """Run all checks, say how long each took, exit with 1 if any failed."""
    failed = []
    for name, command in CHECKS:
        started = time.perf_counter()
        print(f"== {name}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
        print(f"== {name}: {time.perf_counter() - started:.1f} s", flush=True)
    print("failed: " + ", ".join(failed) if failed else "all checks passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
