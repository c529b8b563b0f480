"""Measures with coverage which tests run which lines, and how long each takes.

What was measured of a test file is kept in .pytest_cache until that file, the site or what all tests share changes.
"""

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
RULES = "[run]\nsource = reminder_site\n"
OUTSIDE = {"benchmarks", "browser", "campaigns", "conventions", "model", "mutants", "sandbox", "supervisor"}


def measured(*, stores, say):
    """Return for each test file, by its path: {"seconds": by test, "lines": file by file the tests that ran each}."""
    base = _shared(stores)
    kept_in = {path: KEPT / f"{_digest(base, ROOT / path)}.json" for path in _test_files()}
    missing = [path for path, file in kept_in.items() if not file.exists()]
    if missing:
        say(f"measuring which lines {len(missing)} test files run, once for this state of the code")
        KEPT.mkdir(parents=True, exist_ok=True)
        told, failed = _measure(missing, stores)
        for path in told.keys() - {name.partition("::")[0] for name in failed}:
            kept_in[path].write_text(json.dumps(told[path]))
        for old in set(KEPT.glob("*.json")) - set(kept_in.values()):
            old.unlink()
        if failed:
            raise SystemExit("\n".join(["without any change these tests fail already:", *failed]))
    return {path: json.loads(file.read_text()) for path, file in kept_in.items()}


def _test_files():
    return sorted(str(path.relative_to(ROOT)) for test in TESTS for path in (ROOT / test).rglob("test_*.py"))


def _shared(stores):
    """Name the contents of all that every test depends on."""
    digest = hashlib.sha256(f"{sys.version} {stores}".encode())
    for name in COPIED:
        whole = ROOT / name
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_file() and path.suffix != ".pyc" and not _is_of_some_tests(path.relative_to(ROOT)):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _is_of_some_tests(path):
    return path.parts[0] == "tests" and (path.parts[1] in OUTSIDE or path.name.startswith("test_"))


def _digest(base, file):
    return hashlib.sha256(base.encode() + str(file.relative_to(ROOT)).encode() + file.read_bytes()).hexdigest()[:32]


def _measure(files, stores):
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Place(folder)
        rules, times, data = (Path(folder) / name for name in ("coveragerc", "seconds.json", "coverage"))
        rules.write_text(RULES)
        plain = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.mutants.timing"]
        cover = ["--cov", "--cov-report=", f"--cov-config={rules}", "--cov-context=test"]
        command = [*plain, *cover, *([] if stores else ["-k", "not postgresql"]), *files]
        env = os.environ | {"COVERAGE_FILE": str(data), "SECONDS_FILE": str(times)}
        env |= {} if stores else {"TEST_STORE": "sqlite"}
        done = subprocess.run(command, cwd=place.folder, env=env, capture_output=True, text=True)
        if done.returncode not in {0, 1, 5}:
            raise SystemExit(f"the tests could not be run:\n{done.stdout[-3000:]}")
        timed = json.loads(times.read_text())
        return _by_test_file(files, data, place.folder, timed["seconds"]), timed["failed"]


def _by_test_file(files, data_file, folder, seconds):
    """Turn the coverage data around: for each test file and each line the tests of that file that ran it."""
    told = {path: {"seconds": {}, "lines": defaultdict(dict)} for path in files}
    for name, taken in seconds.items():
        told[name.partition("::")[0]]["seconds"][name] = taken
    data = CoverageData(basename=str(data_file))
    data.read()
    for source in data.measured_files():
        file = str(Path(source).relative_to(folder))
        for line, contexts in data.contexts_by_lineno(source).items():
            for name in {context.partition("|")[0] for context in contexts if "::" in context}:
                told[name.partition("::")[0]]["lines"][file].setdefault(line, []).append(name)
    return told
