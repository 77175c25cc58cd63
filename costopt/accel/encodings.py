"""Which byte-pair encoding a model uses; None where the vendor publishes none.

Families and encodings: https://github.com/openai/tiktoken/blob/main/tiktoken/model.py, checked
2026-11-24. gpt-oss uses o200k_harmony, which splits text exactly as o200k_base does.
"""

from __future__ import annotations

import re
from functools import cache

CL100K, O200K = "cl100k_base", "o200k_base"

# The first pattern that fits decides. A name must go on with a separator: `o1x` is no o1.
_FAMILIES = (
    (O200K, r"(chatgpt-|gpt-)4o|gpt-4\.[15]|gpt-5|gpt-oss|gpt-image|codex-mini"),
    (O200K, r"o[134]"),
    (CL100K, r"gpt-4|gpt-3\.5|gpt-35|text-embedding-3|text-embedding-ada-002"),
)


@cache
def encoding_of(model: str) -> str | None:
    """Name of the encoding of a model as a log names it: `azure/gpt-4o-2024-08-06` and the like."""
    name = model.strip().lower().rpartition("/")[2]
    name = name.removeprefix("ft:").removeprefix("openai.").removeprefix("openai:")
    for encoding, pattern in _FAMILIES:
        if re.match(rf"({pattern})($|[-.:@_])", name):
            return encoding
    return None
