"""One case: the facts, and what follows from them under a pack's terms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from safelight.policy import facts as contract
from safelight.policy.retention import anniversary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from safelight.policy.facts import ConsentFact, Facts
    from safelight.policy.pack import Pack
    from safelight.policy.terms import Terms


class Case(NamedTuple):
    """What rules look at. The names are the keys that a pack's `when` may use."""

    facts: Facts
    terms: Terms
    at: date
    action: str
    purpose: str
    audience: str
    standing: str
    """"self": decides; "lacks", "lost", "child": someone else may; "dead"; "unknown": no date of birth."""
    seen: str
    """"identifiable", "coded" or "anonymised", for this audience."""
    kind: str
    """"procedural" for the kinds whose making a procedure's consent carries, else "other"."""
    made_for: str
    covert: str
    intimate_child: str
    post_mortem: str
    legal_basis: str
    device: str
    tells_of_others: str
    """"no" only where it is known not to be genetic and to touch nobody else."""
    years: str
    """"adult"; "young": decides like one; "child": decides only if found able to; or "unknown"."""

    @property
    def compelled(self) -> bool:
        """Say whether a court or a statute demands what there is: the one thing that beats an objection."""
        return (
            self.action != "make"
            and self.purpose == "legal"
            and self.legal_basis in self.terms.compulsion
        )

    @property
    def is_matured(self) -> bool:
        """Say whether someone born when a parent decided now decides alone."""
        if self.facts.patient.gillick == "competent":
            return True
        born = self.facts.patient.born
        return born is not None and anniversary(born, self.terms.matured_from) <= self.at

    def covering(self) -> list[ConsentFact]:
        """Return the consents that name the purpose, whatever else is wrong with them."""
        wanted = (
            self.terms.also_covers.get(self.purpose, frozenset()) if self.action == "make" else ()
        )
        return [
            consent
            for consent in self.facts.consents
            if self.purpose in consent.purposes or any(p in consent.purposes for p in wanted)
        ]


def standing_of(facts: Facts, terms: Terms, at: date) -> str:
    """Say who decides for the patient at `at` (MCA 2005; GMC VAR 34)."""
    patient = facts.patient
    if patient.died is not None and patient.died <= at:
        return "dead"
    if patient.born is None:
        return "unknown"
    if anniversary(patient.born, terms.capacity_presumed_from) <= at:
        return {"lacks": "lacks", "lost-for-now": "lost"}.get(patient.capacity or "", "self")
    return "self" if patient.gillick == "competent" else "child"


def standing(patient: Mapping[str, object], *, pack: Pack, at: datetime) -> str:
    """Say who decides for a patient, from the `patient` of the contract's facts."""
    said = {"at": at.isoformat(), "patient": dict(patient)}
    known, _ = contract.read(said, vocabulary=pack.terms.vocabulary)
    assert known.at is not None
    return standing_of(known, pack.terms, known.at)


def case_of(facts: Facts, terms: Terms, *, purpose: str, identifiable: str) -> Case:
    """Return the case; `facts` has at, action, purpose and audience (the engine saw to it).

    identifiable: never "could-not-tell": the engine asks for both of what that may be.
    """
    assert facts.at is not None
    assert facts.action is not None
    recording, audience = facts.recording, facts.audience or "team"
    kind = "procedural" if recording.type in terms.procedural_types else "other"
    seen = "identifiable" if identifiable == "may-be" else identifiable
    if seen == "coded" and (
        audience in terms.outside or (kind == "procedural" and purpose in terms.secondary)
    ):
        seen = "identifiable"
    return Case(
        facts=facts,
        terms=terms,
        at=facts.at,
        action=facts.action,
        purpose=purpose,
        audience=audience,
        standing=standing_of(facts, terms, facts.at),
        seen=seen,
        kind=kind,
        made_for=recording.made_for or contract.NOT_SAID,
        covert="yes" if recording.covert else "no",
        intimate_child="yes" if _is_intimate_child(facts, terms, facts.at) else "no",
        post_mortem=recording.post_mortem or "no",
        legal_basis=facts.authority.legal_basis or "none",
        device="known" if facts.device is not None else "none",
        tells_of_others="no" if facts.patient.genetic_or_third_party is False else "yes",
        years=_years(facts, terms),
    )


def reevaluate(case: Case, consent: ConsentFact | None) -> list[str]:
    """Return the days from which a permit may no longer hold."""
    days = []
    if consent is not None and consent.expires_on is not None:
        days.append((consent.expires_on + timedelta(days=1)).isoformat())
    noes = [each.made_on for each in case.facts.objections]
    noes += [each.withdrawn_on for each in case.covering()]
    days += [day.isoformat() for day in noes if day is not None and day > case.at]
    born = case.facts.patient.born
    if case.years == "child" and born is not None:
        days.append(anniversary(born, case.terms.matured_from).isoformat())
    return sorted(set(days))


def _years(facts: Facts, terms: Terms) -> str:
    born, at = facts.patient.born, facts.at
    if born is None or at is None:
        return "unknown"
    if at.year - born.year > terms.child_until:
        return "adult"
    if anniversary(born, terms.capacity_presumed_from) > at:
        return "child"
    return "young" if anniversary(born, terms.child_until) > at else "adult"


def _is_intimate_child(facts: Facts, terms: Terms, at: date) -> bool:
    """Say whether it shows an intimate area of someone who was a child; not knowing counts as yes."""
    if not facts.recording.intimate:
        return False
    born = facts.patient.born
    made = at if facts.action == "make" else facts.recording.made_on
    return born is None or made is None or made < anniversary(born, terms.child_until)
