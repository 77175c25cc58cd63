"""Build a `Usage` from a log's counts; the two conventions, and no clamping.

`inside`: the input count holds the cached tokens (OpenAI, Gemini, OpenTelemetry, LiteLLM).
`outside`: it does not (Anthropic, Bedrock Converse, Langfuse details). A source decides once which
one its format uses; counts that contradict it raise `UsageContradiction` and the record is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from costopt.model.call import Usage, UsageContradiction, UsageState
from costopt.model.leaf import INPUT, N_LEAVES, OUTPUT, Leaf

# More tokens than any context holds by far: a count above it is a broken record, not a bill.
MAX_TOKENS = 1_000_000_000


WRITES = ("write_5m", "write_1h", "write_30m", "write_12h", "write_other")
"""Fields of `Counts` that are cache writes, in the order of their leaves."""


@dataclass(slots=True)
class Counts:
    """The counts as the log names them, before the convention is applied. None means 0 here."""

    input: int | None = 0
    read: int | None = 0
    write_5m: int | None = 0
    write_1h: int | None = 0
    write_30m: int | None = 0
    write_12h: int | None = 0
    write_other: int | None = 0
    output: int | None = 0
    reasoning: int | None = 0
    audio_in: int | None = 0
    """Audio tokens of the input (part of `input`), cached audio included."""
    audio_read: int | None = 0
    """Cached audio tokens (part of `read` and of `audio_in`)."""
    image_in: int | None = 0
    audio_out: int | None = 0
    image_out: int | None = 0
    web_searches: int | None = 0


def as_count(value: object, name: str) -> int:
    """A token count from a log: an integer (also as 12.0 or "12"), not negative, not absurd."""
    if value is None:
        return 0
    if isinstance(value, bool):
        raise UsageContradiction(f"{name} is {value}, not a count")
    try:
        number = float(value) if isinstance(value, str) else value
        count = int(number)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageContradiction(f"{name} is {value!r}, not a count") from error
    if count != number:
        raise UsageContradiction(f"{name} is {value!r}, not a whole number")
    if count < 0:
        raise UsageContradiction(f"{name} is negative: {count}")
    if count > MAX_TOKENS:
        raise UsageContradiction(f"{name} is {count}, more than any request can hold")
    return count


def inside(counts: Counts, *, reasoning_inside: bool = True) -> Usage:
    """Cached reads and writes are part of `counts.input`; fresh is what remains. Never clamps."""
    return _build(counts, cached_inside=True, reasoning_inside=reasoning_inside)


def outside(counts: Counts, *, reasoning_inside: bool = True) -> Usage:
    """`counts.input` is fresh input alone; reads and writes stand beside it."""
    return _build(counts, cached_inside=False, reasoning_inside=reasoning_inside)


def _build(counts: Counts, *, cached_inside: bool, reasoning_inside: bool) -> Usage:
    c = {name: as_count(getattr(counts, name), name) for name in Counts.__slots__}
    writes = [c[n] for n in WRITES]
    leaves = [0] * N_LEAVES
    leaves[Leaf.CACHE_READ] = _minus(c["read"], c["audio_read"], "cached audio", "cached input")
    leaves[Leaf.CACHE_READ_AUDIO] = c["audio_read"]
    leaves[Leaf.CACHE_WRITE_5M : Leaf.CACHE_WRITE_OTHER + 1] = writes
    # Details overlap: `audio_tokens` counts cached audio too, which already stands in its own leaf.
    leaves[Leaf.INPUT_AUDIO] = max(0, c["audio_in"] - c["audio_read"])
    leaves[Leaf.INPUT_IMAGE] = c["image_in"]
    fresh = c["input"]
    if cached_inside:
        fresh = _minus(fresh, c["read"] + sum(writes), "cached input", "input")
    modal = leaves[Leaf.INPUT_AUDIO] + leaves[Leaf.INPUT_IMAGE]
    leaves[Leaf.INPUT_FRESH] = _without_modal(fresh, modal, leaves)
    visible = c["output"]
    if reasoning_inside:
        visible = _minus(visible, c["reasoning"], "reasoning", "output")
    leaves[Leaf.OUTPUT_REASONING] = c["reasoning"]
    leaves[Leaf.OUTPUT_AUDIO], leaves[Leaf.OUTPUT_IMAGE] = c["audio_out"], c["image_out"]
    leaves[Leaf.OUTPUT_TEXT] = _minus(
        visible, c["audio_out"] + c["image_out"], "audio and image output", "output"
    )
    refuse_too_many(leaves)
    return Usage(leaves, c["web_searches"], UsageState.REPORTED)


def refuse_too_many(leaves: list[int]) -> None:
    """Raises UsageContradiction where a side sums to more than any request holds, as one count would.

    Billing multiplies two token counts in 63 bits: it relies on this.
    """
    for name, side in (("input", INPUT), ("output", OUTPUT)):
        if sum(leaves[side]) > MAX_TOKENS:
            raise UsageContradiction(
                f"{name} sums to {sum(leaves[side])}, more than any request can hold"
            )


def _minus(total: int, part: int, part_name: str, total_name: str) -> int:
    if part > total:
        raise UsageContradiction(
            f"{part_name} ({part}) is larger than {total_name} ({total}) that should hold it"
        )
    return total - part


def _without_modal(fresh: int, modal: int, leaves: list[int]) -> int:
    """Image and audio counts may partly be cached (text price there): cut them to what is fresh."""
    if modal <= fresh:
        return fresh - modal
    spare = fresh
    for leaf in (Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE):
        leaves[leaf] = min(leaves[leaf], spare)
        spare -= leaves[leaf]
    return spare
