"""Tries changes, some at a time, each against the tests that ran the changed lines."""

import json
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.finding import Mutation
from tests.mutants.place import ROOT, Place

AT_ONCE = 2
SECONDS_AT_LEAST, TIMES_AS_LONG = 60, 8
FIRST = 20  # asked by themselves, for every test module that has to be read costs time
LOCKS = re.compile(r"\blocks\.|with_for_update")
HEAD_START = 5  # places, so that the second or third test of a list may come second or third
NOTICED = ROOT / ".pytest_cache" / "mutants-noticed.json"


@dataclass(frozen=True)
class Tried:
    """What came of one change: the test that noticed it (empty: none did), and how many were asked."""

    mutation: Mutation
    noticed_by: str
    asked: int


def try_all(mutations, seen, *, stores=False, most=None, heard=lambda tried: None, project=ROOT, at_once=AT_ONCE):
    """Try all these changes; `heard` is told of each as it comes. Returns what came of them, in their order."""
    waiting, found, order = queue.Queue(), {}, Order(NOTICED if project == ROOT else None)
    for number, mutation in enumerate(mutations):
        waiting.put((number, mutation))

    def work():
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder, Stand(folder, project, order) as stand:
            while True:
                try:
                    number, mutation = waiting.get_nowait()
                except queue.Empty:
                    return
                found[number] = stand.try_one(mutation, seen, stores, most)
                heard(found[number])

    threads = [threading.Thread(target=work) for _ in range(min(at_once, len(mutations)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != len(mutations):
        raise SystemExit("a copy of the code came to an end before its work was done")
    return [found[number] for number in sorted(found)]


class Order:
    """Which tests are asked first: those that noticed this change or something near, then each test once.

    What was noticed is kept in a file, if one is named, so that the next run asks the right tests at once.
    """

    def __init__(self, file=None):
        self._file, self._by, self._one_at_a_time = file, {}, threading.Lock()
        if file and file.exists():
            self._by = {tuple(change): name for *change, name in json.loads(file.read_text())}
        self._noticed = Counter()
        for (place, function, *_), name in self._by.items():
            self._noticed.update([(name, place, ""), (name, place, function)])

    def of(self, ids, mutation):
        """Put tests, the closest of which come first, into this order; with other values a test is asked again late."""
        stem, room = Path(mutation.file).stem.rstrip("s"), Path(mutation.file).parent.name
        times, rank, noticed_it = Counter(), {}, self._by.get(_change(mutation))
        for place, name in enumerate(ids):
            function, file = name.partition("[")[0], name.partition("::")[0]
            times[function] += 1
            near = self._noticed[name, mutation.file, mutation.function] + (f"/{room}/" in file) + (stem in file)
            rank[name] = name != noticed_it, (place + HEAD_START) * times[function] ** 0.5 / (1 + near)
        return sorted(ids, key=rank.get)

    def learn(self, name, mutation):
        """Remember which test noticed a change, and where that was."""
        with self._one_at_a_time:
            self._by.pop(_change(mutation), None)
            if name:
                self._noticed.update([(name, mutation.file, ""), (name, mutation.file, mutation.function)])
                self._by[_change(mutation)] = name
            if self._file:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(json.dumps([[*change, test] for change, test in self._by.items()]))


def where_it_shows(ids, mutation, stores):
    """Ask about locks, of which SQLite has none, the same tests on PostgreSQL; say whether that is needed as well."""
    if LOCKS.search(mutation.taken):
        return [name.replace("[sqlite", "[postgresql") for name in ids], True
    return ids, stores


def _change(mutation):
    return mutation.file, mutation.function, mutation.before, mutation.after


class Stand:
    """A copy of the code, and the process that runs tests in it."""

    def __init__(self, folder, project=ROOT, order=None):
        self.place, self.order = Place(folder, project), order or Order()
        command = [sys.executable, "-m", "tests.mutants.stand"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self.process = subprocess.Popen(command, cwd=self.place.folder, **pipes)

    def __enter__(self):
        told = self._ask({"ids": [], "seconds": 600, "warm": True})
        if told["failed"]:
            raise SystemExit(f"the tests cannot be collected in a copy: {told['failed']}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def try_one(self, mutation, seen, stores=False, most=None):
        """Make a change, ask the tests that ran those lines, the `most` likely ones, and put it back."""
        ids = self.order.of(seen.tests_for(mutation), mutation)[:most]
        ids, stores = where_it_shows(ids, mutation, stores)
        if not ids:
            return Tried(mutation, "", 0)
        put_back = self.place.change(mutation)
        try:
            failed = self._first_to_fail(ids[:FIRST], seen, stores) or self._first_to_fail(ids[FIRST:], seen, stores)
        finally:
            put_back()
        self.order.learn(failed, mutation)
        return Tried(mutation, failed, len(ids))

    def _first_to_fail(self, ids, seen, stores):
        longest = SECONDS_AT_LEAST + TIMES_AS_LONG * sum(seen.seconds.get(name, 0.0) for name in ids)
        return self._ask({"ids": ids, "seconds": longest, "stores": stores})["failed"] if ids else ""

    def passes(self, ids, stores):
        """Say whether these tests pass as the copy stands."""
        return not self._ask({"ids": ids, "seconds": 600, "stores": stores})["failed"]

    def _ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        if told.get("broken"):
            raise SystemExit(f"the tests could not be run: {told['broken']}")
        return told
