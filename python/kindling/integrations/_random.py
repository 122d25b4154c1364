"""The state of random numbers, for a checkpoint whose framework leaves it out."""

import random
import sys
from typing import Any


def state() -> dict[str, Any]:
    """Of Python, PyTorch on the CPU and on the GPUs, and NumPy if it is there. Tensors and plain values only, so that
    `torch.load` reads it with `weights_only`."""
    torch = sys.modules["torch"]
    found: dict[str, Any] = {"python": random.getstate(), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state_all()
    if (numpy := sys.modules.get("numpy")) is not None:
        kind, words, *rest = numpy.random.get_state()
        found["numpy"] = (str(kind), words.tolist(), *map(_plain, rest))
    return found


def restore(found: dict[str, Any]) -> None:
    """Goes on where `state` was."""
    torch = sys.modules["torch"]
    version, words, gauss = found["python"]
    random.setstate((version, tuple(words), gauss))
    torch.set_rng_state(found["torch"].cpu())
    # Another machine may have fewer or more of them.
    if "cuda" in found and len(found["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([one.cpu() for one in found["cuda"]])
    if "numpy" in found and (numpy := sys.modules.get("numpy")) is not None:
        kind, numbers, *rest = found["numpy"]
        numpy.random.set_state((kind, numpy.array(numbers, dtype=numpy.uint32), *rest))


def _plain(value: Any) -> int | float:
    return float(value) if isinstance(value, float) else int(value)
