"""Small enough to be read in one go: limits on modules, functions, tests and templates; and a docstring where owed."""

import ast

import pytest

from tests.conventions.source import ROOT, length, modules, templates

MODULE_LINES = 300
TEST_MODULE_LINES = 500
FUNCTION_LINES = 40
TEST_LINES = 30
TEMPLATE_LINES = 120
MACRO_FILE_LINES = 150
DOCSTRING_LINES = 4


@pytest.mark.parametrize(("folder", "limit"), [("reminder_site", MODULE_LINES), ("tests", TEST_MODULE_LINES)])
def test_a_module_is_short(folder, limit):
    assert not [(module.path, module.lines) for module in modules(folder) if module.lines > limit]


@pytest.mark.parametrize("folder", ["reminder_site", "migrations"])
def test_a_function_is_short(folder):
    long = [(m.path, f.name, length(f)) for m in modules(folder) for f in m.functions if length(f) > FUNCTION_LINES]
    assert not [row for row in long if row[1] not in {"upgrade", "downgrade"}]


def test_a_test_is_short():
    tests = [(m.path, f) for m in modules("tests") for f in m.functions if f.name.startswith("test_")]
    assert not [(path, test.name, length(test)) for path, test in tests if length(test) > TEST_LINES]


def test_a_template_is_short():
    sizes = {path: text.count("\n") for path, text in templates()}
    limits = {path: MACRO_FILE_LINES if "/parts/" in path else TEMPLATE_LINES for path in sizes}
    assert not {path: lines for path, lines in sizes.items() if lines > limits[path]}


@pytest.mark.parametrize("module", modules("reminder_site"), ids=lambda module: module.path)
def test_a_module_says_what_it_owns(module):
    said = ast.get_docstring(module.tree)
    assert said or not module.text.strip(), (
        "begin the module with one to three lines: what it owns, what it must not know"
    )
    assert not said or said.count("\n") < DOCSTRING_LINES, "three lines will do"


def test_every_public_rule_and_action_says_what_it_does():
    silent = [
        f"{module.path}: {node.name}"
        for room in ("domain", "actions", "queries")
        for module in modules(f"reminder_site/{room}")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if not ast.get_docstring(node)
    ]
    assert not silent


def test_no_file_has_a_name_that_says_nothing():
    empty_words = {"utils", "util", "helpers", "manager", "managers", "common", "services", "misc"}
    named = [path for path in (ROOT / "reminder_site").rglob("*") if path.stem in empty_words]
    assert not named
