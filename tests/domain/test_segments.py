"""Segments must equal what Twilio's public calculator gives, and the preview must say why a text got longer."""

import json
from pathlib import Path

import pytest

from reminder_site.domain import segments

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def vectors():
    files = sorted((SHARED_DATA / "text").glob("segments_*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
def test_every_text_of_the_public_calculator_counts_the_same():
    cases = vectors()
    counted = [segments.count(case["text"]) for case in cases]
    wrong = [
        case["text"]
        for case, result in zip(cases, counted, strict=True)
        if (result.encoding, result.segments) != (case["encoding"], case["segments"])
    ]
    assert (len(cases), wrong) == (861, [])


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
def test_smart_encoding_counts_the_same():
    cases = [case for case in vectors() if "smart_segments" in case]
    wrong = [c["text"] for c in cases if segments.count(c["text"], smart=True).segments != c["smart_segments"]]
    assert (len(cases), wrong) == (468, [])


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("", "GSM-7", 1),
        ("7" * 160, "GSM-7", 1),
        ("7" * 161, "GSM-7", 2),
        ("7" * 306, "GSM-7", 2),
        ("7" * 307, "GSM-7", 3),
        ("|" + "7" * 159, "GSM-7", 2),
        ("7" * 152 + "|" + "7" * 150, "GSM-7", 2),
        ("7" * 152 + "|" + "7" * 152, "GSM-7", 3),
        ("Á" * 70, "UCS-2", 1),
        ("Á" * 71, "UCS-2", 2),
        ("😜" + "7" * 133, "UCS-2", 3),
        ("🇮🇹" + "7" * 66, "UCS-2", 1),
        ("🏳️‍🌈" + "7" * 65, "UCS-2", 2),
        ("👨‍👩‍👧‍👦" * 7, "UCS-2", 2),
        ("e" + "\u0301" * 200, "UCS-2", 3),
    ],
)
def test_edges_fall_where_the_reference_puts_them(text, encoding, expected):
    result = segments.count(text)
    assert (result.encoding, result.segments) == (encoding, expected)


def test_what_reads_as_one_character_is_never_split():
    for whole in ("🇮🇹", "👍🏽", "👩‍⚕️", "한", "n\u0303\u0301", "\r\n"):
        assert list(segments._graphemes("a" + whole + "b")) == ["a", whole, "b"]
    assert list(segments._graphemes("🇮🇹🇫🇷")) == ["🇮🇹", "🇫🇷"]


def test_the_reason_names_the_character_that_costs_more():
    assert segments.offending("Martí’s “í”") == ["í", "’", "“", "”"]
    assert segments.count("Martí").reason.startswith("“í” is outside the plain SMS alphabet")
    assert "no-break space (U+00A0)" in segments.count("12\u00a0High St").reason
    assert segments.count("“a” – b…").reason.startswith(
        "“ (left double quotation mark), ” (right double quotation mark), – (en dash) and 1 more are outside"
    )
    assert segments.count("Günther à Å €5 [ok]").reason is None


def test_smart_encoding_replaces_look_alikes_and_leaves_letters_alone():
    assert segments.smarten("“Ann’s” – ½ …\u200b\u00a0ＡＢ１") == '"Ann\'s" - 1/2 ... AB1'
    assert segments.smarten("Martí Łukasz 漢 😜") == "Martí Łukasz 漢 😜"
