"""A change is tried in a copy, against the tests that ran its line; one that none of them misses is a survivor."""

import shutil

import pytest

from tests.mutants import equivalent, scope
from tests.mutants.finding import mutations_of
from tests.mutants.place import ROOT
from tests.mutants.running import Order, try_all, where_it_shows
from tests.mutants.seen import Seen

DOOR = '''"""A door."""

GUESTS = frozenset({"Alice"})


def opens(name, hour):
    if name not in GUESTS:
        return False
    if hour > 22:
        return False
    return True
'''
TESTS = """from reminder_site.door import opens


def test_a_stranger_stays_outside():
    assert not opens("Bob", 12)


def test_a_guest_comes_in():
    assert opens("Alice", 12)
"""


@pytest.fixture
def project(tmp_path):
    """A site of one module with two tests, of which none knows that the door is closed at night."""
    home = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "mutants", home / "tests" / "mutants", ignore=shutil.ignore_patterns("test_*"))
    for name, text in {"reminder_site/door.py": DOOR, "tests/domain/test_door.py": TESTS}.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    (home / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    return home


@pytest.mark.slow
def test_what_a_test_misses_is_noticed_and_what_none_misses_survives(project):
    of_file = "tests/domain/test_door.py::test_a_"
    names = [f"{of_file}stranger_stays_outside", f"{of_file}guest_comes_in"]
    ran = {"reminder_site/door.py": {"7": names, "9": names[1:]}}
    seen = Seen({"tests/domain/test_door.py": {"seconds": dict.fromkeys(names, 0.1), "lines": ran}})
    mutations = [m for m in mutations_of("reminder_site/door.py", DOOR) if m.function]
    tried = try_all(mutations, seen, project=project, at_once=1)
    assert [(t.mutation.kind, t.noticed_by, t.asked) for t in tried] == [
        ("guard", names[0], 2),
        ("guard", "", 1),
        ("boundary", "", 1),
    ]
    assert (project / "reminder_site" / "door.py").read_text() == DOOR


def test_the_closest_tests_are_asked_first_and_one_with_other_values_late():
    near, far = ["tests/x.py::near[1]", "tests/x.py::near[2]"], "tests/x.py::far"
    ran = {"reminder_site/door.py": {"7": [far, *near]}, "reminder_site/hall.py": {"1": [far], "2": [far]}}
    seen = Seen({"tests/x.py": {"seconds": dict.fromkeys([far, *near], 0.1), "lines": ran}})
    mutation = mutations_of("reminder_site/door.py", DOOR)[1]
    assert seen.tests_for(mutation) == [*near, far]
    assert Order().of(seen.tests_for(mutation), mutation) == [near[0], far, near[1]]


def test_the_test_that_noticed_a_change_is_asked_first_in_the_next_run(tmp_path):
    mutations, names = mutations_of("reminder_site/door.py", DOOR), ["tests/x.py::one", "tests/x.py::two"]
    Order(tmp_path / "noticed.json").learn(names[1], mutations[1])
    assert Order(tmp_path / "noticed.json").of(names, mutations[1]) == names[::-1]
    Order(tmp_path / "noticed.json").learn("", mutations[1])
    assert Order(tmp_path / "noticed.json").of(names, mutations[1]) == names


def test_about_locks_tests_are_asked_on_postgresql():
    source = "def book(session):\n    locks.hold(session, 'book')\n    audit.record(session)\n"
    locked, audited = mutations_of("reminder_site/door.py", source)
    assert where_it_shows(["x::a[sqlite-1]"], locked, False) == (["x::a[postgresql-1]"], True)
    assert where_it_shows(["x::a[sqlite-1]"], audited, False) == (["x::a[sqlite-1]"], False)


def test_the_list_of_equivalent_changes_names_only_what_is_there():
    assert equivalent.apart(scope.all_mutations(), equivalent.known())[2] == []
