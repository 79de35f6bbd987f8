"""Words and answers, frozen by hash: what was said then can be told from what stands there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight import ledger
from safelight.policy.wording import digest_of
from safelight.records.models import LedgerEntry

if TYPE_CHECKING:
    from safelight.records.models import Consent


def answer_of(consent: Consent) -> dict[str, object]:
    """Return all that one answer is, as docs/formats/wording.md lists it."""
    return {
        "consent": str(consent.pk),
        "salt": consent.answer_salt,
        "wording": digest_of(consent.wording),
        "language": consent.wording["language"],
        "layout": consent.wording["layout"],
        "reader": consent.wording.get("reader", "patient"),
        "purposes": list(consent.purposes),
        "refused": list(consent.refused),
        "nothing_else": consent.nothing_else,
        "told": list(consent.told),
        "not_told": dict(consent.not_told),
        "targets": dict(consent.targets),
        "lasts": dict(consent.lasts),
        "given_by": consent.given_by,
        "representative": str(consent.representative_id or ""),
        "interpreter": consent.interpreter,
        "interpreter_by": consent.interpreter_by,
        "witness": consent.witness,
        "form": consent.form,
        "statement": consent.statement,
        "signature": consent.signature_sha256,
        "body_site": consent.body_site,
        "given_at": consent.given_at.isoformat(),
        "taken_by": str(consent.taken_by_id),
        "pack": [consent.pack_id, consent.pack_hash],
        **_asked_beside(consent),
    }


def _asked_beside(consent: Consent) -> dict[str, object]:
    """Return the answer to what only some sheets ask: an older answer keeps its digest."""
    if "identifiable" not in consent.wording:
        return {}
    return {"identifiable_ok": consent.identifiable_ok}


def digest_of_answer(consent: Consent) -> str:
    """Return the SHA-256 (hex) over the canonical text of `answer_of`."""
    return digest_of(answer_of(consent))


def is_as_it_was(consent: Consent) -> bool:
    """Say whether words and answers are those that the ledger has the hashes of.

    An answer from before answers were frozen has its words checked alone.
    """
    said = _in_the_ledger(consent)
    if said is None:
        return False
    answer = digest_of_answer(consent) if "answer" in said else ""
    found = (digest_of(consent.wording), consent.wording_digest, answer, consent.answer_digest)
    wording, frozen = said.get("wording"), said.get("answer", "")
    return found == (wording, wording, frozen, frozen)


def _in_the_ledger(consent: Consent) -> dict[str, object] | None:
    rows = LedgerEntry.objects.filter(subject=str(consent.patient.subject), kind="consent.recorded")
    for row in rows.order_by("-index"):
        said = ledger.read_entry(bytes(row.body)).details
        if said.get("consent") == str(consent.pk):
            return dict(said)
    return None
