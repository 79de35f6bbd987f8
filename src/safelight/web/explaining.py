"""From a blocker to the page that lifts it, or to honest words where nothing does.

Every need that a decision can name has one line in `STEPS`; a test walks them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.text import slugify

from safelight.flows import discreet
from safelight.policy.roles import Action
from safelight.terms import Purpose

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.flows.deciding import Decision
    from safelight.policy.answers import Because, Need
    from safelight.records.models import Matter, Patient, Photo, Release, Staff


@dataclass(frozen=True, slots=True)
class Way:
    """A step that may lead to a yes, with the page that starts it; words alone where there is none."""

    title: str
    text: str
    href: str
    icon_name: str
    needs: str = ""
    """The action that a role needs for that page; empty where whoever reads this may."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked when the decision was taken."""

    patient: Patient
    purpose: Purpose | None = None
    photo: Photo | None = None
    release: Release | None = None
    matter: Matter | None = None


Page = Callable[[Asked], str]
"""Returns the address of the page that starts the step, or nothing where none does."""


@dataclass(frozen=True, slots=True)
class Step:
    """What lifts one kind of need."""

    field: str
    """Start of the need's field as `decide` names it; with a star, all of it."""
    title: str
    text: str
    icon_name: str = "info"
    page: Page | None = None
    needs: Action | None = None
    purpose: Purpose | None = None
    """The one purpose that it is for; None: any."""


def explained(
    decision: Decision,
    patient: Patient,
    *,
    reader: Staff,
    purpose: Purpose | None = None,
    photo: Photo | None = None,
    release: Release | None = None,
    matter: Matter | None = None,
    also: tuple[Way, ...] = (),
    now: datetime,
) -> dict[str, Any]:
    """Return what `components/decision_page.html` shows: the decision, the ways, and honest words.

    reader: who sees the page; what only governance may know is put so that it tells nothing.
    """
    decision = discreet.told_to(reader, decision, now=now)
    asked = Asked(patient, purpose, photo, release, matter)
    found = _ways(decision, asked)
    return {
        "decision": decision,
        "patient": patient,
        "ways": (*(each for each in found if each.href), *also),
        "words": (*(each for each in found if not each.href), *_notes(decision, asked)),
        "now": now,
    }


def ways(
    decision: Decision,
    patient: Patient,
    *,
    purpose: Purpose | None = None,
    photo: Photo | None = None,
    release: Release | None = None,
) -> tuple[Way, ...]:
    """Return for every blocker the step that lifts it, each once; without an address, words."""
    return _ways(decision, Asked(patient, purpose, photo, release))


def _ways(decision: Decision, asked: Asked) -> tuple[Way, ...]:
    found: dict[tuple[str, str], Way] = {}
    for reason in decision.because:
        if reason.outcome != "permit":
            way = _way(reason, asked)
            found.setdefault((way.href, "" if way.href else way.title), way)
    return tuple(found.values())


def step_for(reason: Because, purpose: Purpose | None = None) -> Step:
    """Return the step that lifts a blocker; the last line of the table knows every other field."""
    if reason.needs is None:
        return NEVER
    return next(
        step
        for step in STEPS
        if step.purpose in {None, purpose} and _fits(step, reason.rule, reason.needs)
    )


def _fits(step: Step, rule: str, need: Need) -> bool:
    if step.field.startswith("rule:"):
        return step.field == f"rule:{rule}"
    start, _, wanted = step.field.partition("=")
    fits = fnmatchcase(need.field, start) if "*" in start else need.field.startswith(start)
    return fits and (not wanted or need.value == wanted)


def _way(reason: Because, asked: Asked) -> Way:
    step = step_for(reason, asked.purpose)
    href = step.page(asked) if step.page else ""
    needs = step.needs.value if step.needs and href else ""
    return Way(step.title, step.text, href, step.icon_name, needs)


def _notes(decision: Decision, asked: Asked) -> tuple[Way, ...]:
    """Return whose authority has ended, where that is what blocks."""
    fields = {each.needs.field for each in decision.because if each.needs}
    if not fields & {"consents[].expires_on", "consents[].given_by"}:
        return ()
    ended = [each for each in asked.patient.representatives.all() if each.last_on is not None]
    return tuple(
        Way(
            f"The authority of {each.name} ends",
            f"Last day: {each.last_on:%-d %B %Y}. What was agreed under it ends with it.",
            "",
            "people",
        )
        for each in ended
    )


# --- the pages ------------------------------------------------------------------------------------


def _of_patient(name: str, query: str = "") -> Page:
    return lambda asked: reverse(name, args=[asked.patient.pk]) + query


def _sheet(asked: Asked) -> str:
    """Return the words to be shown: about this picture's part of the body, or about one to choose."""
    if asked.photo is None:
        return reverse("picture-new", args=[asked.patient.pk])
    place = [asked.patient.pk, slugify(asked.photo.body_site)]
    return reverse("consent", args=place) + "?again="


def _choice(kind: str, otherwise: str = "") -> Page:
    """Return where the choice is offered that waits for the patient, or the page for another day."""

    def page(asked: Asked) -> str:
        if asked.patient.choices.filter(kind=kind, closed_at=None).exists():
            return reverse("choice", args=[asked.patient.pk, kind])
        return reverse(otherwise, args=[asked.patient.pk]) if otherwise else _sheet(asked)

    return page


def _weighing(asked: Asked) -> str:
    if asked.purpose is None:
        return ""
    if asked.photo is None:
        return reverse("weighing-making", args=[asked.patient.pk, asked.purpose.value])
    return reverse("weighing", args=[asked.photo.pk, asked.purpose.value])


def _study(asked: Asked) -> str:
    if asked.photo is None:
        return reverse("study-making", args=[asked.patient.pk])
    return reverse("study", args=[asked.photo.pk])


def _matter(asked: Asked) -> str:
    """Return the matter that asks for it, or where one is written down."""
    if asked.matter is not None:
        return reverse("matter", args=[asked.matter.pk])
    return reverse("matter-new", args=[asked.patient.pk])


def _copy(asked: Asked) -> str:
    """Return where a copy is asked for, or the one that is being made."""
    if asked.release is not None:
        return reverse("release", args=[asked.release.pk])
    return reverse("copy-new", args=[asked.photo.pk]) if asked.photo else ""


def _other_copy(asked: Asked) -> str:
    return reverse("copy-new", args=[asked.photo.pk]) if asked.photo else ""


def _of_release(name: str) -> Page:
    def page(asked: Asked) -> str:
        waits = asked.release is not None and asked.release.state == "waiting"
        return reverse(name, args=[asked.release.pk]) if waits and asked.release else ""

    return page


# --- the table ------------------------------------------------------------------------------------

_CONSENT, _COPY = Action.RECORD_CONSENT, Action.REQUEST_RELEASE
_NO_BUTTON = "Nothing on this page can lift that."

NEVER = Step("", "This stays closed", "No agreement and no step opens it.", "lock")

# fmt: off
STEPS: tuple[Step, ...] = (
    # who decides
    Step("patient.gillick", "Assess whether the child can decide", "For this very decision. About two minutes.", "person", _of_patient("assessment-new"), _CONSENT),
    Step("patient.assessed_on", "Assess whether the patient can decide this", "Capacity for this very decision, on this day. Another decision’s doesn’t count.", "person", _of_patient("assessment-new"), _CONSENT),
    Step("patient.capacity", "Ask the patient, once able to decide again", "Look first whether that is so. Until the answer other uses wait.", "person", _choice("recovered", "assessment-new"), _CONSENT),
    Step("patient.objects_now", "Stop for today", "The patient says no or is upset. Ask another day, without pressing.", "cross"),
    Step("patient.born", "Write down the date of birth", "Who decides depends on it.", "person", _of_patient("patient-correct"), _CONSENT),
    # after a death, and what is known not to be wanted
    Step("rule:dead-wish-no", "The patient didn’t want this", "A known no stands after a death, too. Nobody can lift it.", "lock"),
    Step("rule:known-wish-no", "The patient is known not to want this", "A known no stands. Nobody can lift it.", "lock"),
    Step("patient.known_wishes", "Write down what the patient wished", "Only if it is known. A wish against it can’t be lifted.", "talk", _of_patient("patient-death"), _CONSENT),
    Step("executor_or_family_consulted", "Ask the executor or the family", "Then write down who was asked, when, and what they said.", "people", _of_patient("consultation-new"), _CONSENT),
    Step("patient.genetic_or_third_party", "Say whether it tells about relatives", "If it does, legal advice comes first.", "people", _of_patient("patient-death"), _CONSENT),
    # what was agreed
    Step(f"rule:{discreet.RULE}", "This use is closed", "Don’t ask again for this. If the patient wants it otherwise, a new conversation says so.", "lock"),
    Step("objections", "The patient said no", "Don’t ask again for this. If they change their mind, a new conversation says so.", "talk"),
    Step("consents[].withdrawn_on", "It was taken back", "Don’t ask again for this. If they change their mind, a new conversation says so.", "undo"),
    Step("consents[].given_by=patient", "Ask the patient", "Somebody else agreed. Now it is the patient’s own choice.", "talk", _choice("grown-up"), _CONSENT),
    Step("consents[].given_by", "Ask the person who may decide", "See who has authority today, then ask them.", "people", _of_patient("patient-deciders")),
    Step("consents[].expires_on", "Ask again", "What was agreed has run out, or the authority under it.", "talk", _sheet, _CONSENT),
    Step("consents[].given_on", "Ask before the picture is taken", "The words are on the screen. About a minute.", "talk", _sheet, _CONSENT),
    Step("consents[].form", "Ask again, in writing", "It takes a signature, on the screen or on paper.", "talk", _sheet, _CONSENT),
    Step("consents[].told", "Ask again, and say everything", "Something that has to be said wasn’t.", "talk", _sheet, _CONSENT),
    Step("consents[].secondary_not_told_because", "Ask again, and say everything", "Say what else pictures may be used for, or why that can’t be said now.", "talk", _sheet, _CONSENT),
    Step("consents[].identifiable_ok", "Prepare a copy that shows nobody", "The yes doesn’t reach a picture that may show who it is.", "people", _copy, _COPY),
    Step("consents[].target", "Ask again, for this one place", "One journal, book or page is named in the yes.", "talk", _sheet, _CONSENT),
    Step("consents[].final_item_seen", "Show the patient the finished copy", "It is shown as it will be seen. Comes once the copy waits for a second person.", "eye", _of_release("release-shown"), _CONSENT),
    Step("consents", "Ask the patient", "The words are on the screen. About a minute.", "talk", _sheet, _CONSENT),
    # what is weighed for someone who can't decide
    Step("tests.*.clinician", "Record why treatment needs it", "Nobody who may decide is here, or it is urgent.", "book", _of_patient("picture-new", "?because=treatment"), _CONSENT),
    Step("tests.", "Ask the representative, and answer yourself", "The same questions to both of you, with reasons.", "people", _weighing, _CONSENT),
    Step("care.", "Record why treatment needs it", "Nobody who may decide is here, or it is urgent.", "book", _of_patient("picture-new", "?because=treatment"), _CONSENT),
    # courts and complaints
    Step("authority.", "Say what the law demands, and why it needs this picture", "Who demands it, on what that rests, and for how much. The governance lead writes it down.", "book", _matter, Action.GOVERN, Purpose.LEGAL),
    Step("complaint.", "Say what the complaint is, and why it needs this picture", "Its number, who asks, and for how much. The governance lead writes it down.", "book", _matter, Action.GOVERN),
    # research
    Step("authority.legal_basis", "Write down on what this research rests", "Project, ethics reference, and the approval where there is no consent.", "book", _study, _CONSENT, Purpose.RESEARCH),
    Step("authority.reference", "Write down on what this research rests", "Project, ethics reference, and the approval where there is no consent.", "book", _study, _CONSENT, Purpose.RESEARCH),
    Step("authority.patient_opted_out", "Look whether the patient opted out", "Then write down what the check gave. Who opted out stays out.", "search", _study, _CONSENT),
    Step("authority.opt_out_checked", "Check the national opt-out", "Then write down what it gave, with the approval.", "search", _study, _CONSENT),
    Step("authority.", "Only the law opens this", f"A court or a statute has to demand it. Talk to the governance lead. {_NO_BUTTON}", "book"),
    Step("project.", "Name the project and its ethics reference", "For research they are asked on one page.", "book", _study, _CONSENT),
    # the recording
    Step("recording.identifiable", "Prepare a copy that shows nobody", "A person covers what shows who it is, and a second person looks.", "people", _copy, _COPY),
    Step("recording.within_procedure_consent", "Say which procedure it is part of", "What the patient agreed to there covers it.", "book", _of_patient("picture-new", "?because=procedure"), _CONSENT),
    Step("recording.post_mortem_consent", "Say what the post-mortem consent covers", "Only if it covers this.", "book", _of_patient("picture-new", "?because=post-mortem"), _CONSENT),
    Step("recording.", "Say it before the picture", "Who was there, why it is needed, and who approved it.", "person", _of_patient("picture-new"), _CONSENT),
    # what leaves
    Step("organisation_agrees", "Ask the governance lead", "The organisation has to agree. Comes once the copy waits for a second person.", "people", _of_release("release-organisation"), Action.GOVERN),
    Step("exposure.verdict", "Say less beside the picture", "The crowd it could be from is counted with all that has left.", "people", _copy, _COPY),
    Step("review.second_person", "A second person has to look", "Someone who neither asked for it nor made it, on the release desk.", "people", _of_release("release")),
    Step("release.target", "Ask for the place that was agreed", "The yes names another one.", "book", _other_copy, _COPY),
    Step("audience", "Ask for fewer eyes", "Nothing permits this for so many.", "eye", _other_copy, _COPY),
    Step("switches.", "The practice doesn’t use this rule", "Consent is the other way. The governance lead can turn it on, with a reason.", "book", lambda _: reverse("rules") + "#switches", Action.GOVERN),
    Step("device.", "Use a device of the practice", f"This one may not open such a picture. {_NO_BUTTON}", "phone"),
    # everything else: a fact that no page asks for
    Step("", "Something wasn’t said that the rules need", f"Tell whoever runs Safelight here. {_NO_BUTTON}", "warn"),
)
# fmt: on
"""The first line that fits is the step. "=" asks for a value, too; "rule:" names the rule that blocks."""
