"""What the agent-run formats share: growing histories, run totals laid on their calls, names of models."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import xxhash

from costopt.model.call import Segment
from costopt.model.identity import SEED
from costopt.money import pico, usd_text
from costopt.sources.bodies import openai_chat
from costopt.sources.bodies.segments import Names
from costopt.sources.files import plain_name

Reader = Callable[[list[Segment], object, Names], None]


class History:
    """Messages read into blocks once. Requests are slices: resent blocks are the same objects."""

    def __init__(self) -> None:
        self.blocks: list[Segment] = []
        self.ends: list[int] = [0]
        """`ends[i]`: how many blocks stand before message i."""
        self.names: Names = {}

    def add(self, message: object, reader: Reader = openai_chat.message) -> None:
        reader(self.blocks, message, self.names)
        self.ends.append(len(self.blocks))

    def before(self, index: int) -> list[Segment]:
        """All blocks before message `index` (0-based)."""
        return self.blocks[: self.ends[index]]

    def message(self, index: int) -> list[Segment]:
        """The blocks of one message."""
        return self.blocks[self.ends[index] : self.ends[index + 1]]


def size_of(blocks: Sequence[Segment]) -> int:
    """Characters of these blocks."""
    return sum([len(s.text) for s in blocks])


def weights(texts: Sequence[Sequence[Segment] | None], unseen: int) -> list[int]:
    """Sizes of a run's texts; those not kept count as the mean of the others, `unseen` more as one."""
    sizes = [-1 if blocks is None else size_of(blocks) for blocks in texts]
    known = [size for size in sizes if size >= 0]
    mean = sum(known) // len(known) if known else 1
    found = [mean if size < 0 else size for size in sizes]
    return [*found, mean * unseen] if unseen else found


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """A total laid on parts by weight, in whole numbers that sum to it exactly."""
    if not any(weights):
        weights = [1] * len(weights)
    parts, before, whole = [], 0, sum(weights)
    for weight in weights:
        parts.append(total * (before + weight) // whole - total * before // whole)
        before += weight
    return parts


def usd_shares(total: str | None, weights: Sequence[int]) -> list[str | None]:
    """A recorded amount laid on calls by weight, exact to the pico-dollar in sum."""
    if total is None:
        return [None] * len(weights)
    return [usd_text(part) for part in shares(pico(total), weights)]


def fingerprint(*facts: object) -> str:
    """Eight hex digits that tell one run from another of the same task, wherever its file lies."""
    return xxhash.xxh3_64_hexdigest(repr(facts).encode("utf-8", "surrogatepass"), seed=SEED)[:8]


def stem(name: str) -> str:
    """A file's name without folder, packing and what it ends with."""
    base = plain_name(name)
    for ending in (".traj.json", ".traj", ".json", ".jsonl"):
        if base.endswith(ending):
            return base.removesuffix(ending)
    return base


# A model's own name inside a file's or a folder's: what follows it is cut at separators no model has.
_MODEL = re.compile(
    r"(?<![A-Za-z0-9])((?:gpt|claude|gemini|deepseek|qwen|llama|mistral|mixtral|codestral|devstral|"
    r"grok|kimi|glm|chatgpt|command)-?[0-9A-Za-z.]+(?:-[0-9A-Za-z.]+)*|o[134]-[a-z0-9-]+)",
    re.IGNORECASE,
)


def models_in(name: str) -> list[str]:
    """Names of models in a path, the innermost part first."""
    parts = re.split(r"[/\\]|__|_", name)
    found: list[str] = []
    for part in reversed(parts):
        found += [m[1] for m in _MODEL.finditer(part) if any(c.isdigit() for c in m[1])]
    return found


def text_metadata(**facts: Any) -> dict[str, str]:
    """Metadata of these facts; what the log does not say is left out."""
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}
