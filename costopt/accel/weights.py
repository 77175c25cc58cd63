"""What a neural model is: a hash of its weights, so that what it made is never taken for another's."""

from __future__ import annotations

from typing import Any

import numpy as np


def weights_hash(model: Any) -> str:
    """Of a torch module: one trained further under the same name is another one."""
    import xxhash

    h = xxhash.xxh3_128()
    for name, tensor in sorted(model.state_dict().items()):
        h.update(name.encode())
        h.update(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).view(np.uint8).data)
    return h.hexdigest()
