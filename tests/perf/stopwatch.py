"""What every benchmark needs: taking the time, and telling it."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def ms(value: float, digits: int = 0) -> str:
    """Return seconds as milliseconds."""
    return f"{value * 1000:.{digits}f} ms"


def say(line: str) -> None:
    """Print the line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(name: str, taken: Sequence[float]) -> None:
    """Print the median and the fastest of several measurements, in milliseconds."""
    figures = (statistics.median(taken), min(taken)) if len(taken) > 1 else taken
    say(f"{name:<52}{' '.join(f'{figure * 1000:8.0f}' for figure in figures)}")
