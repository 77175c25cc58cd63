"""All outcomes of the stories as one hash a layer: run in processes that salt Python's hashes otherwise.

python -m tests.laws.fingerprint
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.layers.discover import name_of
from tests.engine.stories import calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.laws.trials import arrays, trials
from tests.layers.context import evaluator_of

PROJECTION = "a projection"


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
    found[PROJECTION].update(_projection())
    return {name: hasher.hexdigest() for name, hasher in found.items()}


def _projection() -> bytes:
    """Nine layers, so that orders are drawn for their shares; and an interval with all its parts."""
    evaluator = evaluator_of(calls_of(30))
    layers = (
        SameRequest(7), OtherModel(), *(LastSegments(k) for k in (9, 7, 5, 3)),
        *(ShorterOutput(r, doubt=0.1) for r in (0.9, 0.8, 0.7)),
    )  # fmt: skip
    found = project(InProcess(evaluator), evaluator, Policy(layers), seed=3)
    assert found.shapley_sampled or any("antithetic" in note for note in found.notes)
    return json.dumps(asdict(found)).encode()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fingerprints()))
