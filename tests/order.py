"""The order of the tests: the long ones first, and as many for each process, so that none is left running alone.

Also how seldom each process collects garbage: all that is imported lives to the end, and walking through it is slow.
"""

import gc
import os

GARBAGE_AFTER = (50_000, 20, 50)


def pytest_collection_modifyitems(items):
    """Begin the share of each process with long tests; pytest-xdist cuts what it is given into equal pieces."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("slow")]
    short = [item for item in items if not item.get_closest_marker("slow")]
    ends = [len(short) * share // processes for share in range(processes + 1)]
    shares = [long[n::processes] + short[ends[n] : ends[n + 1]] for n in range(processes)]
    items[:] = [item for share in shares for item in share]


def pytest_collection_finish():
    """Look no more at what is there before the first test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_AFTER)
