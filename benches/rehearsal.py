#!/usr/bin/env python3
"""Measures the release build against what it promises: `--version` under 5 ms, and a whole rehearsed setup at full speed under
1 s and 60 MB of resident memory. Prints each figure and ends with 1 where one is not kept.

Run it with `cargo build --release && benches/rehearsal.py`; it needs nothing but Python 3.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

BINARY = pathlib.Path(__file__).resolve().parent.parent / "target/release/windlass"
MILLISECONDS_OF_VERSION = 5
SECONDS_OF_SETUP = 1
MEGABYTES = 60


def run(args, folder):
    """Returns how many seconds a command takes, from its start to its end."""
    env = {"PATH": "", "HOME": folder, "WINDLASS_REHEARSE_SPEED": "max"}
    begun = time.perf_counter()
    subprocess.run([BINARY, *args], cwd=folder, env=env, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return time.perf_counter() - begun


def measure(args, times):
    """Returns the durations of a command, each in a folder and a home of its own."""
    durations = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            durations.append(run(args, folder))
    return durations


def main():
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"{BINARY} is not there: cargo build --release")
    run(["--version"], "/")  # reads the binary into the page cache
    version = statistics.median(measure(["--version"], 50)) * 1000
    setup = statistics.median(measure(["setup", "kind", "--rehearse"], 9))
    # The largest of all processes that were waited for, and of those that they waited for; in KiB on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak = peak / (1e6 if sys.platform == "darwin" else 1e3)
    figures = [
        ("windlass --version", version, MILLISECONDS_OF_VERSION, "ms"),
        ("setup kind --rehearse", setup, SECONDS_OF_SETUP, "s"),
        ("resident memory of both", peak, MEGABYTES, "MB"),
    ]
    for name, figure, most, unit in figures:
        print(f"{name:26} {figure:8.2f} {unit:2}  (at most {most})")
    sys.exit(any(figure > most for _, figure, most, _ in figures))


if __name__ == "__main__":
    main()
