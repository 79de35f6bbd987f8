"""What follows when a patient takes something back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.withdrawal import (
    BY_LAW,
    FOR,
    Consequence,
    Derived,
    Step,
    consequences,
    consequences_of_erasure,
)
from safelight.terms import Purpose

EVERY = frozenset(Purpose)
ORIGINAL = Derived("original", "photo", Purpose.CARE, is_out=False)
COPY = Derived("copy", "copy", Purpose.TEACHING_LOCAL, is_out=False)
LINK = Derived("link", "link", Purpose.SECOND_OPINION, is_out=False)
QUEUED = Derived("queued", "queued", Purpose.TEACHING_LOCAL, is_out=False)
PRINTED = Derived("release", "printed", Purpose.PUBLICATION, is_out=True)
COURT = Derived("release", "court", Purpose.LEGAL, is_out=True)
THINGS = (ORIGINAL, COPY, LINK, QUEUED, PRINTED)


purposes = st.frozensets(st.sampled_from(Purpose), min_size=1)
derived = st.builds(
    Derived,
    kind=st.sampled_from(["copy", "link", "release", "queued"]),
    id=st.uuids().map(str),
    purpose=st.sampled_from(Purpose),
    is_out=st.booleans(),
)
originals = st.builds(
    Derived,
    kind=st.just("original"),
    id=st.just("photo"),
    purpose=st.sampled_from(Purpose),
    is_out=st.just(value=False),
)


ENDS = {Step.STOP, Step.REVOKE, Step.DESTROY, Step.RECALL}
"""What ends a use for good; a hold on destruction lets a copy be closed instead."""


def steps(found: tuple[Consequence, ...]) -> list[tuple[str, str]]:
    return [(each.step.value, each.of) for each in found]


def after(purposes, *, things=THINGS, relied=True, during=False, held=False):
    return consequences(
        purposes, things=things, relied_on_for_care=relied, during=during, held=held
    )


@pytest.mark.parametrize("relied", [True, False])
@pytest.mark.parametrize("held", [True, False])
def test_stop_leaves_nothing_whatever_else_is_true(relied, held):
    found = after(EVERY, things=(*THINGS, COURT), relied=relied, during=True, held=held)
    assert steps(found) == [
        ("stop", "queued"),
        ("revoke", "link"),
        ("destroy", "photo"),
        ("destroy", "copy"),
        ("recall", "printed"),
        ("recall", "court"),
    ]
    assert {each.source for each in found if each.step is not Step.RECALL} == {"GMC VAR 25"}


def test_a_picture_taken_to_teach_goes_when_teaching_is_taken_back_at_once():
    made_to_teach = Derived("original", "photo", Purpose.TEACHING_LOCAL, is_out=False)
    found = after({Purpose.TEACHING_LOCAL}, things=(made_to_teach, LINK), during=True)
    assert steps(found) == [("revoke", "link"), ("destroy", "photo")]


def test_a_no_to_teaching_right_after_does_not_destroy_the_picture_for_care():
    found = after({Purpose.TEACHING_LOCAL}, during=True)
    assert steps(found) == [
        ("stop", "queued"),
        ("close", "photo"),
        ("destroy", "copy"),
        ("keep", "photo"),
    ]


def test_later_a_secondary_use_ends_and_the_picture_that_guided_care_stays():
    found = after({Purpose.TEACHING_LOCAL})
    assert steps(found) == [
        ("stop", "queued"),
        ("close", "photo"),
        ("destroy", "copy"),
        ("keep", "photo"),
    ]
    assert found[1].text == "The picture is closed to teaching here."
    assert "guided care" in found[-1].text


def test_later_everything_taken_back_leaves_the_record_closed():
    found = after(EVERY)
    assert steps(found) == [
        ("stop", "queued"),
        ("revoke", "link"),
        ("close", "photo"),
        ("destroy", "copy"),
        ("recall", "printed"),
        ("keep", "photo"),
    ]
    assert found[-1].text.endswith("stays in the record, closed to every other use.")
    assert {each.source for each in found} == {"practice"}


def test_a_picture_nobody_relied_on_is_destroyed_with_all_that_came_from_it():
    found = after({Purpose.CARE}, relied=False)
    assert steps(found) == [
        ("stop", "queued"),
        ("revoke", "link"),
        ("destroy", "photo"),
        ("destroy", "copy"),
        ("recall", "printed"),
    ]


def test_a_picture_for_care_stays_when_only_another_use_is_taken_back():
    found = after({Purpose.PUBLICATION}, relied=False)
    assert steps(found) == [("close", "photo"), ("recall", "printed"), ("keep", "photo")]
    assert "looking after the patient" in found[-1].text


def test_a_copy_for_another_use_still_agreed_to_goes_with_its_original():
    made_to_teach = Derived("original", "photo", Purpose.TEACHING_LOCAL, is_out=False)
    studied = Derived("copy", "studied", Purpose.RESEARCH, is_out=False)
    found = after({Purpose.TEACHING_LOCAL}, things=(made_to_teach, studied), relied=False)
    assert steps(found) == [("destroy", "photo"), ("destroy", "studied")]


def test_a_hold_on_destruction_keeps_a_picture_that_would_have_gone():
    found = after(EVERY, relied=False, held=True)
    assert ("keep", "photo") in steps(found)
    assert found[-1].source == "NHS-RM"


def test_a_hold_keeps_a_copy_closed_and_shuts_everything_else_all_the_same():
    found = after(EVERY, relied=False, held=True)
    assert steps(found) == [
        ("stop", "queued"),
        ("revoke", "link"),
        ("close", "photo"),
        ("close", "copy"),
        ("recall", "printed"),
        ("keep", "photo"),
        ("keep", "copy"),
    ]
    assert "DESTROY" not in {each.step.name for each in found}


@given(st.data())
def test_a_hold_never_keeps_anything_open(data):
    taken, original = data.draw(purposes), data.draw(originals)
    rest, relied = data.draw(st.lists(derived)), data.draw(st.booleans())
    free = after(taken, things=(original, *rest), relied=relied)
    held = after(taken, things=(original, *rest), relied=relied, held=True)
    shut = ENDS | {Step.CLOSE}
    # What a hold may spare is only what fell with an original that now stays.
    own = {thing.id for thing in (original, *rest) if thing.purpose in taken - BY_LAW}
    closed = {each.of for each in held if each.step in shut}
    assert {each.of for each in free if each.step in shut} & own <= closed
    assert Step.DESTROY not in {each.step for each in held}


def test_an_erasure_reaches_everything_whatever_it_was_for():
    found = consequences_of_erasure((*THINGS, COURT))
    assert steps(found) == [
        ("stop", "queued"),
        ("revoke", "link"),
        ("destroy", "photo"),
        ("destroy", "copy"),
        ("recall", "printed"),
        ("recall", "court"),
    ]


def test_what_people_call_a_thing_is_in_its_sentence():
    slide = Derived("copy", "s", Purpose.TEACHING_LOCAL, is_out=False, called="slide")
    (said,) = after({Purpose.TEACHING_LOCAL}, things=(slide,))
    assert said.text == "The slide for teaching here is destroyed."


def test_what_the_law_demanded_stays_and_keeps_its_original():
    found = after(EVERY, things=(ORIGINAL, COPY, COURT), relied=False)
    assert steps(found) == [
        ("close", "photo"),
        ("destroy", "copy"),
        ("keep", "photo"),
        ("keep", "court"),
    ]
    assert {each.source for each in found if each.step is Step.KEEP} == {
        "GMC VAR 15, GMC CONF 87–88"
    }


def test_what_a_complaint_needs_is_kept_by_practice_and_no_paragraph():
    given_for_it = Derived("release", "given", Purpose.COMPLAINT, is_out=True)
    found = after(EVERY, things=(ORIGINAL, given_for_it), relied=False)
    assert [(each.of, each.source) for each in found if each.step is Step.KEEP] == [
        ("photo", "practice"),
        ("given", "practice"),
    ]


def test_what_the_law_demanded_is_not_spoken_of_when_teaching_ends():
    found = after({Purpose.TEACHING_LOCAL}, things=(COPY, COURT))
    assert steps(found) == [("destroy", "copy")]


def test_what_was_printed_is_said_to_be_beyond_recall():
    (found,) = after({Purpose.PUBLICATION}, things=(PRINTED,))
    assert found.step is Step.RECALL
    assert "can't be called back" in found.text


def test_a_link_that_was_opened_is_revoked_and_recalled():
    opened = Derived("link", "link", Purpose.SECOND_OPINION, is_out=True)
    found = after({Purpose.SECOND_OPINION}, things=(opened,))
    assert steps(found) == [("revoke", "link"), ("recall", "link")]
    assert "can't unsee" in found[-1].text


def test_a_release_that_has_not_left_is_stopped():
    ready = Derived("release", "ready", Purpose.SOCIAL, is_out=False)
    assert steps(after({Purpose.SOCIAL}, things=(ready,))) == [("stop", "ready")]


def test_nothing_taken_back_changes_nothing():
    assert after(()) == ()


def test_a_kind_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="no such kind"):
        Derived("thumbnail", "t", Purpose.CARE, is_out=False)


def test_every_purpose_has_words():
    assert set(FOR) == EVERY


def test_a_consequence_is_stored_as_it_was_said():
    assert Consequence(Step.KEEP, "photo", "It stays.", "practice").as_json() == {
        "step": "keep",
        "of": "photo",
        "text": "It stays.",
        "source": "practice",
    }


@given(purposes, originals, st.lists(derived), st.booleans(), st.booleans(), st.booleans())
def test_every_thing_for_an_ended_use_ends(taken, original, rest, relied, during, held):
    found = after(taken, things=(original, *rest), relied=relied, during=during, held=held)
    ended = {each.of for each in found if each.step in ENDS | {Step.CLOSE}}
    for thing in rest:
        if thing.purpose in taken and (during or thing.purpose not in BY_LAW):
            assert thing.id in ended


@given(purposes, originals, st.lists(derived), st.booleans(), st.booleans(), st.booleans())
def test_whatever_is_out_and_ends_is_recalled(taken, original, rest, relied, during, held):
    found = after(taken, things=(original, *rest), relied=relied, during=during, held=held)
    of = {step: {each.of for each in found if each.step is step} for step in Step}
    out = {thing.id for thing in rest if thing.is_out}
    assert out & (of[Step.DESTROY] | of[Step.REVOKE] | of[Step.STOP]) <= of[Step.RECALL]
    assert of[Step.RECALL] <= out


@given(purposes, originals, st.lists(derived), st.booleans(), st.booleans(), st.booleans())
def test_the_original_is_either_destroyed_or_kept_closed(
    taken, original, rest, relied, during, held
):
    found = after(taken, things=(original, *rest), relied=relied, during=during, held=held)
    on_original = {each.step for each in found if each.of == "photo"}
    assert on_original in ({Step.DESTROY}, {Step.CLOSE, Step.KEEP})
    if relied and not during:
        assert Step.DESTROY not in on_original
