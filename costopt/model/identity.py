"""128-bit content hashes: what makes a segment, and a call, the same one.

xxh3 with a fixed seed: stable over processes, machines and Python versions. Not a secret: a share
salts and re-hashes (`share/`).
"""

from __future__ import annotations

import xxhash

from costopt.model.call import Call, Segment

SEED = 0x636F73746F7074  # "costopt"


def segment_digest(segment: Segment) -> bytes:
    """16 bytes over kind, name and text; the log's own digest where it gives one instead of text."""
    if segment.digest:
        return segment.digest
    head = f"{int(segment.kind)}\0{segment.name}\0"
    return xxhash.xxh3_128_digest(
        head.encode("utf-8", "surrogatepass") + segment.text.encode("utf-8", "surrogatepass"),
        seed=SEED,
    )


def content_digest(call: Call) -> bytes:
    """16 bytes over what was sent, answered and charged; not over where it was read."""
    hasher = xxhash.xxh3_128(seed=SEED)
    facts = (
        call.id, call.session_id, call.at_us, call.provider, call.model, call.service_tier,
        int(call.status), call.recorded_usd, call.usage.leaves, int(call.usage.state),
        call.usage.web_searches, call.requests, call.agent, call.task,
    )  # fmt: skip
    hasher.update(repr(facts).encode("utf-8", "surrogatepass"))
    for block in (call.request, call.response):
        hasher.update(b"\1" if block is None else b"\2")
        for segment in block or ():
            hasher.update(segment_digest(segment))
    return hasher.digest()


def call_digest(call: Call) -> bytes:
    """16 bytes: the call's identity. From its key; without one, from its content."""
    if not call.key:
        return content_digest(call)
    return xxhash.xxh3_128_digest(call.key.encode("utf-8", "surrogatepass"), seed=SEED)


def contest(call: Call) -> tuple[bool, int, int, int, bytes]:
    """Of several records of one call the largest wins: with usage, latest, largest, then by content.

    Neither the order of files nor of lines decides (a source whose records carry no time of their
    own sets `version_us` to the line number).
    """
    version = -1 if call.version_us is None else call.version_us
    usage = call.usage
    known = int(usage.state) == 0
    return known, version, usage.output_tokens, usage.input_tokens, content_digest(call)
