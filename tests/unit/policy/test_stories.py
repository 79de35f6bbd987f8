"""What went wrong elsewhere, and what could here, told from the first picture to the last answer."""

from __future__ import annotations

from typing import Any

from safelight import policy
from unit.policy.cases import PACK, THREE_TESTS, consent, make, use

Facts = dict[str, Any]


def answer(facts: Facts) -> policy.Permit | policy.Hold | policy.Refusal:
    return policy.decide(facts, pack=PACK)


def needs(facts: Facts) -> set[str]:
    return {each.needs.field for each in answer(facts).because if each.needs is not None}


def test_the_seventeen_year_old_who_is_seen_for_the_last_time() -> None:
    """A mother agreed when he was 12. He turns 18 next month, moves away, and nobody has asked him."""
    born = {"born": "2008-12-20"}
    from_mother = consent(
        "care", "teaching-local", given_by="parental-responsibility", given_on="2021-03-01"
    )
    show: Any = ("teaching-local", "organisation")

    while_a_child = use(
        *show,
        born | {"gillick": "not-competent", "assessed_on": "2021-03-01"},
        at="2022-05-01",
        recording={"made_on": "2021-03-01"},
        consents=[from_mother],
        tests=THREE_TESTS,
    )
    assert answer(while_a_child).outcome == "permit"
    assert answer(while_a_child).reevaluate_on == ("2024-12-20",)

    last_visit = use(*show, born, recording={"made_on": "2021-03-01"}, consents=[from_mother])
    assert answer(last_visit).outcome == "hold"
    assert any("choice was offered" in each for each in answer(last_visit).record)

    for later in ("2026-12-20", "2031-01-01", "2066-01-01"):
        years_after = last_visit | {"at": later}
        assert answer(years_after).outcome == "hold", "nothing lifts the hold by time"

    unrecognisable = use(
        *show,
        born,
        at="2031-01-01",
        recording={"made_on": "2021-03-01", "identifiable": "anonymised"},
        consents=[from_mother],
    )
    assert answer(unrecognisable).outcome == "permit"

    asked = last_visit | {"consents": [from_mother, consent("teaching-local")]}
    assert answer(asked).outcome == "permit"
    said_no = last_visit | {
        "objections": [{"purposes": ["teaching-local"], "made_on": "2026-11-22"}]
    }
    assert answer(said_no).outcome == "refuse"


def test_the_executor_who_is_not_the_next_of_kin() -> None:
    """Her solicitor is executor; her daughter, who is not, would like the picture in a textbook."""
    dead = {"born": "1940-05-01", "died": "2026-08-01", "genetic_or_third_party": False}
    book = use("publication", "public", dead, consents=[], release={"target": "Textbook of Skin"})
    assert answer(book).outcome == "hold"

    daughter = consent("publication", given_by="relative", target="Textbook of Skin")
    assert answer(book | {"consents": [daughter]}).outcome == "hold"

    solicitor = consent("publication", given_by="executor", target="Textbook of Skin")
    assert answer(book | {"consents": [daughter, solicitor]}).outcome == "permit"
    elsewhere = book | {"consents": [solicitor], "release": {"target": "A newspaper"}}
    assert answer(elsewhere).outcome == "refuse"

    she_had_said = dead | {"known_wishes": {"publication": "no"}}
    assert answer(book | {"patient": she_had_said, "consents": [solicitor]}).outcome == "refuse"


def test_the_co_attorney_whose_authority_lapsed() -> None:
    """Two attorneys; the authority of one ended in June, and he is the one who agreed."""
    lacks = {"born": "1944-01-01", "capacity": "lacks", "assessed_on": "2026-11-20"}
    lapsed = consent("care", given_by="lpa-health", given_on="2026-03-01", expires_on="2026-06-30")
    picture = make(patient=lacks, consents=[lapsed])
    assert answer(picture).outcome == "refuse"
    assert needs(picture) == {"consents[].expires_on"}

    other = consent("care", given_by="lpa-health", given_on="2026-11-21")
    assert answer(picture | {"consents": [lapsed, other]}).outcome == "permit"

    son = consent("care", given_by="relative", given_on="2026-11-21")
    assert answer(picture | {"consents": [lapsed, son]}).outcome == "refuse"


def test_the_patient_who_finds_the_picture_in_a_conference_deck() -> None:
    """She agreed to teaching in the hospital. A year later a friend sees her at a congress."""
    agreed = consent(
        "teaching-local",
        given_on="2025-11-01",
        told=["purpose", "retention", "storage", "withdrawal"],
    )
    hospital = use("teaching-local", "organisation", consents=[agreed])
    assert answer(hospital).outcome == "permit"

    for audience in ("closed-group", "public"):
        assert answer(use("teaching-local", audience, consents=[agreed])).outcome == "refuse"
        congress = use("teaching-wide", audience, consents=[agreed])
        assert answer(congress).outcome == "refuse"
        assert any("no consent for this purpose" in each.text for each in answer(congress).because)

    no = [{"purposes": ["*"], "made_on": "2026-11-22"}]
    assert answer(hospital | {"objections": no}).outcome == "refuse"
    anonymised = hospital["recording"] | {"identifiable": "anonymised"}
    assert answer(hospital | {"objections": no, "recording": anonymised}).outcome == "refuse"
    assert answer(use("care", "team", consents=[agreed])).outcome == "permit", (
        "care is not affected"
    )


def test_teaching_and_research_were_agreed_to_and_a_newspaper_retold_the_paper() -> None:
    agreed = [consent("teaching-local", "research", target=None)]
    paper = use("publication", "public", consents=agreed)
    assert answer(paper).outcome == "refuse"
    masked = paper | {"recording": paper["recording"] | {"identifiable": "anonymised"}}
    assert answer(masked).outcome == "refuse", "publication is asked for, recognisable or not"
    assert answer(use("research", "organisation", consents=agreed)).outcome == "permit"


def test_pieces_that_breach_nothing_alone_may_be_enough_together() -> None:
    """Each post was agreed to. What all of them say together fits three people in the county."""
    post = use("social", "closed-group", exposure={"verdict": "block"})
    assert answer(post).outcome == "refuse"
    assert needs(post) == {"exposure.verdict"}
    assert answer(post | {"exposure": {"verdict": "review"}}).outcome == "hold"


def test_no_detections_are_not_no_face() -> None:
    """The detector gave a large bearded face in a hat a score of zero."""
    agreed = consent("teaching-local", identifiable_ok=False)
    picture = use(
        "teaching-local",
        "organisation",
        consents=[agreed],
        recording={"identifiable": "could-not-tell"},
    )
    assert answer(picture).outcome == "hold"
    assert needs(picture) == {"recording.identifiable"}
    looked = picture | {"recording": picture["recording"] | {"identifiable": "may-be"}}
    assert answer(looked).outcome == "refuse"


def test_a_black_bar_over_the_eyes_is_not_anonymous() -> None:
    """With all facial features covered, half the people were still recognised: it stays “may be”."""
    bar = use(
        "publication",
        "public",
        consents=[
            consent("publication", target="Journal A", final_item_seen=True, identifiable_ok=False)
        ],
        recording={"identifiable": "may-be"},
    )
    assert answer(bar).outcome == "refuse"
    assert needs(bar) == {"consents[].identifiable_ok"}


def test_a_restriction_that_nobody_knows_is_not_passed_over() -> None:
    """A server that didn't know a restriction on a link left the link open to anyone."""
    link = use("second-opinion", "named", consents=[], release={"recipient": "a colleague"})
    assert answer(link).outcome == "permit"
    assert (
        answer(link | {"release": {"recipient": "a colleague", "only_until": "noon"}}).outcome
        == "refuse"
    )
    restricted = consent("second-opinion") | {"only_with": "a password"}
    assert answer(link | {"consents": [restricted]}).outcome == "refuse"


def test_pictures_without_a_documented_consent_are_not_made() -> None:
    """In a survey a consent was documented for 8 of 100 pictures."""
    assert answer(make(consents=[])).outcome == "refuse"
    nodded = consent("care", form="implied", told=[])
    assert answer(make(consents=[nodded])).outcome == "refuse"
    told = consent("care", form="oral-recorded", told=["purpose", "storage", "secondary"])
    assert answer(make(consents=[told])).outcome == "permit"
