"""What can be taken out of a module is found by reading it; what is known to make no difference is told apart."""

import pytest

from tests.mutants import equivalent, scope
from tests.mutants.__main__ import report
from tests.mutants.finding import mutations_of
from tests.mutants.running import Tried

SAMPLE = """
LONGEST = 40
OPEN = frozenset({"a", "b"})


def find(session, clinic_id, now, *, told=f"{1 < 2}"):
    mine = Message.clinic_id == clinic_id, Message.state.in_(OPEN)
    rows = session.scalars(select(Message).where(*mine, Message.send_at < now.subtract(days=2)))
    audit.record(session, what="read", now=now)
    log.info("read")
    if not told or (now is None and LONGEST):
        raise NotHere
    return take(nonce=told, made=[row for row in rows if row.wanted])


class Room:
    places: int = 3

    def is_free(self, taken) -> bool:
        return taken < self.places
"""
FOUND = [
    ("limit", "", "40", "80"),
    ("member", "", '{"a", "b"}', '{"a"}'),
    ("member", "", '{"a", "b"}', '{"b"}'),
    ("filter", "find", "Message.clinic_id == clinic_id", "True"),
    ("filter", "find", "Message.state.in_(OPEN)", "True"),
    ("boundary", "find", "Message.send_at < now.subtract(days=2)", "Message.send_at <= now.subtract(days=2)"),
    ("filter", "find", "Message.send_at < now.subtract(days=2)", "True"),
    ("limit", "find", "2", "4"),
    ("call", "find", 'audit.record(session, what="read", now=now)', "pass"),
    ("operand", "find", "not told or (now is None and LONGEST)", "(now is None and LONGEST)"),
    ("guard", "find", "not told or (now is None and LONGEST)", "False"),
    ("operand", "find", "not told or (now is None and LONGEST)", "not told"),
    ("operand", "find", "now is None and LONGEST", "LONGEST"),
    ("operand", "find", "now is None and LONGEST", "now is None"),
    ("nonce", "find", "told", '""'),
    ("filter", "find", "row.wanted", "True"),
    ("limit", "Room", "3", "6"),
    ("answer", "Room.is_free", "taken < self.places", "True"),
    ("boundary", "Room.is_free", "taken < self.places", "taken <= self.places"),
]


@pytest.fixture
def mutations():
    return mutations_of("reminder_site/actions/rooms.py", SAMPLE)


def test_guards_filters_boundaries_limits_and_calls_are_found_and_nothing_else(mutations):
    assert sorted((m.kind, m.function, m.before, m.after) for m in mutations) == sorted(FOUND)


def test_each_change_is_made_in_its_own_place_and_leaves_a_module_that_can_be_read(mutations):
    for mutation in mutations:
        changed = mutation.applied_to(SAMPLE)
        compile(changed, mutation.file, "exec")
        assert len(changed) - len(SAMPLE) == len(mutation.after) - len(mutation.before)
        assert mutation.line <= SAMPLE[: mutation.start].count("\n") + 1 <= mutation.lines[-1]


def test_what_is_set_at_import_is_known_by_the_name_it_is_set_for(mutations):
    assert {m.constant for m in mutations if m.constant} == {"LONGEST", "OPEN", "Room"}


def test_a_question_for_none_that_the_rest_hangs_on_is_left_in():
    code = "def late(at, now):\n    return bool(at is not None and at < now and ready)\n"
    dropped = {m.after for m in mutations_of("x.py", code) if m.kind == "operand"}
    assert dropped == {"at is not None and ready", "at is not None and at < now"}


def test_a_guard_of_a_page_is_a_decorator_that_is_not_its_address():
    page = '@pages.post("/x")\n@only_for("manager")\ndef change():\n    return ""\n'
    (found,) = mutations_of("reminder_site/web/pages/rules.py", page)
    assert (found.kind, found.applied_to(page)) == ("decorator", '@pages.post("/x")\n\ndef change():\n    return ""\n')


ENTRY = """
[[equivalent]]
file = "reminder_site/actions/rooms.py"
function = "Room.is_free"
before = "taken <   self.places"
after = "True"
reason = "no room is ever full"
"""


def test_what_is_known_as_equivalent_is_not_tried_and_an_entry_for_nothing_is_stale(mutations):
    entries = equivalent.known(ENTRY + ENTRY.replace("taken <", "taken >"))
    tried, equal, stale = equivalent.apart(mutations, entries)
    assert [m.kind for m in equal] == ["answer"]
    assert len(tried) == len(mutations) - 1
    assert stale == [entries[1]]


def test_an_equivalent_without_a_reason_is_refused():
    with pytest.raises(ValueError, match="no reason"):
        equivalent.known(ENTRY.replace("no room is ever full", " "))


def test_a_file_that_is_not_tried_cannot_be_asked_for():
    assert scope.files(["actions/parking.py"]) == ["reminder_site/actions/parking.py"]
    assert len(scope.files(["queries"])) > 5
    with pytest.raises(ValueError, match="not among the files"):
        scope.files(["models/clinic.py"])


def test_a_survivor_is_named_with_its_place_and_lowers_the_percentage(mutations, capsys):
    tried = [Tried(mutation, "a test", 3) for mutation in mutations[:3]] + [Tried(mutations[3], "", 5)]
    assert report(tried, mutations[4:6]) == 75.0
    said = capsys.readouterr().out
    assert "SURVIVED reminder_site/actions/rooms.py:7 find (clinic, 5 tests)" in said
    assert "before: Message.clinic_id == clinic_id\n" in said and "after:  True\n" in said
    assert "tried 6, noticed 3, equivalent 2, survived 1: 75.0 %" in said


def test_what_a_promise_may_hang_on_is_named():
    source = (
        "def seen(session, clinic_id):\n"
        "    audit.record(session, clinic_id=clinic_id)\n"
        "    if clinic_id != 1 or row.state == 2:\n"
        "        return None\n"
        "    return rows.where(Row.clinic_id == clinic_id, Row.id == 1, Row.name == '')\n"
    )
    found = {(m.kind, m.taken): m.concern for m in mutations_of("reminder_site/queries/rows.py", source)}
    assert found["call", "audit.record"] == "audit"
    assert (found["operand", "clinic_id != 1"], found["operand", "row.state == 2"]) == ("clinic", "state")
    filters = [found["filter", f"Row.{words}"] for words in ("clinic_id == clinic_id", "id == 1", "name == ''")]
    assert filters == ["clinic", "row", ""]


def test_what_may_have_happened_is_no_permission():
    source = "def kept(entry, by):\n    return [entry.may_have_left or by.may_keep]\n"
    found = {m.taken: m.concern for m in mutations_of("reminder_site/queries/rows.py", source)}
    assert found == {"entry.may_have_left": "", "by.may_keep": "permission"}
