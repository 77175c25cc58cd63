"""Generated calls for tests of the engine: sessions that grow, a shared system prompt, two models."""

from __future__ import annotations

import random

from costopt.model.call import Call
from tests.billing.small import call, usage

SYSTEM = "system:" + "You help with orders. " * 60
START_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


def calls_of(sessions: int, seed: int = 0, steps: int = 4, apart_us: int = HOUR_US) -> list[Call]:
    """Each session has 1 to `steps` calls, 20 s apart; sessions begin `apart_us` after one another."""
    chance = random.Random(seed)
    return [c for s in range(sessions) for c in session(s, chance, steps, START_US + s * apart_us)]


def session(number: int, chance: random.Random, steps: int, begin_us: int) -> list[Call]:
    """One agent run; later calls read what stood before from the cache, mostly."""
    model = ("m", "other")[number % 2]
    said, out = [SYSTEM, f"user:order {number % 5}"], []
    for step in range(chance.randint(1, steps)):
        size = sum(len(x.partition(":")[2]) for x in said)
        read = size // 128 * 128 if step and size >= 1024 and chance.random() < 0.8 else 0
        used = usage(fresh=size - read, read=read, out=chance.randint(5, 400))
        out.append(call(
            f"{number}-{step}", list(said), used, [f"assistant:done {number} {step}"],
            session_id=f"s{number}", model=model, at_us=begin_us + step * 20_000_000,
        ))  # fmt: skip
        words = "found it " * chance.randint(5, 120)
        said += [f"assistant:done {number} {step}", f"result/search:{number} {step} {words}"]
    return out
