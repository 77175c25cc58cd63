"""All outcomes of the stories as one hash a layer: run in processes that salt Python's hashes otherwise.

python -m tests.laws.fingerprint
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from typing import Any

from costopt.engine.outcome import InProcess
from costopt.layers.discover import name_of
from tests.laws.trials import arrays, trials


def fingerprints() -> dict[str, str]:
    """Layer to a hash over what it does to every trace, and what it says of itself."""
    found: defaultdict[str, Any] = defaultdict(hashlib.sha256)
    for trial in (t for t in trials() if t.world is None or t.world.name == "agents-1"):
        hasher = found[name_of(trial.layer)]
        outcome = InProcess(trial.evaluator).outcomes([trial.layers])[0]
        report = trial.layer.report(outcome.tally, outcome.detail)
        hasher.update(outcome.session_pusd.tobytes() + outcome.session_variance.tobytes())
        hasher.update(repr((list(outcome.tally.items()), report)).encode())
        for array in arrays(trial.after()):
            hasher.update(array.tobytes())
    return {name: hasher.hexdigest() for name, hasher in found.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fingerprints()))
