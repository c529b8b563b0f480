"""Finds what can be taken out of a module, by reading its syntax tree: guards, filters, boundaries, limits, calls."""

import ast
import re
from dataclasses import dataclass

LEAVES = ast.Return | ast.Raise | ast.Continue | ast.Break
BOUNDARIES = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">")}
CONDITIONS = {"is_", "is_not", "in_", "not_in", "between", "startswith", "contains", "is_not_distinct_from"}
FILTERS = {"where", "filter", "and_"}
# What these do no test can miss: they log, order the writes of one transaction, tidy up, are there for trials, or
# matter only when the power fails.
NOT_A_PROMISE = {
    "flush", "refresh", "rollback", "remove", "expire_all", "expunge_all", "close", "sleep", "debug", "info", "warning",
    "error", "exception", "flash", "reach", "__init__", "fsync", "sync_file", "sync_folder",
}  # fmt: skip
# Decorators that say what a function is; all others guard it.
NO_GUARD = {
    "get", "post", "route", "before_request", "after_request", "errorhandler", "property", "staticmethod",
    "classmethod", "dataclass", "cache", "contextmanager",
}  # fmt: skip
SMALL_SET = 8
# What a promise may hang on, by the names that stand in what is taken out; the first that fits.
CONCERNS = {
    "audit": r"^audit\.",
    "clinic": r"clinic_id|clinic\.id|\bclinics\b",
    "opt-out": r"opt_out|opted|OptOut|consent|reminders_on",
    "nonce": r"nonce",
    "permission": r"role|\bmay_(?!have|leave)|permi|^@",
    "fence": r"fence|lease|attempt|absent|version|wanted|\bsid\b|locks\.|locked|replaces|round\b",
    "state": r"state|_at\.is_|ended_at|handled_at|phone_flag|texting_on",
    "row": r"\bid (?:==|!=) |\bid\.in_",
}


@dataclass(frozen=True)
class Mutation:
    """One change: `before` becomes `after` at those characters of a file.

    It concerns the tests that ran one of `lines`; `constant` names what is set there when that happens at import.
    """

    file: str
    function: str
    kind: str
    before: str
    after: str
    start: int
    end: int
    lines: tuple[int, ...]
    constant: str = ""
    taken: str = ""

    @property
    def line(self):
        return self.lines[0]

    @property
    def concern(self):
        """Name what a promise may hang on here; empty for what only shapes an answer."""
        found = next((name for name, words in CONCERNS.items() if re.search(words, self.taken)), "")
        return found or ("limit" if self.kind in {"limit", "boundary"} else "")

    def applied_to(self, source):
        """Return the text of the file with this change made."""
        return source[: self.start] + self.after + source[self.end :]


def mutations_of(file, source):
    """List all that can be taken out of a module, in the order of its lines."""
    finder = _Finder(file, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutation: (mutation.start, mutation.end, mutation.after))


class _Finder(ast.NodeVisitor):
    def __init__(self, file, source):
        self.file, self.source, self.found = file, source, []
        self._path, self._functions, self._statement, self._constant = [], 0, None, ""
        self._begins, offset = [], 0
        for line in source.splitlines(keepends=True):
            self._begins.append(offset)
            offset += len(line)
        self._rows = source.splitlines(keepends=True)

    # What is walked through, and what is passed by

    def visit(self, node):
        if isinstance(node, ast.JoinedStr | ast.Assert):
            return  # places inside an f-string are not told exactly
        outer = self._statement, self._constant
        if isinstance(node, ast.stmt):
            self._statement = node
            if not self._functions and isinstance(node, ast.Assign | ast.AnnAssign):
                self._constant = self._path[0] if self._path else " ".join(_names(node))
        super().visit(node)
        self._statement, self._constant = outer

    def visit_FunctionDef(self, node):
        self._decorators(node)
        self._path.append(node.name)
        self._functions += 1
        predicate = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        for child in node.body:
            self.visit(child)
        if predicate:
            for child in ast.walk(node):
                if isinstance(child, ast.Return) and child.value and not isinstance(child.value, ast.Constant):
                    self._statement = child
                    self._add("answer", child.value, "True")
        self._functions -= 1
        self._path.pop()

    def visit_ClassDef(self, node):
        self._path.append(node.name)
        for child in node.body:
            self.visit(child)
        self._path.pop()

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self._limit(node.target, node.value)
            self.visit(node.value)

    def visit_Assign(self, node):
        self._limit(node.targets[0], node.value)
        self._conditions(node.value)
        self.visit(node.value)

    # What is taken out

    def visit_If(self, node):
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if not node.orelse and _ends(node.body[-1]):
            self._add("guard", node.test, "False")
        self.generic_visit(node)

    def visit_comprehension(self, node):
        for condition in node.ifs:
            self._add("filter", condition, "True")
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        word = " and " if isinstance(node.op, ast.And) else " or "
        is_default = word == " or " and isinstance(node.values[-1], ast.Constant | ast.Dict | ast.List | ast.Tuple)
        for left_out in () if is_default else [value for value in node.values if not _only_for_none(value, node)]:
            rest = [self._whole(value) for value in node.values if value is not left_out]
            self._add("operand", node, word.join(rest), self._text(left_out))
        self.generic_visit(node)

    def visit_Compare(self, node):
        sides = [node.left, *node.comparators]
        for n, operator in enumerate(node.ops):
            if type(operator) in BOUNDARIES:
                is_now, becomes = BOUNDARIES[type(operator)]
                start, end = self._span(sides[n])[1], self._span(sides[n + 1])[0]
                between = self.source[start:end].replace(is_now, becomes, 1)
                first, last = self._span(node)
                self._add("boundary", node, self.source[first:start] + between + self.source[end:last])
        self.generic_visit(node)

    def visit_Call(self, node):
        if _last_name(node.func) in FILTERS:
            for condition in node.args:
                if not isinstance(condition, ast.Starred | ast.Constant | ast.Name):
                    self._add("filter", condition, "True")
        for keyword in node.keywords:
            if keyword.arg == "nonce" and not isinstance(keyword.value, ast.Constant):
                self._add("nonce", keyword.value, '""')
            if _last_name(node.func) in {"add", "subtract"} and keyword.arg and _number(keyword.value):
                self._add("limit", keyword.value, _doubled(keyword.value))
        self.generic_visit(node)

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Call) and _last_name(node.value.func) not in NOT_A_PROMISE:
            self._add("call", node, "pass", self._text(node.value.func))
        self.generic_visit(node)

    def visit_Set(self, node):
        plain = all(isinstance(item, ast.Constant | ast.Name | ast.Attribute) for item in node.elts)
        if plain and len(node.elts) <= SMALL_SET:
            for left_out in node.elts:
                rest = [self._text(item) for item in node.elts if item is not left_out]
                self._add("member", node, f"{{{', '.join(rest)}}}" if rest else "set()")
        self.generic_visit(node)

    def _decorators(self, node):
        for decorator in node.decorator_list:
            if "/web/" in self.file and _last_name(decorator) not in NO_GUARD:
                start, end = self._span(decorator)
                self._statement = node
                self._keep("decorator", f"@{self._text(decorator)}", "", start - 1, end)

    def _conditions(self, value):
        """Filters that are given a name before they are used: one, or several in a tuple or a list."""
        several = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
        if any(_is_condition(one) for one in several):
            for one in several:
                if not isinstance(one, ast.Starred | ast.Constant):
                    self._add("filter", one, "True")

    def _limit(self, target, value):
        """A number that has a name: of a module, or the default of a class."""
        for one in value.elts if isinstance(value, ast.Tuple) else [value]:
            if not self._functions and isinstance(target, ast.Name | ast.Tuple) and _number(one):
                self._add("limit", one, _doubled(one))

    # Places and texts

    def _add(self, kind, node, after, taken=""):
        start, end = self._span(node)
        self._keep(kind, self.source[start:end], after, start, end, taken)

    def _keep(self, kind, before, after, start, end, taken=""):
        names = self.file, ".".join(self._path), kind, before, after
        self.found.append(Mutation(*names, start, end, self._lines(), self._constant, taken or before))

    def _lines(self):
        """The lines that are run for the statement itself, without those inside it."""
        statement = self._statement
        body = getattr(statement, "body", None)
        if isinstance(statement, ast.FunctionDef):
            return tuple(range(body[0].lineno, statement.end_lineno + 1))
        last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
        return tuple(range(statement.lineno, last + 1))

    def _span(self, node):
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line, column):
        return self._begins[line - 1] + len(self._rows[line - 1].encode()[:column].decode())

    def _text(self, node):
        start, end = self._span(node)
        return self.source[start:end]

    def _whole(self, node):
        text = self._text(node)
        return f"({text})" if isinstance(node, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Lambda) else text


def _ends(statement):
    """Say whether a branch leaves by its last statement."""
    aborts = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return isinstance(statement, LEAVES) or (aborts and _last_name(statement.value.func) == "abort")


def _only_for_none(value, operation):
    """Say whether an operand only asks if something is None that the others then use: without it they would fail."""
    if not (isinstance(value, ast.Compare) and isinstance(value.ops[0], ast.Is | ast.IsNot) and len(value.ops) == 1):
        return False
    asked = ast.dump(value.left)
    rest = [node for other in operation.values if other is not value for node in ast.walk(other)]
    return ast.unparse(value.comparators[0]) == "None" and asked in {
        ast.dump(n) for n in rest if isinstance(n, ast.expr)
    }


def _is_condition(node):
    """Say whether something is a condition of a query: a column compared, or asked about."""
    if isinstance(node, ast.Compare):
        return isinstance(node.left, ast.Attribute) and _is_column(node.left)
    return isinstance(node, ast.Call) and _last_name(node.func) in CONDITIONS and _is_column(node.func.value)


def _is_column(node):
    root = node
    while isinstance(root, ast.Attribute | ast.Call):
        root = root.value if isinstance(root, ast.Attribute) else root.func
    through_c = isinstance(node, ast.Attribute) and _last_name(node.value) == "c"
    return through_c or (isinstance(root, ast.Name) and root.id[0].isupper() and not root.id.isupper())


def _last_name(node):
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _names(statement):
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return sorted({node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)})


def _number(node):
    return isinstance(node, ast.Constant) and type(node.value) in {int, float}


def _doubled(node):
    return str(node.value * 2 if node.value else 1)
