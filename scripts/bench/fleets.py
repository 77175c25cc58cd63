"""Fleets of rented GPUs: sizing one, a day of a million requests, and the first call of all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.table import Section
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.fleet.replica import Replica, replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.size import smallest
from costopt.serving.fleet.slo import Slo
from costopt.serving.models import shape

SLO = Slo(ttft_s=5.0, tpot_s=0.1)
HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 8, 8, 7, 8, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1)
"""Parts of the day's requests."""
COLD = "from bench.fleets import sized; sized(400, 'l4')"


def fleets() -> Section:
    """Times of Llama 3.1 8B: CPU seconds of one core are what the goals are about."""
    section = Section(
        "fleets", "Fleets of rented GPUs",
        "Llama 3.1 8B under vLLM, a day with a peak, prompts of 1,800 and answers of 200 tokens on "
        "average.\nSizing runs several whole fleets. The time goes with the turns of the loop: each stands "
        "for many equal\nsteps and walks through the running sequences.",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as empty:
        section.say(
            f"The very first call compiles the kernels: {_cold(empty):.0f} s, once a machine."
        )
    sized(400, "l4")
    for requests, gpu, most in ((2_000, "h100", 0.3), (100_000, "l4", 6.0)):
        cpu, wall, (found, _) = timed(sized, requests, gpu)
        section.goal(
            f"sizing {requests:,} requests to {found.replicas} {gpu}", most, "s", wall, cpu
        )
    arrivals = day(1_000_000)
    cpu, wall, run = timed(served, arrivals, _replica(arrivals, "l4"), 48)
    section.goal("a day of 1,000,000 requests on 48 l4", 60.0, "s", wall, cpu)
    totals = run.run.totals
    section.say(f"That day: {totals.steps:,} engine steps in {totals.events:,} turns of the loop.")
    return section


def timed(made: Callable[..., Any], *args: Any) -> tuple[float, float, Any]:
    """(CPU seconds, wall seconds, what it gives)."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = made(*args)
    return time.process_time() - cpu, time.perf_counter() - wall, found


def day(requests: int) -> Arrivals:
    """The same every time."""
    rng = np.random.default_rng(1)
    hour = rng.choice(24, requests, p=np.array(HOURS) / sum(HOURS))
    at_s = np.sort(3600 * (hour + rng.random(requests)))
    prompt = np.minimum(rng.lognormal(7, 1, requests), 16_000).astype(np.int64) + 1
    output = np.minimum(rng.lognormal(5, 0.8, requests), 2_000).astype(np.int64) + 1
    return Arrivals(at_s, prompt, output, np.arange(requests), DAY_S)


def _replica(arrivals: Arrivals, gpu: str) -> Replica:
    return replica(shape("llama-3.1-8b"), gpu, arrivals, tensor_parallel=1)


def sized(requests: int, gpu: str) -> Any:
    """(the smallest fleet, a run of two replicas: the router's kernel is loaded then)."""
    arrivals = day(requests)
    one = _replica(arrivals, gpu)
    few = day(400)
    return smallest(arrivals, one, SLO, fast=True), served(few, _replica(few, gpu), 2)


def served(arrivals: Arrivals, one: Replica, replicas: int) -> Any:
    """A given fleet."""
    return serve(
        arrivals.workload(), replicas, one.cost, one.limits, window_s=DAY_S, fast=True
    )  # fmt: skip


def _cold(folder: str) -> float:
    """Seconds of a process that finds no machine code."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": os.pathsep.join(sys.path)}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", COLD], env=environment, check=True)
    return time.perf_counter() - began
