"""A replay beside the bare loop that anybody would write with the `openai` package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.backtest import last_json
from bench.table import Section
from bench.timing import SCRIPTS, Timed, timed

REQUESTS, CONCURRENCY, LATENCY_MS = 1_000, 64, 50
MOST = 1.2
"""Times the bare loop."""
RUNS = 5
WAYS = {1: "streamed", 0: "not streamed"}


def replay() -> Section:
    """Streamed as a replay sends by default, and in one piece."""
    section = Section(
        "replay", f"Replay of {REQUESTS:,} requests",
        f"{CONCURRENCY} at once against a local server that answers after {LATENCY_MS} ms, the same bodies "
        f"and the same\nkind of answer for both; each attempt in the ledger on disk before it is sent. The "
        f"sending alone is timed, the best of\n{RUNS} runs in turns; processor time of the process that "
        "sends.",
    )  # fmt: skip
    with _server() as port:
        for stream, name in WAYS.items():
            bare, ours = _in_turns(port, stream)
            section.add(f"openai loop, {name}", bare, REQUESTS, "requests")
            section.add(f"replay, {name}", ours, REQUESTS, "requests")
            if not bare.failed and not ours.failed:
                times, cpu = ours.wall_s / bare.wall_s, ours.cpu_s / bare.cpu_s
                section.goal(f"replay against the bare loop, {name}", MOST, "x", times, cpu)
    return section


def _in_turns(port: int, stream: int) -> tuple[Timed, Timed]:
    """The best run of each; in turns, so that a busy minute slows both."""
    found: dict[str, list[Timed]] = {"bare": [], "costopt": []}
    for _ in range(RUNS):
        for kind, runs in found.items():
            runs.append(_once(kind, port, stream))
    bare, ours = (min(runs, key=lambda run: run.wall_s) for runs in found.values())
    return bare, ours


def _once(kind: str, port: int, stream: int) -> Timed:
    numbers = map(str, (port, REQUESTS, CONCURRENCY, stream))
    run = timed([sys.executable, "-m", "bench.replay_child", kind, *numbers], SCRIPTS)
    return run if run.failed else replace(run, **last_json(run.out))


@contextmanager
def _server() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.replay_server", str(LATENCY_MS)]
    env = {**os.environ, **SCRIPTS}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
        assert server.stdout is not None
        try:
            yield int(json.loads(server.stdout.readline()))
        finally:
            server.terminate()
