"""Which tests run which line, and how long each takes: found out with coverage, kept as long as no file changes."""

import ast
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from coverage import CoverageData

from tests.mutants.place import COPIED, ROOT, TESTS, Place

KEPT = ROOT / ".pytest_cache" / "mutants"
RULES = "[run]\nsource = reminder_site\n[report]\nshow_missing = false\n"


class Seen:
    """Answers for a line which tests ran it, the quickest first."""

    def __init__(self, told):
        self.seconds = told["seconds"]
        self._names = told["tests"]
        self._lines = {file: {int(n): which for n, which in lines.items()} for file, lines in told["lines"].items()}
        self._users = None

    def tests_for(self, mutation):
        """List the tests that ran what a mutation changes; for what is set at import, those that ran a use of it."""
        which = set()
        if mutation.constant or not mutation.function:
            for file, line in self._uses(mutation.file, mutation.constant.split()):
                which |= self._that_ran(file, [line])
        else:
            which = self._that_ran(mutation.file, mutation.lines)
        names = [self._names[n] for n in which]
        return sorted(names, key=lambda name: self.seconds.get(name, 0.0))

    def _that_ran(self, file, lines):
        known = self._lines.get(file, {})
        return {test for line in lines for test in known.get(line, ())}

    def _uses(self, file, names):
        """Find where a constant is used: inside functions, and in constants made of it."""
        if self._users is None:
            self._users = _users()
        found, asked, todo = set(), set(), set(names)
        while todo:
            name = todo.pop()
            asked.add(name)
            places, constants = self._users.get(name, (set(), set()))
            found |= places
            todo |= constants - asked
        return found or {(file, line) for line in self._lines.get(file, {})}


def _users():
    """For each name in capitals: the lines inside functions that use it, and the constants that are made of it."""
    users = defaultdict(lambda: (set(), set()))
    for path in sorted((ROOT / "reminder_site").rglob("*.py")):
        file, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
        inside = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for function in inside:
            for name, line in _used(function):
                users[name][0].add((file, line))
        for statement in tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                made = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and _is_stored(node)}
                for name, _ in _used(statement):
                    users[name][1].update(made)
    return users


def _used(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Name) and not _is_stored(node):
            yield node.id, node.lineno


def _is_stored(node):
    return isinstance(node.ctx, ast.Store)


def seen(*, stores, say):
    """Return what is known about the code as it is now, found out first if it is not known yet."""
    file = KEPT / f"{_fingerprint(stores)}.json"
    if not file.exists():
        say("finding out which tests run which lines, once for this state of the code")
        KEPT.mkdir(parents=True, exist_ok=True)
        told = _find_out(stores)
        for old in KEPT.glob("*.json"):
            old.unlink()
        file.write_text(json.dumps(told))
    return Seen(json.loads(file.read_text()))


def _fingerprint(stores):
    """Name the contents of all that the tests depend on."""
    digest = hashlib.sha256(f"{sys.version} {stores} {TESTS}".encode())
    for name in COPIED:
        whole = ROOT / name
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_file() and path.suffix != ".pyc" and "tests/mutants" not in str(path):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _find_out(stores):
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Place(folder)
        rules, times, data = (Path(folder) / name for name in ("coveragerc", "seconds.json", "coverage"))
        rules.write_text(RULES)
        there = [test for test in TESTS if (place.folder / test).exists()]
        plain = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.mutants.timing"]
        cover = ["--cov", "--cov-report=", f"--cov-config={rules}", "--cov-context=test"]
        command = [*plain, *cover, *([] if stores else ["-k", "not postgresql"]), *there]
        env = os.environ | {"COVERAGE_FILE": str(data), "SECONDS_FILE": str(times)}
        done = subprocess.run(command, cwd=place.folder, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"without any change the tests fail already:\n{done.stdout[-3000:]}")
        return _digest(data, place.folder, json.loads(times.read_text()))


def _digest(file, folder, seconds):
    """Turn the coverage data around: for each line the numbers of the tests that ran it."""
    data = CoverageData(basename=str(file))
    data.read()
    tests, lines = {}, {}
    for path in data.measured_files():
        of_file = lines.setdefault(str(Path(path).relative_to(folder)), {})
        for line, contexts in data.contexts_by_lineno(path).items():
            names = {context.partition("|")[0] for context in contexts if context}
            if names:
                of_file[line] = sorted(tests.setdefault(name, len(tests)) for name in names)
    return {"tests": list(tests), "lines": lines, "seconds": seconds}
