"""The two tables of the guidance, cell by cell: facts, the answer, and the rule that gives it.

`tools/decisions.py` writes docs/reference/decisions.md from these rows and the pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unit.policy.cases import (
    ADULT,
    CHILD,
    COMPETENT,
    DEAD,
    LACKS,
    LOST,
    SEVENTEEN,
    THREE_TESTS,
    consent,
    make,
    use,
)

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a cell: what is asked, what is answered, and by which rule."""

    what: str
    facts: Facts
    outcome: str
    rule: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the guidance; its cells are the columns that decide."""

    id: str
    who: str
    what: str
    source: str
    """As the guidance has it; "practice" where it cites nothing."""
    cells: dict[str, tuple[Case, ...]]


def row(row_id: str, who: str, what: str, source: str, *cases: tuple[str, Facts, str, str]) -> Row:
    return Row(row_id, who, what, source, {"Outcome": tuple(Case(*case) for case in cases)})


def use_row(
    row_id: str,
    what: str,
    source: str,
    identifiable: list[tuple[str, Facts, str, str]],
    anonymised: list[tuple[str, Facts, str, str]],
) -> Row:
    return Row(
        row_id,
        "",
        what,
        source,
        {
            "Identifiable or may be": tuple(Case(*case) for case in identifiable),
            "Anonymised (or coded)": tuple(Case(*case) for case in anonymised),
        },
    )


PROCEDURE = {"type": "endoscopic", "made_for": "care", "within_procedure_consent": True}
URGENT = {"integral_to_treatment": True, "those_close_consulted": True, "urgent": True}
NOBODY = URGENT | {"urgent": False, "no_one_with_authority": True}
INTEREST = {"best_interests": {"clinician": True}}
APPROVED = {"legal_basis": "mca-research", "reference": "R1"}
COURT = {"legal_basis": "court-order", "reference": "C1"}
S251 = {
    "legal_basis": "s251",
    "reference": "S1",
    "opt_out_checked": True,
    "patient_opted_out": False,
}
INTIMATE = {
    "type": "photograph",
    "intimate": True,
    "clinically_essential": True,
    "face_to_face": True,
    "approver": "Dr A",
}
COVERT = {"type": "video", "covert": True}
OBJECTS = [{"purposes": ["*"], "made_on": "2026-11-22"}]
ANON, CODED = {"identifiable": "anonymised"}, {"identifiable": "coded"}
MAY_BE, UNSURE = {"identifiable": "may-be"}, {"identifiable": "could-not-tell"}
FOR_TEACHING = {"made_for": "teaching-local"}
OLD = {"made_for": "unknown"}
XRAY = {"type": "x-ray"}
ON = {"var17": "agreed by the partners"}


def by(giver: str, *purposes: str, **given: Any) -> list[dict[str, Any]]:
    return [consent(*purposes, given_by=giver, **given)]


def parent(*purposes: str) -> list[dict[str, Any]]:
    return by("parental-responsibility", *purposes, given_on="2022-01-01")


HERE = ("teaching-local", "organisation")

MAKING = [
    row(
        "making-procedure",
        "adult with capacity",
        "VAR 10 type within a consented procedure",
        "GMC VAR 10–11",
        ("within it", make(recording=PROCEDURE, consents=[]), "permit", "make-var10"),
        (
            "outside it, no consent",
            make(recording=PROCEDURE | {"within_procedure_consent": False}, consents=[]),
            "refuse",
            "make-var10",
        ),
    ),
    row(
        "making-care",
        "adult with capacity",
        "other, for care",
        "GMC VAR 13–14, MDU",
        ("consent", make(), "permit", "make-for-care"),
        ("no consent", make(consents=[]), "refuse", "make-for-care"),
        (
            "secondary use not explained, nobody said why",
            make(consents=[consent("care", told=["purpose", "storage"])]),
            "refuse",
            "make-for-care",
        ),
        (
            "secondary use not explained, and why",
            make(
                consents=[
                    consent(
                        "care", told=["purpose", "storage"], secondary_not_told_because="in pain"
                    )
                ]
            ),
            "permit",
            "make-for-care",
        ),
    ),
    row(
        "making-secondary",
        "adult with capacity",
        "for teaching, research, showing colleagues",
        "GMC VAR 24–26, MDU",
        ("explicit consent before", make("teaching-local"), "permit", "make-secondary"),
        ("the same, research", make("research"), "permit", "make-secondary"),
        ("the same, colleagues", make("interest"), "permit", "make-secondary"),
        (
            "said, and written down",
            make("teaching-local", consents=[consent("teaching-local", form="oral-recorded")]),
            "permit",
            "make-secondary",
        ),
        (
            "only implied",
            make("teaching-local", consents=[consent("teaching-local", form="implied")]),
            "refuse",
            "make-secondary",
        ),
        (
            "not told how long it is kept",
            make(
                "teaching-local",
                consents=[consent("teaching-local", told=["purpose", "storage", "withdrawal"])],
            ),
            "refuse",
            "make-secondary",
        ),
        (
            "agreed only afterwards",
            make("teaching-local", consents=[consent("teaching-local", given_on="2026-11-23")]),
            "refuse",
            "make-secondary",
        ),
    ),
    row(
        "making-public",
        "adult with capacity",
        "for public media, social",
        "GMC VAR 37, 39",
        ("in writing, the organisation agrees", make("publication"), "permit", "make-public"),
        (
            "only said",
            make("social", consents=[consent("social", form="oral-recorded")]),
            "refuse",
            "make-public",
        ),
        (
            "the organisation hasn't agreed",
            make("social", organisation_agrees=None),
            "hold",
            "organisation",
        ),
    ),
    row(
        "making-lacks-authority",
        "adult without capacity",
        "care, someone has authority",
        "MCA 2005, practice",
        (
            "an attorney agreed",
            make(patient=LACKS, consents=by("lpa-health", "care")),
            "permit",
            "make-for-care-by-representative",
        ),
        (
            "a relative agreed",
            make(patient=LACKS, consents=by("relative", "care")),
            "refuse",
            "make-for-care-by-representative",
        ),
        (
            "an attorney agreed, no assessment",
            make(patient=LACKS | {"assessed_on": None}, consents=by("lpa-health", "care")),
            "hold",
            "capacity-assessed",
        ),
    ),
    row(
        "making-lacks-nobody",
        "adult without capacity",
        "care, no one has authority or urgent",
        "practice",
        (
            "integral, in their interests, those close asked; urgent",
            make(patient=LACKS, consents=[], care=URGENT, tests=INTEREST),
            "permit",
            "make-for-care-best-interests",
        ),
        (
            "the same; nobody has authority",
            make(patient=LACKS, consents=[], care=NOBODY, tests=INTEREST),
            "permit",
            "make-for-care-best-interests",
        ),
        (
            "those close not asked",
            make(
                patient=LACKS,
                consents=[],
                care=URGENT | {"those_close_consulted": False},
                tests=INTEREST,
            ),
            "refuse",
            "make-for-care-best-interests",
        ),
    ),
    row(
        "making-lacks-secondary",
        "adult without capacity",
        "not for care",
        "GMC VAR 31–33, MDU",
        (
            "an attorney agreed, three tests by both",
            make("teaching-local", LACKS, consents=by("lpa-health", HERE[0]), tests=THREE_TESTS),
            "permit",
            "make-secondary-by-representative",
        ),
        (
            "one test by the clinician alone",
            make(
                "teaching-local",
                LACKS,
                consents=by("lpa-health", HERE[0]),
                tests=THREE_TESTS | {"necessary": {"clinician": True}},
            ),
            "refuse",
            "three-tests-for-making",
        ),
        (
            "research, approved",
            make("research", LACKS, consents=[], tests=THREE_TESTS, authority=APPROVED),
            "permit",
            "make-research-without-capacity",
        ),
        (
            "research, an attorney agreed, not approved",
            make("research", LACKS, consents=by("lpa-health", "research"), tests=THREE_TESTS),
            "refuse",
            "make-research-without-capacity",
        ),
    ),
    row(
        "making-lost",
        "capacity lost for a while",
        "not for care",
        "practice",
        ("nobody asked", make(HERE[0], LOST, consents=[]), "hold", "capacity-lost-for-now"),
        ("research", make("research", LOST, consents=[]), "hold", "make-on-recovery"),
    ),
    row(
        "making-young",
        "16–17",
        "any",
        "MCA 2005",
        ("care, own consent", make(patient=SEVENTEEN), "permit", "make-for-care"),
        ("teaching, own consent", make(HERE[0], SEVENTEEN), "permit", "make-secondary"),
        (
            "only a parent's consent",
            make(patient=SEVENTEEN, consents=parent("care")),
            "refuse",
            "make-for-care",
        ),
    ),
    row(
        "making-competent",
        "under 16, competent for this decision",
        "any",
        "GMC VAR 34",
        ("care, own consent", make(patient=COMPETENT), "permit", "make-for-care"),
        ("teaching, own consent", make(HERE[0], COMPETENT), "permit", "make-secondary"),
        (
            "own consent, nobody assessed",
            make(patient={"born": "2012-03-01"}),
            "hold",
            "make-for-care-by-parent",
        ),
    ),
    row(
        "making-child-care",
        "under 16, not competent",
        "care",
        "GMC VAR 34",
        (
            "parental responsibility",
            make(patient=CHILD, consents=parent("care")),
            "permit",
            "make-for-care-by-parent",
        ),
        (
            "own consent alone",
            make(patient=CHILD),
            "refuse",
            "make-for-care-by-parent",
        ),
        (
            "the child objects",
            make(patient=CHILD | {"objects_now": True}, consents=parent("care")),
            "refuse",
            "objection-while-making",
        ),
    ),
    row(
        "making-child-secondary",
        "under 16, not competent",
        "not for care",
        "GMC VAR 34, MDU",
        (
            "parental responsibility, three tests by both",
            make(HERE[0], CHILD, consents=parent(HERE[0]), tests=THREE_TESTS),
            "permit",
            "make-secondary-for-child",
        ),
        (
            "no tests",
            make(HERE[0], CHILD, consents=parent(HERE[0])),
            "refuse",
            "three-tests-for-making-of-a-child",
        ),
    ),
    row(
        "making-intimate",
        "a child, intimate area",
        "any",
        "practice",
        (
            "essential, face to face, approved",
            make(patient=CHILD, consents=parent("care"), recording=INTIMATE),
            "permit",
            "make-for-care-by-parent",
        ),
        (
            "nobody named who approved",
            make(patient=CHILD, consents=parent("care"), recording=INTIMATE | {"approver": None}),
            "refuse",
            "intimate-child-making",
        ),
        (
            "sent from home",
            make(
                patient=CHILD, consents=parent("care"), recording=INTIMATE | {"face_to_face": False}
            ),
            "refuse",
            "intimate-child-making",
        ),
        (
            "17, for teaching, own consent",
            make(HERE[0], SEVENTEEN, recording=INTIMATE),
            "refuse",
            "intimate-child-secondary",
        ),
    ),
    row(
        "making-stop",
        "anyone",
        "objects, is distressed, asks to stop",
        "GMC VAR 25, 34, MDU",
        (
            "objects now",
            make(patient=ADULT | {"objects_now": True}),
            "refuse",
            "objection-while-making",
        ),
        ("objected today", make(objections=OBJECTS), "refuse", "objection-while-making"),
    ),
    row(
        "making-cause-of-death",
        "dead (post-mortem)",
        "to find the cause of death",
        "GMC VAR 50",
        (
            "no consent",
            make(
                patient=DEAD,
                consents=[],
                recording={"type": "photograph", "post_mortem": "cause-of-death"},
            ),
            "permit",
            "make-post-mortem",
        ),
    ),
    row(
        "making-post-mortem",
        "dead (post-mortem)",
        "secondary",
        "GMC VAR 51",
        (
            "the post-mortem consent covers it",
            make(
                HERE[0],
                DEAD,
                consents=[],
                recording={
                    "type": "photograph",
                    "post_mortem": "secondary",
                    "post_mortem_consent": True,
                },
            ),
            "permit",
            "make-post-mortem-secondary",
        ),
        (
            "it doesn't",
            make(
                HERE[0],
                DEAD,
                consents=[],
                recording={"type": "photograph", "post_mortem": "secondary"},
            ),
            "refuse",
            "make-post-mortem-secondary",
        ),
    ),
    row(
        "making-covert",
        "anyone",
        "covert",
        "GMC VAR 54–55",
        (
            "a named court order",
            make(recording=COVERT, consents=[], authority=COURT),
            "permit",
            "make-covert",
        ),
        ("no authority", make(recording=COVERT), "refuse", "covert"),
        (
            "an authority without a name",
            make(recording=COVERT, authority={"legal_basis": "statute"}),
            "refuse",
            "covert",
        ),
    ),
]

USING = [
    use_row(
        "use-care",
        "direct care, treating team",
        "GMC CONF, principle 5",
        [
            ("the team", use("care", "team", consents=[]), "permit", "use-for-care"),
            (
                "an objection",
                use("care", "team", consents=[], objections=OBJECTS),
                "refuse",
                "objection",
            ),
        ],
        [
            (
                "the team",
                use("care", "team", consents=[], recording=ANON),
                "permit",
                "use-for-care",
            ),
            (
                "coded",
                use("care", "team", consents=[], recording=CODED),
                "permit",
                "use-for-care",
            ),
        ],
    ),
    use_row(
        "use-second-opinion",
        "second opinion **on this patient**, named colleague",
        "GMC CONF",
        [
            (
                "a named colleague",
                use("second-opinion", "named", consents=[], exposure={}, review={}),
                "permit",
                "use-second-opinion",
            ),
            (
                "a group",
                use("second-opinion", "closed-group", consents=[]),
                "refuse",
                "no-basis",
            ),
            (
                "an objection",
                use("second-opinion", "named", objections=OBJECTS),
                "refuse",
                "objection",
            ),
        ],
        [
            (
                "a named colleague",
                use("second-opinion", "named", consents=[], recording=ANON),
                "permit",
                "use-second-opinion",
            ),
        ],
    ),
    use_row(
        "use-interest",
        "“interesting case” to colleagues",
        "MDU, GMC VAR 17, 24",
        [
            ("no consent", use("interest", "named", consents=[]), "refuse", "use-interest-consent"),
            ("explicit consent", use("interest", "named"), "permit", "use-interest-consent"),
        ],
        [
            (
                "no consent",
                use("interest", "named", consents=[], recording=ANON),
                "refuse",
                "use-interest-consent",
            ),
            (
                "the switch",
                use("interest", "named", consents=[], recording=ANON, switches=ON),
                "permit",
                "use-var17",
            ),
            (
                "the switch, an objection",
                use(
                    "interest",
                    "named",
                    consents=[],
                    recording=ANON,
                    switches=ON,
                    objections=OBJECTS,
                ),
                "refuse",
                "objection",
            ),
        ],
    ),
    use_row(
        "use-audit",
        "clinical audit by the team",
        "GMC CONF, principle 6",
        [
            (
                "the team",
                use("audit", "team", consents=[], exposure={}, review={}),
                "permit",
                "use-for-audit",
            ),
            (
                "an objection",
                use("audit", "team", consents=[], objections=OBJECTS),
                "refuse",
                "objection",
            ),
        ],
        [
            (
                "the team",
                use("audit", "team", consents=[], recording=ANON),
                "permit",
                "use-for-audit",
            ),
        ],
    ),
    use_row(
        "use-teaching-no-consent",
        "local teaching, made for care, no consent",
        "GMC VAR 15, 17, 24–25",
        [
            ("no consent", use(*HERE, consents=[]), "refuse", "use-teaching-consent"),
            ("the switch", use(*HERE, consents=[], switches=ON), "refuse", "use-var17"),
        ],
        [
            (
                "no consent",
                use(*HERE, consents=[], recording=ANON),
                "refuse",
                "use-teaching-consent",
            ),
            (
                "the switch, a reviewer",
                use(*HERE, consents=[], recording=ANON, switches=ON),
                "permit",
                "use-var17",
            ),
            (
                "the switch, no reviewer",
                use("teaching-local", "team", consents=[], recording=ANON, switches=ON, review={}),
                "hold",
                "use-var17",
            ),
            (
                "the switch, nobody could tell",
                use(*HERE, consents=[], recording=UNSURE, switches=ON),
                "hold",
                "look",
            ),
        ],
    ),
    use_row(
        "use-teaching-consent",
        "local teaching, made for teaching, consent",
        "GMC VAR 15, 17, 24–25",
        [
            (
                "within its scope",
                use(*HERE, recording=FOR_TEACHING),
                "permit",
                "use-teaching-consent",
            ),
            (
                "another course",
                use(*HERE, recording=FOR_TEACHING, consents=[consent(HERE[0], target="Leeds")]),
                "refuse",
                "use-teaching-consent",
            ),
            (
                "expired yesterday",
                use(
                    *HERE,
                    recording=FOR_TEACHING,
                    consents=[consent(HERE[0], expires_on="2026-11-21")],
                ),
                "refuse",
                "use-teaching-consent",
            ),
        ],
        [
            (
                "agreed to an unrecognisable picture",
                use(
                    *HERE,
                    recording=FOR_TEACHING | ANON,
                    consents=[consent(HERE[0], identifiable_ok=False)],
                ),
                "permit",
                "use-teaching-consent",
            ),
        ],
    ),
    use_row(
        "use-teaching-wide",
        "wider teaching (conference, e-learning, open web)",
        "GMC VAR 36–38",
        [
            (
                "only agreed to here",
                use("teaching-wide", "closed-group", consents=[consent("teaching-local")]),
                "refuse",
                "use-teaching-wide-consent",
            ),
            (
                "named in the consent",
                use("teaching-wide", "closed-group"),
                "permit",
                "use-teaching-wide-consent",
            ),
        ],
        [
            (
                "named in the consent",
                use("teaching-wide", "closed-group", recording=ANON),
                "permit",
                "use-teaching-wide-consent",
            ),
            (
                "open web: as public",
                use("teaching-wide", "public", recording=ANON, consents=[consent("teaching-wide")]),
                "refuse",
                "use-teaching-open-consent",
            ),
        ],
    ),
    use_row(
        "use-research",
        "research",
        "GMC VAR 17, GMC CONF 80",
        [
            ("consent", use("research", "organisation"), "permit", "use-research-consent"),
            (
                "consent, opted out nationally",
                use("research", "organisation", authority={"patient_opted_out": True}),
                "permit",
                "use-research-consent",
            ),
            (
                "approval, opt-out checked",
                use("research", "organisation", consents=[], authority=S251),
                "permit",
                "use-research-approval",
            ),
            (
                "approval, opt-out not checked",
                use(
                    "research",
                    "organisation",
                    consents=[],
                    authority=S251 | {"opt_out_checked": None},
                ),
                "hold",
                "use-research-approval",
            ),
            (
                "approval, opted out",
                use(
                    "research",
                    "organisation",
                    consents=[],
                    authority=S251 | {"patient_opted_out": True},
                ),
                "refuse",
                "use-research-approval",
            ),
            (
                "neither",
                use("research", "organisation", consents=[]),
                "refuse",
                "use-research-consent",
            ),
        ],
        [
            (
                "consent, project and ethics",
                use("research", "organisation", recording=ANON),
                "permit",
                "use-research-consent",
            ),
            (
                "no ethics reference",
                use("research", "organisation", recording=ANON, project={"reference": "P1"}),
                "refuse",
                "project",
            ),
            (
                "the switch, project and ethics",
                use("research", "organisation", consents=[], recording=ANON, switches=ON),
                "permit",
                "use-var17-research",
            ),
        ],
    ),
    use_row(
        "use-publication",
        "journal or textbook",
        "GMC VAR 37–38",
        [
            ("all of it", use("publication", "public"), "permit", "use-publication-consent"),
            (
                "only said",
                use(
                    "publication",
                    "public",
                    consents=[
                        consent(
                            "publication",
                            form="oral-recorded",
                            target="Journal A",
                            final_item_seen=True,
                        )
                    ],
                ),
                "refuse",
                "use-publication-consent",
            ),
            (
                "another journal",
                use("publication", "public", release={"target": "Journal B"}),
                "refuse",
                "use-publication-consent",
            ),
            (
                "the final item not seen",
                use("publication", "public", consents=[consent("publication", target="Journal A")]),
                "hold",
                "use-publication-consent",
            ),
        ],
        [
            (
                "still sought",
                use("publication", "public", recording=ANON, consents=[]),
                "refuse",
                "use-publication-consent",
            ),
            (
                "all of it",
                use("publication", "public", recording=ANON),
                "permit",
                "use-publication-consent",
            ),
            (
                "coded counts as identifiable",
                use(
                    "publication",
                    "public",
                    recording=CODED,
                    consents=[
                        consent(
                            "publication",
                            target="Journal A",
                            final_item_seen=True,
                            identifiable_ok=False,
                        )
                    ],
                ),
                "refuse",
                "use-publication-consent",
            ),
        ],
    ),
    use_row(
        "use-var10",
        "VAR 10 type, secondary",
        "GMC VAR 12",
        [
            (
                "consent",
                use(*HERE, recording=XRAY),
                "refuse",
                "var10-anonymised-first",
            ),
            (
                "coded",
                use(*HERE, recording=XRAY | CODED),
                "refuse",
                "var10-anonymised-first",
            ),
        ],
        [
            (
                "no consent",
                use(*HERE, consents=[], recording=XRAY | ANON),
                "permit",
                "use-var10-anonymised",
            ),
            (
                "open web, no consent",
                use("teaching-wide", "public", consents=[], recording=XRAY | ANON),
                "refuse",
                "use-teaching-open-consent",
            ),
        ],
    ),
    use_row(
        "use-social",
        "social media, closed professional group included; marketing",
        "GMC SM 9, 18–19, MDU",
        [
            (
                "agreed to exactly that",
                use("social", "closed-group"),
                "permit",
                "use-social-consent",
            ),
            ("marketing, agreed", use("marketing", "public"), "permit", "use-social-consent"),
            (
                "agreed to publication",
                use(
                    "social",
                    "public",
                    consents=[consent("publication", target="Journal A", final_item_seen=True)],
                ),
                "refuse",
                "use-social-consent",
            ),
        ],
        [
            (
                "no consent",
                use("social", "closed-group", recording=ANON, consents=[]),
                "refuse",
                "use-social-consent",
            ),
            (
                "agreed; too few people",
                use("social", "public", recording=ANON, exposure={"verdict": "block"}),
                "refuse",
                "exposure",
            ),
            (
                "agreed; not assessed",
                use("social", "public", recording=ANON, exposure={"verdict": "not-assessed"}),
                "hold",
                "exposure",
            ),
        ],
    ),
    use_row(
        "use-by-law",
        "court, regulator, statute",
        "GMC VAR 15, GMC CONF 87–88",
        [
            (
                "a court order, against an objection",
                use("legal", "named", consents=[], authority=COURT, objections=OBJECTS),
                "permit",
                "use-by-law",
            ),
            (
                "public interest alone",
                use("legal", "named", consents=[], authority={"legal_basis": "public-interest"}),
                "refuse",
                "use-by-law",
            ),
        ],
        [],
    ),
    use_row(
        "use-complaint",
        "complaint, claim",
        "practice",
        [
            (
                "relevant",
                use("complaint", "named", consents=[], complaint={"relevant": True}),
                "permit",
                "use-for-complaint",
            ),
            (
                "not said to be",
                use("complaint", "named", consents=[]),
                "refuse",
                "use-for-complaint",
            ),
        ],
        [],
    ),
    use_row(
        "use-old-collection",
        "no record of consent (old collections)",
        "GMC VAR 22–23",
        [
            (
                "no record",
                use(*HERE, consents=[], recording=OLD),
                "refuse",
                "no-record-of-consent",
            ),
            (
                "clearly not given",
                use(*HERE, consents=[], recording=OLD, objections=OBJECTS),
                "refuse",
                "objection",
            ),
        ],
        [
            (
                "no record",
                use(*HERE, consents=[], recording=OLD | ANON),
                "refuse",
                "no-record-of-consent",
            ),
            (
                "the switch, teaching",
                use(*HERE, consents=[], recording=OLD | ANON, switches=ON),
                "permit",
                "use-old-collection",
            ),
            (
                "the switch, anything else",
                use("interest", "named", consents=[], recording=OLD | ANON, switches=ON),
                "refuse",
                "use-interest-consent",
            ),
        ],
    ),
    use_row(
        "use-dead-no",
        "dead, wish known: no",
        "GMC VAR 47",
        [
            (
                "agreed before",
                use(*HERE, DEAD | {"known_wishes": {HERE[0]: "no"}}),
                "refuse",
                "dead-wish-no",
            ),
        ],
        [
            (
                "agreed before",
                use(*HERE, DEAD | {"known_wishes": {HERE[0]: "no"}}, recording=ANON),
                "refuse",
                "dead-wish-no",
            ),
        ],
    ),
    use_row(
        "use-dead-yes",
        "dead, wish known: yes for this purpose",
        "GMC VAR 47",
        [
            (
                "the wish",
                use(*HERE, DEAD | {"known_wishes": {HERE[0]: "yes"}}, consents=[]),
                "permit",
                "dead-wish-known",
            ),
            (
                "withdrawn in life",
                use(
                    *HERE,
                    DEAD | {"known_wishes": {HERE[0]: "yes"}},
                    consents=[consent(HERE[0], withdrawn_on="2026-07-01")],
                ),
                "refuse",
                "withdrawal",
            ),
            (
                "for another purpose",
                use(*HERE, DEAD | {"known_wishes": {"research": "yes"}}, consents=[]),
                "hold",
                "dead-consulted-legal-advice",
            ),
        ],
        [
            (
                "the wish",
                use(*HERE, DEAD | {"known_wishes": {HERE[0]: "yes"}}, consents=[], recording=ANON),
                "permit",
                "dead-wish-known",
            ),
        ],
    ),
    use_row(
        "use-dead-unknown",
        "dead, wish unknown; identifiable or public domain",
        "GMC VAR 47–48, MDU",
        [
            (
                "nobody asked",
                use(*HERE, DEAD | {"genetic_or_third_party": False}, consents=[]),
                "hold",
                "dead-consulted",
            ),
            (
                "executor or family asked",
                use(
                    *HERE,
                    DEAD | {"genetic_or_third_party": False},
                    consents=[],
                    executor_or_family_consulted=True,
                ),
                "permit",
                "dead-consulted",
            ),
            (
                "the same, genetic",
                use(
                    *HERE,
                    DEAD | {"genetic_or_third_party": True},
                    consents=[],
                    executor_or_family_consulted=True,
                ),
                "permit",
                "dead-consulted-legal-advice",
            ),
        ],
        [
            (
                "nobody asked",
                use(*HERE, DEAD, consents=[], recording=ANON),
                "permit",
                "dead-anonymised",
            ),
            (
                "an objection",
                use(*HERE, DEAD, consents=[], recording=ANON, objections=OBJECTS),
                "refuse",
                "objection",
            ),
            (
                "public domain",
                use("publication", "public", DEAD, consents=[], recording=ANON),
                "hold",
                "dead-consulted-legal-advice",
            ),
        ],
    ),
    use_row(
        "use-matured",
        "matured child, a parent's consent",
        "GMC VAR 35, MDU",
        [
            (
                "16",
                use(*HERE, SEVENTEEN, consents=parent(HERE[0])),
                "hold",
                "use-teaching-consent",
            ),
            (
                "found able before 16",
                use(*HERE, COMPETENT, consents=parent(HERE[0])),
                "hold",
                "use-teaching-consent",
            ),
            (
                "own, later consent",
                use(*HERE, SEVENTEEN, consents=[*parent(HERE[0]), consent(HERE[0])]),
                "permit",
                "use-teaching-consent",
            ),
        ],
        [
            (
                "16",
                use(*HERE, SEVENTEEN, consents=parent(HERE[0]), recording=ANON),
                "permit",
                "use-teaching-consent",
            ),
        ],
    ),
]

CASES = {
    f"{each.id} · {column} · {case.what}": case
    for each in [*MAKING, *USING]
    for column, cases in each.cells.items()
    for case in cases
}
