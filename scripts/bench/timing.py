"""Run a child process and say how long it took and how much memory it held at most."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timed:
    """Wall seconds, peak resident MB, exit code and output of a child."""

    seconds: float
    peak_mb: float
    code: int
    out: str


def timed(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> Timed:
    """Run it alone in a fresh wrapper, so that the peak is its own and not an earlier child's."""
    wrapper = (
        "import resource,subprocess,sys,time,json\n"
        "t=time.perf_counter()\n"
        "p=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,stderr=subprocess.STDOUT)\n"
        "s=time.perf_counter()-t\n"
        "m=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "sys.stderr.write(json.dumps([s,m/1024,p.returncode]))\n"
        "sys.stdout.buffer.write(p.stdout)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapper, *command],
        capture_output=True, cwd=cwd, env=env, check=False,
    )  # fmt: skip
    import json

    seconds, peak, code = json.loads(done.stderr.decode().splitlines()[-1])
    return Timed(seconds, peak, code, done.stdout.decode(errors="replace"))


def own_peak_mb() -> float:
    """Peak resident MB of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def clock(what: str, work: object) -> float:
    """Seconds of a callable, printed."""
    started = time.perf_counter()
    work()  # type: ignore[operator]
    seconds = time.perf_counter() - started
    print(f"  {what:<44} {seconds:8.2f} s", flush=True)
    return seconds
