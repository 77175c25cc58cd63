"""One damaged log through the whole audit, whatever comes of it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from costopt.errors import CostoptError
from tests.properties.auditing import audited, check
from tests.properties.mutating import Sample, damaged_copy, samples

SIZES = (1, 2, 8, 40, 160, 300)


def one_run(sample: Sample, folder: Path, chance: random.Random) -> Counter[str]:
    """Write a damaged copy below `folder`, audit it, hold it to the laws; how many records of what.

    Most runs name the format, so that damage reaches its reader; some let the first bytes decide, and
    a few name another one.
    """
    damaged_copy(sample, folder, chance.choice(SIZES), chance)
    way = chance.random()
    named = sample.format if way < 0.65 else None
    if way > 0.95:
        named = chance.choice(samples()).format
    try:
        with audited(folder, input_format=named) as done:
            check(done)
            files = done.result.trace.files
    except CostoptError as error:
        assert str(error)
        return Counter(audits=1, unusable=1)
    return Counter(
        audits=1, records=sum(f.records for f in files), calls=sum(f.accepted for f in files),
        rejected=sum(f.rejected for f in files), skipped=sum(f.skipped for f in files),
        duplicates=sum(f.duplicates for f in files),
    )  # fmt: skip
