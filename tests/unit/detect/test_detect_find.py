"""Found, held, none, failed; and never no."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, DetectorFailed, Detectors, Finding
from safelight.terms import Region


@dataclass(frozen=True)
class Told:
    where: str
    why: str


@dataclass(frozen=True)
class Plugged:
    """A detector that somebody plugs in."""

    kind: str
    says: tuple[Finding, ...] | Exception
    cards: tuple[detect.ModelCard, ...] = ()

    def find(self, sizes, *, scales):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def said(kind, answer):
    return Finding(kind, Region(0, 0, 2, 2), None, 0.4, "a reason", answer)


GREY = np.full((60, 80, 3), 120, np.uint8)


def asked(*detectors, told=()):
    return detect.find(GREY, detectors=Detectors(detectors), file_findings=told)


def test_a_face_is_found(detectors):
    report = detect.find(made_up.portrait(), detectors=detectors)
    (face,) = [finding for finding in report.findings if finding.kind == "face"]
    assert report.answers["face"] is Answer.FOUND
    assert report.identifiable == "yes"
    assert face.box.overlap(Region(180, 70, 90, 100)) > 7000


def test_a_small_face_in_a_corner_is_found(detectors):
    report = detect.find(made_up.bystander(9, "medium"), detectors=detectors)
    assert any(f.kind == "face" and f.box.x < 320 and f.box.y < 320 for f in report.in_pixels)


@pytest.mark.parametrize("tone", made_up.TONES)
def test_a_wristband_is_found_on_skin_of_every_tone(detectors, tone):
    report = detect.find(made_up.wristband(3, tone), detectors=detectors)
    assert report.answers["text"] is Answer.FOUND
    assert report.answers["code"] is Answer.FOUND
    text = [finding.box for finding in report.findings if finding.kind == "text"]
    assert len(text) >= 3


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_text_is_found_whichever_way_the_picture_is_turned(detectors, turned):
    pixels = np.ascontiguousarray(np.rot90(made_up.label(8), turned))
    assert detect.find(pixels, detectors=detectors).answers["text"] is Answer.FOUND


def test_plain_skin_is_not_said_to_be_anonymous(detectors):
    report = detect.find(made_up.skin(7, "brown"), detectors=detectors)
    assert report.findings == ()
    looked_for = {kind: said for kind, said in report.answers.items() if kind not in report.unseen}
    assert set(looked_for.values()) == {Answer.NONE}
    assert report.identifiable == "unknown"


@settings(max_examples=12)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 255))
def test_pictures_of_any_size_are_judged_and_boxes_stay_inside(detectors, width, height, shade):
    pixels = np.full((height, width, 3), shade, np.uint8)
    cv2.putText(
        pixels, "AB", (2, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255 - shade,) * 3, 2
    )
    report = detect.find(pixels, detectors=detectors)
    assert Answer.FAILED not in report.answers.values()
    assert all(finding.box.fits(width, height) for finding in report.in_pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(ValueError, match="not a picture"):
        detect.find(wrong, detectors=Detectors(()))


def test_what_the_file_says_is_found_by_place_without_its_value():
    report = asked(told=[Told("EXIF:GPSLatitude", "says where the picture was taken")])
    (finding,) = report.findings
    assert (finding.kind, finding.box, finding.where) == ("metadata", None, "EXIF:GPSLatitude")
    assert report.answers == {"metadata": Answer.FOUND}
    assert report.identifiable == "yes"
    assert report.in_pixels == ()


def test_only_kinds_that_something_looked_for_have_an_answer():
    assert asked().answers == {"metadata": Answer.NONE}
    assert "tattoo" not in asked(Plugged("face", ())).answers


@pytest.mark.parametrize(
    "error",
    [
        DetectorFailed("x"),
        cv2.error("x"),
        ValueError("x"),
        KeyError("x"),
        MemoryError(),
        ZeroDivisionError(),
    ],
)
def test_a_detector_that_raises_has_failed_and_the_others_still_answer(error):
    report = asked(Plugged("face", error), Plugged("text", (said("text", Answer.HELD),)))
    assert report.answers["face"] is Answer.FAILED
    assert report.answers["text"] is Answer.HELD
    assert report.failed == ("face",)
    assert report.identifiable == "unknown"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ((), (), Answer.NONE),
        ((), (said("face", Answer.HELD),), Answer.HELD),
        ((said("face", Answer.FOUND),), (said("face", Answer.HELD),), Answer.FOUND),
        ((said("face", Answer.FOUND),), ValueError("x"), Answer.FAILED),
    ],
)
def test_two_detectors_of_one_kind_give_the_stricter_answer(one, other, together):
    for pair in ((one, other), (other, one)):
        report = asked(*(Plugged("face", says) for says in pair))
        assert report.answers["face"] is together


def test_held_alone_is_not_yes():
    assert asked(Plugged("face", (said("face", Answer.HELD),))).identifiable == "unknown"


def test_a_finding_is_printed_as_the_contract_says():
    finding = Finding("face", Region(1, 2, 3, 4), None, 0.93456, "a face", Answer.FOUND)
    assert finding.as_json() == {
        "kind": "face",
        "box": [1, 2, 3, 4],
        "where": None,
        "score": 0.935,
        "why": "a face",
    }


def test_looking_again_uses_other_sizes():
    assert detect.AGAIN.faces != detect.FIRST.faces
    assert detect.AGAIN.bystanders != detect.FIRST.bystanders
    assert detect.AGAIN.text != detect.FIRST.text
    assert not set(detect.AGAIN.codes) & set(detect.FIRST.codes)


@pytest.mark.parametrize("scales", [detect.FIRST, detect.AGAIN, detect.QUICK])
def test_what_nothing_looks_for_is_held_with_a_reason_and_never_none(detectors, scales):
    report = detect.find(GREY, detectors=detectors, scales=scales)
    assert {"person", "screen", "tattoo", "jewellery", "background"} <= set(report.unseen)
    assert {report.answers[kind] for kind in report.unseen} == {Answer.HELD}
    assert all(len(why) > 20 for why in report.unseen.values())
    assert not any(finding.kind in report.unseen for finding in report.findings)


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ((), Answer.HELD),
        ((said("tattoo", Answer.HELD),), Answer.HELD),
        ((said("tattoo", Answer.FOUND),), Answer.FOUND),
        (ValueError("x"), Answer.FAILED),
    ],
)
def test_the_silence_of_one_who_sees_little_is_held_and_what_it_sees_is_said(says, answer):
    weak = Detectors((Plugged("tattoo", says),), {"tattoo": "only large ones are looked for"})
    report = detect.find(GREY, detectors=weak)
    assert report.answers["tattoo"] is answer
    assert report.unseen == weak.unseen
    assert pickle.loads(pickle.dumps(report)) == report  # it travels between processes


def test_a_kind_that_a_plugged_in_detector_looks_for_is_its_own_affair(detectors):
    more = detectors.with_more(Plugged("tattoo", (said("tattoo", Answer.FOUND),)), Plugged("x", ()))
    report = detect.find(GREY, detectors=more)
    assert report.answers["tattoo"] is Answer.FOUND
    assert report.answers["x"] is Answer.NONE
    assert "tattoo" not in report.unseen
    assert report.answers["screen"] is Answer.HELD
