"""Every story of every layer: `tests/layers/cases/<name>.py`."""

from __future__ import annotations

import pytest

from tests.layers.case import Case, cases, check


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in cases()])
def test_the_story_holds(case: Case) -> None:
    check(case)
