"""The facts of a decision, read from the JSON contract. What isn't known to the contract refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from safelight.terms import Audience, Identifiability, Purpose, RecordingType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

ACTIONS = frozenset({"make", "view", "use", "disclose"})
PURPOSES = frozenset(purpose.value for purpose in Purpose)
AUDIENCES = frozenset(audience.value for audience in Audience)
TYPES = frozenset(kind.value for kind in RecordingType)
IDENTIFIABLE = frozenset(state.value for state in Identifiability)
MADE_FOR = PURPOSES | {"unknown"}
NOT_SAID = "not-said"
"""What a rule calls `made_for` where the facts leave it out: "unknown" is said, of an old collection."""
CAPACITY = frozenset({"has", "lacks", "lost-for-now", "unassessed"})
GILLICK = frozenset({"competent", "not-competent", "unassessed"})
FORMS = frozenset({"written", "electronic", "oral-recorded", "implied"})
TOLD = frozenset(
    {"purpose", "helps", "retention", "storage", "withdrawal", "secondary", "irrevocable"}
)
VERDICTS = frozenset({"clear", "review", "block", "not-assessed"})
CLASSES = frozenset({"identifiable", "coded", "anonymised"})
WISHES = frozenset({"yes", "no"})
POST_MORTEM = frozenset({"cause-of-death", "secondary"})
_YEARS = range(1800, 2400)
"""A day outside these is a slip of the pen, and calendar rules must not run off the calendar."""

Parse = "Callable[[Any, str, Reader], Any]"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What differs between jurisdictions in the contract itself; each id with its plain words."""

    zone: ZoneInfo
    kinds: Mapping[str, str]
    """Who may have given a consent: kinds of authority, and "patient"."""
    legal_bases: Mapping[str, str]
    tests: Mapping[str, str]
    """What clinician and representative have to be satisfied of."""
    switches: Mapping[str, str]
    """What a practice may turn on, with a recorded reason."""


@dataclass(slots=True)
class Reader:
    """Reads one set of facts and remembers every field or value that it doesn't know."""

    vocabulary: Vocabulary
    unknown: list[str] = field(default_factory=list)

    def section(
        self, found: Any, fields: Mapping[str, Any], path: str, known: dict[str, Any]
    ) -> dict[str, Any]:
        """Return `known` with the parsed fields of an object; absent and null ones stay as they are."""
        if not isinstance(found, dict):
            self.unknown.append(path)
            return known
        for name, value in found.items():
            parse = fields.get(name)
            if parse is None:
                self.unknown.append(path + str(name))
            elif value is None:
                continue
            elif parse.__class__ is frozenset:  # one of these; without a call, most fields are such
                if value.__class__ is str and value in parse:
                    known[name] = value
                else:
                    known[name] = _one_of(value, parse, path + name, self)
            elif parse is _yes_no and value.__class__ is bool:
                known[name] = value
            else:
                known[name] = parse(value, path + name, self)
        return known


def _one_of(value: Any, allowed: frozenset[str], path: str, reader: Reader) -> str | None:
    if isinstance(value, str) and value in allowed:
        return value
    reader.unknown.append(path)
    return None


def _list_of(allowed: frozenset[str]) -> Callable[[Any, str, Reader], frozenset[str]]:
    def parse(value: Any, path: str, reader: Reader) -> frozenset[str]:
        try:
            found = frozenset(value) if isinstance(value, list) else None
        except TypeError:  # what has no hash is none of them
            found = None
        if found is not None and found <= allowed:
            return found
        reader.unknown.append(path)
        return frozenset()

    return parse


def _yes_no(_: Any, path: str, reader: Reader) -> None:
    """Refuse what is neither yes nor no: `Reader.section` takes those without a call."""
    reader.unknown.append(path)


def _words(value: Any, path: str, reader: Reader) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    reader.unknown.append(path)
    return None


def _named(value: Any, path: str, reader: Reader) -> bool | None:
    """Read who or why: words that say it, or a plain yes or no."""
    if isinstance(value, bool):
        return value
    return True if _words(value, path, reader) else None


def _day(value: Any, path: str, reader: Reader) -> date | None:
    """Read a day, or an instant as the day that it falls on in the pack's time zone."""
    try:
        day = _day_of(value, reader.vocabulary.zone)
    except (TypeError, ValueError, OverflowError):
        reader.unknown.append(path)
        return None
    if day.year not in _YEARS:
        reader.unknown.append(path)
        return None
    return day


def _day_of(instant: str, zone: ZoneInfo) -> date:
    at = datetime.fromisoformat(instant)
    return (at.astimezone(zone) if at.tzinfo else at).date()


def _wishes(value: Any, path: str, reader: Reader) -> dict[str, str]:
    known: dict[str, str] = {}
    for purpose, wish in value.items() if isinstance(value, dict) else [(path, value)]:
        if purpose in PURPOSES and isinstance(wish, str) and wish in WISHES:
            known[purpose] = wish
        elif purpose not in PURPOSES or wish is not None:
            reader.unknown.append(path)
    return known


def _giver(value: Any, path: str, reader: Reader) -> str | None:
    if isinstance(value, str) and value in reader.vocabulary.kinds:
        return value
    reader.unknown.append(path)
    return None


def _legal_basis(value: Any, path: str, reader: Reader) -> str | None:
    if isinstance(value, str) and value in reader.vocabulary.legal_bases:
        return value
    reader.unknown.append(path)
    return None


NOTHING: Mapping[str, Any] = MappingProxyType({})

# The facts are named tuples: thousands are read a second, and a frozen dataclass takes twice as long.


class Patient(NamedTuple):
    """Who it is about, as far as a decision needs it."""

    born: date | None = None
    died: date | None = None
    capacity: str | None = None
    gillick: str | None = None
    assessed_on: date | None = None
    objects_now: bool | None = None
    known_wishes: Mapping[str, str] = NOTHING
    genetic_or_third_party: bool | None = None


class Recording(NamedTuple):
    """What was, or is to be, made."""

    type: str | None = None
    made_for: str | None = None
    made_on: date | None = None
    identifiable: str | None = None
    within_procedure_consent: bool | None = None
    intimate: bool | None = None
    clinically_essential: bool | None = None
    face_to_face: bool | None = None
    approver: bool | None = None
    chaperone: bool | None = None
    covert: bool | None = None
    post_mortem: str | None = None
    post_mortem_consent: bool | None = None
    relatives_told: bool | None = None


class ConsentFact(NamedTuple):
    """One consent, as it was given."""

    purposes: frozenset[str] = frozenset()
    target: str | None = None
    identifiable_ok: bool | None = None
    given_on: date | None = None
    given_by: str | None = None
    form: str | None = None
    told: frozenset[str] = frozenset()
    secondary_not_told_because: str | None = None
    expires_on: date | None = None
    withdrawn_on: date | None = None
    final_item_seen: bool | None = None


class ObjectionFact(NamedTuple):
    """A recorded no; purposes may be "*"."""

    purposes: frozenset[str] = frozenset()
    made_on: date | None = None


class Authority(NamedTuple):
    """A power of law that is claimed, or an approval."""

    legal_basis: str | None = None
    reference: str | None = None
    opt_out_checked: bool | None = None
    patient_opted_out: bool | None = None


class Device(NamedTuple):
    """What it would be opened on."""

    registered: bool | None = None
    personal: bool | None = None
    allowed_classes: frozenset[str] = frozenset()


class Care(NamedTuple):
    """Care of someone who can't decide, where nobody has authority or it is urgent."""

    integral_to_treatment: bool | None = None
    those_close_consulted: bool | None = None
    no_one_with_authority: bool | None = None
    urgent: bool | None = None


class Facts(NamedTuple):
    """Everything that a decision may look at; None is unknown, and unknown never permits."""

    action: str | None = None
    purpose: str | None = None
    audience: str | None = None
    at: date | None = None
    patient: Patient = Patient()
    recording: Recording = Recording()
    consents: tuple[ConsentFact, ...] = ()
    objections: tuple[ObjectionFact, ...] = ()
    tests: Mapping[str, Mapping[str, bool]] = NOTHING
    authority: Authority = Authority()
    release_target: str | None = None
    project_reference: str | None = None
    project_ethics: str | None = None
    organisation_agrees: bool | None = None
    executor_or_family_consulted: bool | None = None
    second_person: bool | None = None
    exposure_verdict: str | None = None
    switches: Mapping[str, bool] = NOTHING
    device: Device | None = None
    care: Care = Care()
    complaint_relevant: bool | None = None


_PATIENT = {
    "born": _day,
    "died": _day,
    "capacity": CAPACITY,
    "gillick": GILLICK,
    "assessed_on": _day,
    "objects_now": _yes_no,
    "known_wishes": _wishes,
    "genetic_or_third_party": _yes_no,
}
_RECORDING = {
    "type": TYPES,
    "made_for": MADE_FOR,
    "made_on": _day,
    "identifiable": IDENTIFIABLE,
    "within_procedure_consent": _yes_no,
    "intimate": _yes_no,
    "clinically_essential": _yes_no,
    "face_to_face": _yes_no,
    "approver": _named,
    "chaperone": _named,
    "covert": _yes_no,
    "post_mortem": POST_MORTEM,
    "post_mortem_consent": _yes_no,
    "relatives_told": _yes_no,
}
_CONSENT = {
    "purposes": _list_of(PURPOSES),
    "target": _words,
    "identifiable_ok": _yes_no,
    "given_on": _day,
    "given_by": _giver,
    "form": FORMS,
    "told": _list_of(TOLD),
    "secondary_not_told_because": _words,
    "expires_on": _day,
    "withdrawn_on": _day,
    "final_item_seen": _yes_no,
}
_OBJECTION = {"purposes": _list_of(PURPOSES | {"*"}), "made_on": _day}
_TEST = {"clinician": _yes_no, "representative": _yes_no}
_AUTHORITY = {
    "legal_basis": _legal_basis,
    "reference": _words,
    "opt_out_checked": _yes_no,
    "patient_opted_out": _yes_no,
}
_DEVICE = {"registered": _yes_no, "personal": _yes_no, "allowed_classes": _list_of(CLASSES)}
_CARE = {
    "integral_to_treatment": _yes_no,
    "those_close_consulted": _yes_no,
    "no_one_with_authority": _yes_no,
    "urgent": _yes_no,
}
_RELEASE = {"target": _words, "recipient": _words}
_PROJECT = {"reference": _words, "ethics": _words}
_REVIEW = {"second_person": _named}
_EXPOSURE = {"verdict": VERDICTS}
_COMPLAINT = {"relevant": _yes_no}


def _object(kind: type[Any], fields: Mapping[str, Any]) -> Callable[[Any, str, Reader], Any]:
    nothing, make = kind()._asdict(), kind._make

    def parse(value: Any, path: str, reader: Reader) -> Any:
        return make(reader.section(value, fields, path + ".", nothing.copy()).values())

    return parse


def _many(
    kind: type[Any], fields: Mapping[str, Any]
) -> Callable[[Any, str, Reader], tuple[Any, ...]]:
    one = _object(kind, fields)

    def parse(value: Any, path: str, reader: Reader) -> tuple[Any, ...]:
        if not isinstance(value, list):
            reader.unknown.append(path)
            return ()
        path += "[]"
        return tuple([one(each, path, reader) for each in value])

    return parse


def _plain(fields: Mapping[str, Any]) -> Callable[[Any, str, Reader], dict[str, Any]]:
    def parse(value: Any, path: str, reader: Reader) -> dict[str, Any]:
        return reader.section(value, fields, path + ".", {})

    return parse


def _tests(value: Any, path: str, reader: Reader) -> dict[str, dict[str, Any]]:
    asked = dict.fromkeys(reader.vocabulary.tests, _BY_BOTH)
    return reader.section(value, asked, path + ".", {})


def _switches(value: Any, path: str, reader: Reader) -> dict[str, Any]:
    there = dict.fromkeys(reader.vocabulary.switches, _named)
    return reader.section(value, there, path + ".", {})


_BY_BOTH = _plain(_TEST)
_TOP: dict[str, Any] = {
    "action": ACTIONS,
    "purpose": PURPOSES,
    "audience": AUDIENCES,
    "at": _day,
    "patient": _object(Patient, _PATIENT),
    "recording": _object(Recording, _RECORDING),
    "consents": _many(ConsentFact, _CONSENT),
    "objections": _many(ObjectionFact, _OBJECTION),
    "tests": _tests,
    "authority": _object(Authority, _AUTHORITY),
    "release": _plain(_RELEASE),
    "project": _plain(_PROJECT),
    "organisation_agrees": _yes_no,
    "executor_or_family_consulted": _yes_no,
    "review": _plain(_REVIEW),
    "exposure": _plain(_EXPOSURE),
    "switches": _switches,
    "device": _object(Device, _DEVICE),
    "care": _object(Care, _CARE),
    "complaint": _plain(_COMPLAINT),
}

FLAT = {
    ("release", "target"): "release_target",
    ("project", "reference"): "project_reference",
    ("project", "ethics"): "project_ethics",
    ("review", "second_person"): "second_person",
    ("exposure", "verdict"): "exposure_verdict",
    ("complaint", "relevant"): "complaint_relevant",
}
"""Objects of one or two fields in the contract are single fields of `Facts`."""
IN_WORDS = frozenset(
    {"reference", "project_reference", "project_ethics", "secondary_not_told_because"}
)
"""Fields of `Facts` that hold somebody's own words, of which only that they were said matters."""
_SECTIONS = tuple(dict.fromkeys(section for section, _ in FLAT))
_NOTHING_KNOWN = Facts()._asdict()


def read(given: Any, *, vocabulary: Vocabulary) -> tuple[Facts, tuple[str, ...]]:
    """Return the facts, and the paths of every field or value that contract and pack don't know."""
    reader = Reader(vocabulary)
    top = reader.section(given, _TOP, "", _NOTHING_KNOWN.copy())
    for section in _SECTIONS:
        for name, value in top.pop(section, NOTHING).items():
            if (section, name) in FLAT:
                top[FLAT[section, name]] = value
    return Facts._make(top.values()), tuple(reader.unknown)
