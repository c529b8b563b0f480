"""A pytest plugin for one run in a copy: only these tests, in this order; how long each took, and the first to fail."""

import pytest


class Chosen:
    """Picks tests by their ids and keeps the given order; all tests when no ids are given."""

    def __init__(self, ids=None, *, sqlite_only=True):
        self._ids, self._sqlite_only = ids, sqlite_only
        self.seconds, self.failed = {}, ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Leave only the chosen ones, in their order."""
        if self._sqlite_only:
            items[:] = [item for item in items if "postgresql" not in item.nodeid]
        if self._ids is not None:
            place = {name: n for n, name in enumerate(self._ids)}
            items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])

    def pytest_collectreport(self, report):
        """A module that cannot even be imported is noticed as well."""
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_runtest_logreport(self, report):
        """Add up the time of a test, and keep the first one that fails."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed = self.failed or report.nodeid
