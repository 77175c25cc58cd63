"""What `costopt selfhost calibrate` was typed with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from costopt.errors import UsageError

OWN = "this-machine"
"""As `--gpu`: the processor of this machine, measured here and now."""


@dataclass(frozen=True)
class Calibration:
    """Options as typed, lists still as text."""

    base_url: str
    model: str = ""
    """As the server names it; empty: the only one that it lists."""
    shape: str = ""
    """A model of the data files, where the served name is another one."""
    model_config: str = ""
    gpu: str = ""
    hardware: Path | None = None
    engine: str = "vllm"
    precision: str = ""
    tensor_parallel: int = 1
    expert_parallel: int = 1
    loads: str = "1,2,4,8"
    prompt_tokens: str = "128,512"
    output_tokens: int = 64
    requests: int = 0
    """Of one point of the grid; 0: three times its load, at least 8."""
    read_only: bool = False
    profile: str = ""
    budget: str | None = None
    api_key_env: str | None = None
    prices: Path | None = None
    timeout_s: float = 600.0
    seed: int = 0
    yes: bool = False
    quiet: bool = False


def numbers(text: str, where: str, most: int) -> tuple[int, ...]:
    """`1,2,4` as whole numbers, each once, ascending. UsageError says what is wrong."""
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 1 or found[-1] > most:
        raise UsageError(
            f"`{text}` is no list of whole numbers from 1 to {most:,}.", where=where, hint="1,2,4,8"
        )
    return tuple(found)
