"""`costopt.selfhost/1`: the same result gives the same bytes."""

from __future__ import annotations

from costopt.report.render.json import harmless
from costopt.report.selfhost import SelfHosting


def selfhost_json(found: SelfHosting) -> str:
    """The document, floats that are no numbers refused."""
    import json

    return harmless(json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False))
