"""Free text comes back exactly as typed or is refused in words; nothing is changed silently."""

import json
from pathlib import Path

import pytest

from reminder_site.domain import text_safety
from reminder_site.domain.text_safety import TextRefused, clean_line, clean_text, strip_controls

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def trimmed(text):
    return text_safety._trimmed(text, text_safety._MARKS_AROUND)


def outcome(text, door=clean_line):
    try:
        return door(text, 2_000)
    except TextRefused as refused:
        return refused


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
def test_naughty_strings_come_back_unchanged_or_are_refused_in_words():
    naughty = json.loads((SHARED_DATA / "text" / "blns.json").read_text("utf-8"))
    results = [(text, outcome(text)) for text in naughty]
    refused = [result for _, result in results if isinstance(result, TextRefused)]
    changed = [text for text, result in results if isinstance(result, str) and result != trimmed(text)]
    assert (len(naughty), changed) == (515, [])
    assert 0 < len(refused) < 30
    assert all(result.words for result in refused)
    assert all(trimmed(text) in text for text in naughty)


@pytest.mark.parametrize(
    "name", ["Martí", "Zoe\u0308", "O’Brien-Łuczak", "محمد", "山田 太郎", "Ann  Lee", "Ann\u200dLee"]
)
def test_names_of_any_script_stay_byte_for_byte(name):
    assert clean_line(f" \u00a0{name}\r\n", 40) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ann\x00Lee", "a hidden control character (U+0000) after “Ann”"),
        ("\x07Ann", "(U+0007) at the beginning"),
        ("Ann\x9bLee", "(U+009B)"),
        ("Ann\u202eLee", "a hidden mark that reorders letters (U+202E) after “Ann”"),
        ("Ann\ud83dLee", "half a character after “Ann”"),
        ("Ann\nLee", "a line break after “Ann”"),
        ("Ann\u2028Lee", "a line break after “Ann”"),
        ("Ann\tLee", "a tab after “Ann”"),
        ("x" * 41, "This has 41 characters; at most 40 fit."),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(text, words):
    with pytest.raises(TextRefused) as caught:
        clean_line(text, 40)
    assert words in caught.value.words


def test_notes_keep_their_lines():
    assert clean_text("\r\nfirst\r\n\tsecond\rthird \n", 100) == "first\n\tsecond\nthird"
    with pytest.raises(TextRefused, match="U\\+0008"):
        clean_text("first\n\x08", 100)


def test_texts_on_their_way_lose_only_what_must_not_travel():
    assert strip_controls("a\x00b\u202ec\r\nd\te\x85f\ud83dg") == "abc\nd\tef\ufffdg"
    assert strip_controls("Martí, 👩‍⚕️ 2:30pm") == "Martí, 👩‍⚕️ 2:30pm"


@pytest.mark.parametrize(
    "pasted", ["\u202aAnn Lee\u202c", "\u2068Ann Lee\u2069", " \u200eAnn Lee\u200f ", "\ufeffAnn Lee\u200b"]
)
def test_marks_of_direction_around_a_pasted_name_are_dropped(pasted):
    assert clean_line(pasted, 40) == "Ann Lee"


@pytest.mark.parametrize("empty", ["\u2060", "\u3164", "\u2800\u2800", "\u0301", "\U000e0061", "\ufe0f\u034f"])
@pytest.mark.parametrize("door", [clean_line, clean_text])
def test_what_nobody_can_see_is_refused(empty, door):
    assert "nothing in this that can be seen" in outcome(empty, door).words


@pytest.mark.parametrize("seen", ["x", "-", "7", "🦉", "\u0e01\u0e33", "م"])
def test_whatever_can_be_seen_is_taken(seen):
    assert clean_line(seen, 40) == seen
