"""Where the project's own files are, and how the tests about the code read them."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "reminder_site"
TEMPLATES = ROOT / "templates"


class Module(NamedTuple):
    """One Python file: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self):
        return self.text.count("\n")

    @property
    def functions(self):
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@cache
def modules(folder):
    """Read every Python file beneath a top-level folder of the project."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [Module(str(p.relative_to(ROOT)), text := p.read_text(), ast.parse(text)) for p in paths]


@cache
def templates():
    """Read every template: (path from the root, text)."""
    return [(str(p.relative_to(ROOT)), p.read_text()) for p in sorted(TEMPLATES.rglob("*.html"))]


def length(node):
    """Count the lines of a function as they stand, decorators aside."""
    return node.end_lineno - node.lineno + 1
