"""The token in a link: short, of letters and digits alone, hard to guess; earlier ones are still known as tokens."""

import hashlib
import math
import re

import pytest

from reminder_site.domain import link_tokens, segments


def digests(count):
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def test_a_token_is_twelve_letters_and_digits_and_holds_71_bits():
    tokens = {link_tokens.short(digest) for digest in digests(2_000)}
    assert len(tokens) == 2_000
    assert all(re.fullmatch("[A-Za-z0-9]{12}", token) for token in tokens)
    assert link_tokens.LENGTH * math.log2(len(set("".join(tokens)))) > 71


def test_no_letter_is_likelier_than_another_and_each_costs_one_unit():
    letters = "".join(link_tokens.short(digest) for digest in digests(5_000))
    counts = [letters.count(letter) for letter in link_tokens.ALPHABET]
    assert max(counts) < 1.25 * min(counts)
    assert segments.count(link_tokens.ALPHABET).units == len(link_tokens.ALPHABET)


@pytest.mark.parametrize(
    ("token", "known"),
    [("a" * 12, True), ("a" * 22, True), ("-_" * 11, True), ("-" * 12, False), ("a" * 13, False), ("é" * 12, False)],
)
def test_tokens_of_both_lengths_are_known_and_no_others(token, known):
    assert bool(link_tokens.TOKEN.fullmatch(token)) is known


def test_a_link_that_is_only_shown_is_as_long_as_the_one_sent():
    assert link_tokens.masked("https://elm.example/m/abcdefghijkl") == "https://elm.example/m/xxxxxxxxxxxx"
