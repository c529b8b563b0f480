"""Answers which tests run a line, the closest first; for what is set at import, which tests run a use of it."""

import ast
from collections import Counter, defaultdict

from tests.mutants.place import ROOT

SECONDS_OF_ANY_TEST = 0.5


class Seen:
    """What `measuring` measured, of all test files together."""

    def __init__(self, measured):
        self.seconds, self._users = {}, None
        self._lines = defaultdict(lambda: defaultdict(set))
        for of_tests in measured.values():
            self.seconds |= of_tests["seconds"]
            for file, lines in of_tests["lines"].items():
                for line, names in lines.items():
                    self._lines[file][int(line)].update(names)
        self._at_home = {}
        self._all_run = Counter(name for file in self._lines.values() for names in file.values() for name in names)

    def tests_for(self, mutation):
        """List the tests that ran what a mutation changes; for what is set at import, those that ran a use of it.

        The closest come first, for the time they take: those that run what few tests run of that file. What every
        test runs on its way to something else says nothing about a test.
        """
        which = set()
        if mutation.constant or not mutation.function:
            for file, line in self._uses(mutation.file, mutation.constant.split()):
                which |= self._that_ran(file, [line])
        else:
            which = self._that_ran(mutation.file, mutation.lines)
        at_home = self._at_home_in(mutation.file)

        def closeness(name):
            return at_home[name] / (SECONDS_OF_ANY_TEST + self.seconds.get(name, 0.0))

        return sorted(which, key=lambda name: (-closeness(name), self._all_run[name], name))

    def _at_home_in(self, file):
        """Tell for each test how much it is about a file: the lines it runs there, the rarer the more they count."""
        if file not in self._at_home:
            self._at_home[file] = Counter()
            for names in self._lines.get(file, {}).values():
                for name in names:
                    self._at_home[file][name] += 1 / len(names)
        return self._at_home[file]

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
