"""docs/security.md speaks of every item of ASVS 5.0.0 of levels 1 and 2, once, and names only tests that there are."""

import ast
import re
from collections import Counter
from functools import cache

from tests.conventions.source import ROOT

# The level of each item of a section, in order: 1.2 has ten, of which the first five are of level 1.
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23", "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122", "15.1": "12233", "15.2": "12233", "15.3": "1222222",
    "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
STATES = {"holds", "read", "in part", "fails", "not here"}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows():
    lines = (ROOT / "docs" / "security.md").read_text().partition("| item |")[2].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def items(level):
    return {
        f"{section}.{place}"
        for section, levels in LEVELS.items()
        for place, of in enumerate(levels, 1)
        if of == str(level)
    }


@cache
def functions_of(path):
    file = ROOT / path
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_standard_has_as_many_items_as_it_says():
    assert [len(items(level)) for level in (1, 2, 3)] == [70, 183, 92]


def test_every_item_of_levels_1_and_2_is_spoken_of_once():
    named = [item for row in rows() for item in row[0].split(", ")]
    assert sorted(named) == sorted(items(1) | items(2))


def test_every_row_says_how_it_stands():
    assert [row for row in rows() if len(row) != 4 or row[2] not in STATES or not row[3]] == []


def test_every_test_that_is_named_is_there():
    named = [(path, name) for row in rows() for path, name in TEST.findall(row[3])]
    assert len(named) > 100
    assert [(path, name) for path, name in named if name not in functions_of(path)] == []


def test_every_test_is_named_in_full():
    assert [row for row in rows() if row[3].count("tests/") != len(TEST.findall(row[3]))] == []


def test_what_holds_names_the_test_or_the_rule_that_keeps_it():
    assert [row for row in rows() if row[2] == "holds" and not re.search(r"`tests/|\blint\b", row[3])] == []


def test_the_page_counts_as_its_table_does():
    states = Counter(row[2] for row in rows() for _ in row[0].split(", "))
    order = "holds", "read", "in part", "fails", "not here"
    said = "Of the 253 items {} hold, {} were read, {} hold in part, {} fail, {} are not here."
    assert said.format(*(states[state] for state in order)) in (ROOT / "docs" / "security.md").read_text()
