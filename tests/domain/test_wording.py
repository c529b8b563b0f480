"""Templates are filled by our own parser, cost one segment as shipped, and are checked in words before use."""

import json
from datetime import date, time
from pathlib import Path

import pytest

from reminder_site.domain import segments, wording

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"

_WRITTEN = """
    {{7*7}} ~ {{ 7*7 }} ~ {{7*'7'}} ~ {{config}} ~ {{ config.items() }} ~ {{self}} ~ {{__class__}} ~
    {{''.__class__.__mro__}} ~ {{request.application}} ~ {{clinic.__class__}} ~ {{clinic|upper}} ~ {{clinic()}} ~
    {{clinic[0]}} ~ {{first_name.x}} ~ {{first-name}} ~ {{Clinic}} ~ {{CLINIC}} ~ {{cl inic}} ~ {{clinic ~
    clinic}} ~ {{}} ~ {{ }} ~ {{{clinic}} ~ {{{{7*7}}}} ~ {{clinic}}}} ~ {{cliníc}} ~ {{ｃlinic}} ~
    {{lipsum.__globals__}} ~ {{cycler.__init__}} ~ {{joiner}} ~ {{namespace}} ~ {{url_for}} ~
    {{get_flashed_messages}} ~ {{g}} ~ {{session}} ~ {{dict()}} ~ {{range(9)}} ~ {{[].append}} ~ {{()}} ~ {{'a'}} ~
    {{"a"}} ~ {{1}} ~ {{true}} ~ {{clinic;first_name}} ~ {{clinic,first_name}} ~ {{clinic:>10}} ~ {{clinic!r}} ~
    {{%clinic%}}
"""
PAYLOADS = [*(written.strip() for written in _WRITTEN.split("~")), "{{\nclinic}}", "{{clinic\x00}}"]


def render(template, **values):
    return wording.render(template, {**wording.SAMPLE, **values})


def test_known_fields_are_filled_and_all_else_stays_as_it_stands():
    assert render("{{clinic}}: {{ first_name }}, {{day}} {{nobody}} {% x %} ${y} {z}") == (
        "Elm Clinic: Ann, Wed 30 Sep {{nobody}} {% x %} ${y} {z}"
    )
    assert render("{{first_name}}", first_name="{{clinic}}") == "{{clinic}}"
    with pytest.raises(KeyError):
        wording.render("{{clinic}}", {})


def test_no_payload_runs_and_every_one_is_refused_in_words():
    assert len(PAYLOADS) == 50
    for payload in PAYLOADS:
        rendered = render(payload)
        assert "49" not in rendered and "class '" not in rendered, payload
        assert wording.check(payload), payload
    assert render("{{7*7}}") == "{{7*7}}"


def test_an_empty_value_takes_the_comma_before_it_along():
    assert render("See you {{time}}, {{place}}. Bye", place="") == "See you 10:30am. Bye"
    assert render("Hello {{first_name}}!", first_name="") == "Hello!"


def test_the_problems_of_a_template_are_said_in_words():
    assert wording.check("  ") == ["Write the text to be sent."]
    assert wording.check("Dear {{nmae}}")[0].startswith("“{{nmae}}” is not a field. The fields are {{clinic}}, ")
    assert wording.check("Dear {{clinic")[0].startswith("The braces in “{{clinic” do not make a field.")
    assert wording.check("Dear\x07") == ["There are hidden control characters in the text; please type it again."]
    too_long = "With the longest names the text would have 1,625 characters; at most 1,600 can be sent."
    assert wording.check("x" * 1_595 + "{{clinic}}") == [too_long]


LONG_NAMES = {**wording.SAMPLE, "first_name": "Christopher", "clinic": "Oakfield Surgery"}
WITH_LINK = {kind: text for kind, text in wording.DEFAULT_TEMPLATES.items() if wording.carries_link(text)}
PLAIN = [
    *wording.WITHOUT_LINK.items(),
    *(pair for pair in wording.DEFAULT_TEMPLATES.items() if pair[0] not in WITH_LINK),
]


@pytest.mark.parametrize(("kind", "template"), PLAIN)
def test_default_texts_are_one_plain_segment_with_nothing_to_warn_of(kind, template):
    assert (wording.check(template), wording.warn(template)) == ([], [])
    preview = wording.preview(template, LONG_NAMES)
    assert (preview.segments.encoding, preview.segments.segments, preview.notes) == ("GSM-7", 1, ())


def test_the_texts_that_ask_carry_the_link_in_two_plain_segments():
    assert set(WITH_LINK) == set(wording.WITHOUT_LINK) == {"confirmation", "reminder_ask", "moved"}
    for template in WITH_LINK.values():
        assert wording.warn(template) == ["This text takes 2 segments."]
        preview = wording.preview(template, LONG_NAMES)
        assert (preview.segments.encoding, preview.segments.segments) == ("GSM-7", 2)
        assert f" {wording.SAMPLE['link']} " in preview.text  # nothing sticks to it that a phone would take along


def test_texts_that_ask_for_an_answer_name_the_clinic_the_time_the_place_and_the_way_out():
    for kind in ("confirmation", "reminder_ask", "moved"):
        for part in ("{{clinic}}", "{{first_name}}", "{{day}} {{time}}", "{{place}}", "1", "2", "3", "{{phone}}"):
            assert part in wording.DEFAULT_TEMPLATES[kind]
        assert wording.DEFAULT_TEMPLATES[kind].endswith("STOP ends texts")


@pytest.mark.parametrize(
    ("template", "warning"),
    [
        ("Reply CANCEL to cancel", "A reply of CANCEL unsubscribes"),
        ("Can't come? text back “quit”", "A reply of QUIT unsubscribes"),
        ("END if you can't come", "A reply of END unsubscribes"),
        ("Reply STOP to cancel your visit", "it cannot change an appointment"),
        ("Your oncology appointment", "“oncology” may tell others"),
        ("Your test results are in", "“test results” may tell others"),
        ("Please bring $40", "“$40” is about money"),
        ("Open https://bit.ly/3abc", "Carriers block shortened links such as bit.ly/3abc"),
        ("{{clinic}}’s door", "’ (right single quotation mark) is outside"),
        ("x" * 161, "This text takes 2 segments."),
    ],
)
def test_wordings_that_backfire_are_warned_of_but_not_forbidden(template, warning):
    assert wording.check(template) == []
    assert [words for words in wording.warn(template) if warning in words]


def test_ordinary_wordings_raise_no_warning():
    for text in (
        "Your appointment is cancelled",
        "at the end of the road",
        "Dr Lee, 2nd floor",
        "Reply STOP to end texts",
    ):
        assert wording.warn(text) == []


def test_the_preview_says_which_value_made_the_text_longer():
    template = wording.WITHOUT_LINK["reminder_ask"]
    preview = wording.preview(template, {**wording.SAMPLE, "first_name": "Martí", "clinician": "Dr Łuc"})
    assert "Martí" in preview.text
    assert "“í” is outside the plain SMS alphabet" in preview.notes[0]
    assert "It is in the first name; this text takes 3 segments." in preview.notes[0]
    smart = wording.preview(template + "…", {**wording.SAMPLE, "clinic": "Ann’s"}, smart=True)
    assert (smart.segments.encoding, smart.notes) == ("GSM-7", ())


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
def test_every_first_name_of_the_public_list_is_sent_as_written_and_its_cost_is_said():
    lines = (SHARED_DATA / "text" / "segments_by_name.jsonl").read_text("utf-8").splitlines()
    template = json.loads(lines[0])["text"].replace("Martina", "{{first_name}}")
    for case in map(json.loads, lines):
        head, tail = template.split("{{first_name}}")
        name = case["text"].removeprefix(head).removesuffix(tail)
        preview = wording.preview(template, {**wording.SAMPLE, "first_name": name})
        assert (preview.text, preview.segments.segments) == (case["text"], case["segments"])
        assert bool(preview.notes) == (case["segments"] > 1 or bool(segments.offending(name)))


def test_days_and_times_are_written_short():
    assert wording.day_of(date(2026, 3, 3), date(2026, 3, 1)) == "Tue 3 Mar"


@pytest.mark.parametrize(
    ("day", "read_on", "words"),
    [
        (date(2027, 1, 4), date(2026, 12, 28), "Mon 4 Jan 2027"),
        (date(2026, 12, 31), date(2026, 12, 28), "Thu 31 Dec"),
        (date(2026, 10, 29), date(2026, 1, 2), "Thu 29 Oct"),
        (date(2026, 10, 30), date(2026, 1, 2), "Fri 30 Oct 2026"),
    ],
)
def test_a_day_of_another_year_or_far_off_is_written_with_its_year(day, read_on, words):
    assert wording.day_of(day, read_on) == words
    spoken = [wording.time_of(time(*parts)) for parts in ((0, 5), (9, 0), (12, 0), (14, 30))]
    assert spoken == ["12:05am", "9:00am", "12:00pm", "2:30pm"]


def test_an_answer_to_help_has_to_name_the_clinic_and_its_phone():
    said = wording.check("{{clinic}}: texts about your appointments", "help_reply")
    assert said == ["Whoever asks for help has to learn who texts and where to call: keep {{phone}}."]
    assert wording.check(wording.DEFAULT_TEMPLATES["help_reply"], "help_reply") == []
    assert wording.check("texts about your appointments", "cancelled") == []
