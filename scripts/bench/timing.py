"""Run a child process: seconds on the wall and of the processors, and the most memory its tree held."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

_POLL_S = 0.02
SCRIPTS = {"PYTHONPATH": str(Path(__file__).parents[1])}
"""Environment of a child that runs one of these modules."""


@dataclass(frozen=True)
class Timed:
    """What a child took. `cpu_s`: user and system, of all its processes; `peak_mb`: of them together."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int
    out: str

    @property
    def failed(self) -> str:
        """The end of what it said, where it failed."""
        return f"failed with {self.code}: {self.out[-300:].strip()}" if self.code else ""


def timed(command: list[str], env: dict[str, str] | None = None, runs: int = 1) -> Timed:
    """The quickest of some runs by the clock, and the least processor time of them."""
    return best([_once(command, env or {}) for _ in range(runs)])


def best(runs: list[Timed]) -> Timed:
    """The quickest by the clock, with the least processor time of all: other work slows both."""
    return replace(min(runs, key=lambda t: t.wall_s), cpu_s=min(t.cpu_s for t in runs))


def _once(command: list[str], more: dict[str, str]) -> Timed:
    env = {**os.environ, **more}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its byte code at hand
    with tempfile.TemporaryFile() as out:
        started = perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=out, env=env)
        watch = _Watch(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        wall = perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = max(watch.stop(), used.ru_maxrss / 1024)
        out.seek(0)
        text = out.read().decode(errors="replace")
    return Timed(wall, used.ru_utime + used.ru_stime, peak, child.returncode, text)


class _Watch:
    """Asks again and again what a process and its children hold (Linux; elsewhere 0)."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._done = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._done.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._done.wait(_POLL_S):
            self._peak = max(self._peak, sum(map(_resident_mb, _tree(self._pid))))


def _tree(pid: int) -> list[int]:
    """A process and all below it. A process that ends meanwhile is left out."""
    found = [pid]
    for at in found:
        for task in Path(f"/proc/{at}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text().split())
    return found


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
