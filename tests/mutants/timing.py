"""A pytest plugin that writes down how long each test took and which failed, into the file that SECONDS_FILE names."""

import json
import os
from pathlib import Path

seconds, failed = {}, set()


def pytest_runtest_logreport(report):
    """Add up setting up, running and clearing away."""
    if report.failed:
        failed.add(report.nodeid)
    seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session):
    """Write it down, in the one process that hears of all tests."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["SECONDS_FILE"]).write_text(json.dumps({"seconds": seconds, "failed": sorted(failed)}))
