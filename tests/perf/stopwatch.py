"""Measure and print times, for all benchmarks."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path


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


def processor_seconds(command: Sequence[str], cwd: Path) -> float:
    """Return the processor time of a command and of all that it starts."""
    process = subprocess.Popen(list(command), cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return usage.ru_utime + usage.ru_stime
