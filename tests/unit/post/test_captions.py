"""Captions: spintax against its enumeration, mistakes with their place, limits for all that can come out."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import InvalidRequest
from scripts.post import captions
from scripts.post.captions import Choice, Spintax

PLAIN = st.text(st.characters(exclude_characters="{}|\r", exclude_categories=["Cs", "Cc"]), max_size=8)
# Parsing joins texts that stand next to each other, so no two do here.
SPINTAX = st.recursive(
    PLAIN.map(lambda text: Spintax((text,) if text else ())),
    lambda inner: st.tuples(PLAIN, st.lists(inner, min_size=1, max_size=3), PLAIN).map(
        lambda three: Spintax(
            tuple(part for part in (three[0], Choice(tuple(three[1])), three[2]) if part != "")
        )
    ),
    max_leaves=8,
)


def written(spintax: Spintax) -> str:
    return "".join(
        part if isinstance(part, str) else "{" + "|".join(map(written, part.options)) + "}"
        for part in spintax.parts
    )


def outcomes(spintax: Spintax) -> set[str]:
    choices = [
        [part] if isinstance(part, str) else sorted(set().union(*map(outcomes, part.options)))
        for part in spintax.parts
    ]
    return {"".join(each) for each in itertools.product(*choices)}


@given(SPINTAX)
def test_what_is_written_is_parsed_as_it_was(spintax: Spintax) -> None:
    assert captions.parse(written(spintax), "spintax") == [spintax]


@given(SPINTAX, st.integers())
def test_only_what_stands_there_comes_out_and_always_the_same_by_seed(spintax: Spintax, seed: int) -> None:
    picked = spintax.pick(random.Random(seed))
    assert picked in outcomes(spintax)
    assert picked == spintax.pick(random.Random(seed))


@given(SPINTAX)
def test_the_longest_is_known_without_trying(spintax: Spintax) -> None:
    assert spintax.most() == max(map(len, outcomes(spintax)))
    assert spintax.most("#") == max(text.count("#") for text in outcomes(spintax))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), max_size=80))
def test_text_without_braces_stays_as_it_is(text: str) -> None:
    for named in (None, "spintax"):
        assert captions.parse(text, named)[0].pick(random.Random(0)) == text


def test_every_option_comes_out() -> None:
    [spintax] = captions.parse("{a|b{c|d}|}!", None)
    assert {spintax.pick(random.Random(seed)) for seed in range(200)} == {"a!", "bc!", "bd!", "!"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{a|b", "line 1, column 1"),
        ("first\nsecond {a|{b|c}", "line 2, column 8"),
        ("{a|b} and }", "line 1, column 11"),
        ("}{a|b}", "line 1, column 1"),
    ],
)
def test_an_unbalanced_brace_is_shown_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InvalidRequest, match=place) as caught:
        captions.parse(text, "spintax")
    assert caught.value.field == "captions"


def test_a_brace_in_a_caption_that_is_no_spintax_is_a_brace() -> None:
    assert captions.parse("Look :-{ {x}", None) == [Spintax(("Look :-{ {x}",))]


def test_lines_are_captions_and_three_hashes_a_line_break() -> None:
    chosen = captions.parse("one###two\r\n\nthree {a|b}\n", "multiline")
    assert [each.pick(random.Random(0)) for each in chosen] == ["one\ntwo", "three {a|b}"]


def test_line_breaks_are_kept_and_made_alike() -> None:
    [spintax] = captions.parse("a\r\nb\rc {x|y}", "spintax")
    assert spintax.pick(random.Random(0)).startswith("a\nb\nc ")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800"])
def test_what_cannot_be_typed_is_refused(character: str) -> None:
    with pytest.raises(InvalidRequest, match="can't be typed"):
        captions.parse(f"a{character}b", None)


def test_nesting_has_an_end() -> None:
    with pytest.raises(InvalidRequest, match="braces within each other"):
        captions.parse("{a|" * 5000, "spintax")


@pytest.mark.parametrize(
    ("text", "app", "says"),
    [
        ("x" * 2201, "tiktok", "2201 characters"),
        ("{short|" + "x" * 2300 + "}", "tiktok", "2300 characters"),
        ("#a " * 31, "instagram", "31 hashtags"),
    ],
)
def test_limits_hold_for_whatever_can_come_out(text: str, app: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        captions.check(captions.parse(text, None), app)


def test_within_the_limits_all_is_well() -> None:
    captions.check(captions.parse("😀" * 2200, None), "tiktok")
    captions.check(captions.parse("#a " * 31, None), "tiktok")


def test_titles_are_noticed() -> None:
    assert captions.has_title(captions.parse("{a|title##text}", None)[0])
    assert not captions.has_title(captions.parse("#a #b", None)[0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 91 + "##text", "title of 91"),
        ("title##" + "x" * 4001, "description of 4001"),
        ("x" * 4001, "description of 4001"),
        ("{a|" + "x" * 90 + "}y##text", "title of 91"),
        ("{a##b|" + "x" * 4000 + "}y", "description of 4001"),
        ("{a##b|" + "x" * 91 + "##}", "title of 91"),
        ("a##{b|" + "x" * 3999 + "##}", "description of 4001"),
    ],
)
def test_titles_and_descriptions_have_limits_of_their_own(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        captions.check(captions.parse(text, None), "tiktok", has_titles=True)


@pytest.mark.parametrize(
    "text",
    ["x" * 90 + "##" + "y" * 4000, "y" * 4000, "{a|b}##{c|" + "y" * 4000 + "}", "{" + "x" * 90 + "##a|b##c}"],
)
def test_titles_and_descriptions_within_their_limits(text: str) -> None:
    captions.check(captions.parse(text, None), "tiktok", has_titles=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title##text", ("title", "text")),
        (" title ## text\nmore ", ("title", "text\nmore")),
        ("only a text", ("", "only a text")),
        ("a##b##c", ("a", "b##c")),
        ("title##", ("title", "")),
        ("##text", ("", "text")),
    ],
)
def test_titles_are_parted_from_descriptions(text: str, expected: tuple[str, str]) -> None:
    assert captions.titled(text) == expected
