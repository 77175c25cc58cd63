"""The provider's name of calls that a policy moves to GPUs of one's own: their tokens cost nothing.

What such a call costs is the machine's rent, which the layer charges as a fee. The name is reserved: a
log that carries it is read as naming another provider, so nothing that was logged is ever priced at $0
by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Categorical

OWN_FLEET = "own fleet"
_LOGGED = "own fleet (as logged)"


def as_logged(provider: Categorical) -> Categorical:
    """A log's own column, the reserved name taken out; the same object where it is not in it."""
    if OWN_FLEET not in provider.values:
        return provider
    values = tuple(_LOGGED if value == OWN_FLEET else value for value in provider.values)
    return Categorical(provider.codes, values)


def on_own_fleet(provider: Categorical) -> NDArray[np.bool_]:  # [call]
    """Calls that a layer has moved there."""
    moved = np.array([value == OWN_FLEET for value in provider.values], np.bool_)
    return np.asarray(moved[provider.codes])
