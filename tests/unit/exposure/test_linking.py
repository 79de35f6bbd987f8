"""Releases that name nobody: when they are judged as of the same patient, and when they never are."""

from __future__ import annotations

import json
from datetime import date, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import cli, exposure
from safelight.cli import made_up
from safelight.exposure.knowledge import NOTHING, told_by
from safelight.exposure.likeness import COUNT, distance, fingerprints
from safelight.exposure.linking import LINKED_FROM, likelihood_ratio, probability

UK = exposure.load_population()
DAY = date(2026, 3, 1)
DARLINGTON = {"level": "lad", "code": "E06000005"}
LEEDS = {"level": "lad", "code": "E08000035"}
HOUSE = {"name": "Dr Made-Up", "organisation": "Made-Up Surgery"}
RARE = {"name": "made-up syndrome", "prevalence": [1e-6, 1e-5]}


def release(
    name: str,
    patient: str | None = None,
    *,
    at: date = DAY,
    poster: object = None,
    picture: tuple[str, ...] = (),
    **facts: object,
) -> exposure.Disclosed:
    return exposure.read_release(
        {
            "id": name,
            "patient": patient,
            "at": at.isoformat(),
            "audience": ["public"],
            "poster": poster,
            "facts": facts,
            "picture": list(picture),
        }
    )


def links(
    proposed: exposure.Disclosed, *others: exposure.Disclosed, own: tuple = ()
) -> dict[str, float]:
    report = exposure.assess(own, proposed, population=UK, others=others)
    return {each.release.id: each.probability for each in report.linked}


def test_a_rare_disease_in_one_town_links_two_posts_of_strangers() -> None:
    post = release("online", place=DARLINGTON, condition=RARE)
    proposed = release("new", "p", place=DARLINGTON, condition=RARE, sex="F")
    report = exposure.assess((), proposed, population=UK, others=[post])
    assert [each.release.id for each in report.linked] == ["online"]
    assert report.unlinked is not None
    assert report.crowd.k <= report.unlinked.k


def test_both_figures_are_told_where_something_is_linked() -> None:
    post = release("online", poster=HOUSE, age={"years": 43}, at=DAY + timedelta(days=17))
    proposed = release("new", "p", poster=HOUSE, age={"years": 42}, place=DARLINGTON, sex="M")
    report = exposure.assess((), proposed, population=UK, others=[post]).as_json()
    assert [each["id"] for each in report["linked"]] == ["online"]
    assert report["linked"][0]["probability"] >= LINKED_FROM
    assert report["k"] < report["unlinked"]["k"]


def test_what_contradicts_is_never_linked() -> None:
    post = release("online", poster=HOUSE, place=LEEDS, condition=RARE, age={"years": 40})
    for facts in ({"place": DARLINGTON}, {"age": {"years": 60}}):
        proposed = release("new", "p", poster=HOUSE, **{"condition": RARE, **facts})
        assert links(proposed, post) == {}


def test_two_patients_of_one_poster_are_not_linked_by_the_town_they_live_in() -> None:
    post = release("online", poster=HOUSE, place=DARLINGTON, at=DAY - timedelta(days=300))
    assert links(release("new", "p", poster=HOUSE, place=DARLINGTON), post) == {}


def test_a_release_of_another_patient_is_never_linked_to_this_one() -> None:
    other = release("theirs", "q", place=DARLINGTON, condition=RARE, poster=HOUSE)
    assert links(release("new", "p", place=DARLINGTON, condition=RARE, poster=HOUSE), other) == {}


def test_a_release_that_names_nobody_follows_one_patient_at_the_most_with_all_of_theirs() -> None:
    mine = [
        release("mine 1", "p", place=DARLINGTON, condition=RARE),
        release("mine 2", "p", sex="F"),
    ]
    theirs = release("theirs", "q", condition=RARE)
    found = links(release("new", None, place=DARLINGTON, condition=RARE), *mine, theirs)
    assert set(found) == {"mine 1", "mine 2"}


def test_what_is_linked_links_a_third() -> None:
    middle = release("middle", place=DARLINGTON, condition=RARE, marks=[MARK])
    far = release("far", marks=[MARK], age={"years": 42})
    proposed = release("new", "p", place=DARLINGTON, condition=RARE)
    assert set(links(proposed, far, middle)) == {"middle", "far"}
    assert links(proposed, far) == {}


MARK = {"what": "tattoo of a made-up bird", "share": [1e-7, 1e-6]}


def test_nothing_in_common_is_not_linked() -> None:
    assert links(release("new", "p", sex="F"), release("online", sex="F")) == {}


def test_years_between_two_posts_of_one_poster_leave_less_of_a_link() -> None:
    proposed = release("new", "p", poster=HOUSE, sex="F", age={"band": [60, 69]})
    chances = [
        probability(
            [proposed],
            [release("o", poster=HOUSE, sex="F", at=DAY + timedelta(days=apart))],
            population=UK,
        )
        for apart in (0, 90, 900)
    ]
    assert chances == sorted(chances, reverse=True)


@settings(max_examples=50)
@given(
    st.sampled_from(["F", "M"]),
    st.integers(0, 89),
    st.sampled_from([DARLINGTON, LEEDS]),
    st.sampled_from(["F", "M"]),
    st.integers(0, 89),
)
def test_the_ratio_is_the_same_both_ways_and_nothing_when_nobody_fits(
    sex, age, place, other_sex, other_age
) -> None:
    one = told_by(release("1", sex=sex, age={"years": age}, place=place), population=UK)
    two = told_by(release("2", sex=other_sex, age={"years": other_age}), population=UK)
    there, back = (
        likelihood_ratio(*pair, among=NOTHING, population=UK) for pair in ((one, two), (two, one))
    )
    assert there == pytest.approx(back)
    assert (there == 0) == one.meet(two).is_contradiction


def test_the_command_links_and_says_so(tmp_path, capsys) -> None:
    ledger, proposed = tmp_path / "ledger", tmp_path / "proposed"
    said = {"at": "2026-03-01", "audience": ["public"]}
    facts = {"place": DARLINGTON, "condition": RARE}
    ledger.write_text(json.dumps({"id": "online", "patient": None, "facts": facts, **said}))
    proposed.write_text(json.dumps({"id": "new", "patient": "p", "facts": facts, **said}))
    asked = ["expose", "--ledger", str(ledger), "--proposed", str(proposed)]
    cli.main([*asked, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in found["linked"]] == ["online"]
    cli.main(asked)
    assert "online may be of the same patient" in capsys.readouterr().out


# --- pictures ----------------------------------------------------------------------------------


def drawn(number: int) -> np.ndarray:
    tones = ("light", "medium", "dark", "brown", "very light")
    make = (made_up.wound, made_up.rash)[number % 2]
    return make(100 + number, tones[number % len(tones)], size=(480, 360))


def again(pixels: np.ndarray, *, part: float = 1.0, scale: float = 1.0, quality: int = 60):
    height, width = pixels.shape[:2]
    tall, wide = int(height * part), int(width * part)
    y, x = (height - tall) // 3, (width - wide) // 4
    cut = cv2.resize(pixels[y : y + tall, x : x + wide], None, fx=scale, fy=scale)
    _, packed = cv2.imencode(".jpg", cut[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("part", "scale", "quality"), [(1.0, 1.0, 30), (1.0, 0.4, 80), (0.9, 0.7, 60), (0.75, 1.0, 60)]
)
def test_a_picture_is_known_again_cropped_scaled_and_encoded_anew(number, part, scale, quality):
    before = drawn(number)
    after = again(before, part=part, scale=scale, quality=quality)
    apart = distance(fingerprints(before), fingerprints(after))
    assert apart is not None
    assert apart <= 14


def test_pictures_of_different_things_are_apart() -> None:
    prints = [fingerprints(drawn(number)) for number in range(10)]
    apart = [distance(one, two) for at, one in enumerate(prints) for two in prints[:at]]
    close = [each for each in apart if each is not None and each <= 12]
    assert len(close) <= len(apart) // 10


def test_an_empty_picture_says_nothing() -> None:
    assert fingerprints(np.full((40, 30, 3), 128, np.uint8)) == ()
    assert distance((), fingerprints(drawn(1))) is None


def test_there_are_no_more_fingerprints_than_a_kilobyte_holds() -> None:
    assert len(fingerprints(drawn(0))) <= COUNT
    assert COUNT * 8 < 1024


def test_one_picture_links_two_posts_whose_words_do_not() -> None:
    one, two = fingerprints(drawn(0)), fingerprints(again(drawn(0), part=0.9, scale=0.5))
    post = release("online", picture=two, poster=HOUSE)
    assert links(release("new", "p", picture=one, poster=HOUSE), post)
    assert not links(release("new", "p", poster=HOUSE, at=DAY + timedelta(days=400)), post)


@pytest.mark.parametrize("picture", [["not hex"], ["0" * 17], "0123456789abcdef", [3]])
def test_a_fingerprint_that_is_none_refuses(picture: object) -> None:
    with pytest.raises(exposure.ReleaseRefused):
        exposure.read_release({"at": "2026-03-01", "audience": ["public"], "picture": picture})
