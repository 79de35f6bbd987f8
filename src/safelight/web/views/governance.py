"""The governance lead's page: what needs someone today, and whether everything is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from safelight.flows import backup_watch, choices, evidence, key_status, matters, stores
from safelight.flows.key_status import KeyStatus
from safelight.policy.roles import Action, Role
from safelight.records.models import (
    Checkpoint,
    Disclosure,
    EraseJob,
    ExposureAlarm,
    Gap,
    Link,
    OutgoingMail,
    Photo,
    Recall,
    Release,
    Review,
    Staff,
    TreeHead,
)
from safelight.storage import StorageError
from safelight.web.doors import SignedInRequest, needs
from safelight.web.views.staff import ROLES

KINDS = {
    "sealed-file": "A file under a passphrase",
    "openbao": "OpenBao",
    "pkcs11": "A token (PKCS#11)",
    "aws-kms": "AWS KMS",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for somebody, and where to go for it."""

    count: int
    title: str
    text: str
    page: str = ""
    """Name of the page where it is done."""


@require_GET
@needs(Action.GOVERN)
def governance(request: SignedInRequest) -> HttpResponse:
    """Show what waits, the log, the keys, what left, and who works here."""
    staff = request.user
    context = {
        "waiting": [each for each in _waiting(staff) if each.count],
        "log": _log(),
        "keys": _keys(),
        "backups": backup_watch.standings(now=timezone.now()),
        "consent": _consent(staff),
        "left": _left(staff),
        "people": [
            {"person": person, "role": ROLES[Role(person.role)]}
            for person in Staff.objects.filter(practice=staff.practice).order_by("name")
        ],
    }
    return render(request, "governance/governance.html", context)


@require_GET
@needs(Action.GOVERN)
def keys(request: SignedInRequest) -> HttpResponse:
    """Show how the keys are: the key manager, each version, and what isn't as it should be."""
    found = key_status.status(now=timezone.now())
    context = {"found": found, "kind": KINDS.get(found.state.manager.kind) if found.state else None}
    return render(request, "governance/keys.html", context)


@require_POST
@needs(Action.GOVERN)
def check(request: SignedInRequest) -> HttpResponse:
    """Check the whole log now, and say so."""
    found = evidence.check(now=timezone.now())
    if found.ok:
        messages.success(request, f"The log is whole: {found.size} entries")
    else:
        messages.error(
            request,
            "The log isn’t whole. Change nothing, keep the machine running, and look at "
            "“safelight ledger verify” together with whoever runs it.",
        )
    return redirect("governance")


@require_GET
@needs(Action.GOVERN)
def witness(request: SignedInRequest) -> HttpResponse:
    """Hand out the newest checkpoint, to be kept by somebody outside."""
    response = HttpResponse(evidence.witness_text(), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="safelight-checkpoint.txt"'
    return response


def _waiting(staff: Staff) -> list[Waiting]:
    practice = staff.practice
    releases = Release.objects.visible_to(staff).filter(state=Release.State.WAITING)
    alarms = ExposureAlarm.objects.visible_to(staff).filter(settled_at__isnull=True)
    recalls = Recall.objects.filter(practice=practice, done_at__isnull=True)
    late = recalls.filter(due_on__lt=timezone.localdate()).count()
    late_ones = "One of them is late." if late == 1 else f"{late} of them are late."
    return [
        Waiting(
            releases.count(),
            "Copies wait for a second person",
            "Nothing leaves before somebody else has looked.",
            "releases",
        ),
        Waiting(
            alarms.count(),
            "Copies that are out became too telling",
            "More became known since they left.",
            "exposure-alarms",
        ),
        Waiting(
            recalls.count(),
            "Things have to be asked back",
            late_ones if late else "None is late.",
            "recalls",
        ),
        Waiting(
            choices.open_ones(staff).count(),
            "Patients have to be asked themselves",
            "They have grown up, or can decide again. Other uses are on hold until then.",
            "to-ask",
        ),
        Waiting(
            matters.open_ones(staff).count(),
            "Courts and complaints ask for pictures",
            "Nothing is given before each picture was weighed. Close what is done.",
            "matters",
        ),
        *_to_finish(staff),
    ]


def _to_finish(staff: Staff) -> list[Waiting]:
    """Return what waits for its end: what is lost, due, being destroyed, or not sent."""
    practice = staff.practice
    return [
        Waiting(
            Gap.objects.visible_to(staff).filter(closed_at=None).count(),
            "Set aside: a file or a key is missing",
            "Nobody can open these until they are whole again.",
            "governance-aside",
        ),
        Waiting(
            Review.objects.filter(practice=practice, state=Review.State.DUE).count(),
            "Periods are over",
            "Nothing is destroyed before somebody has looked.",
            "retention",
        ),
        Waiting(
            EraseJob.objects.filter(
                practice=practice, destroyed_at__isnull=True, held=False
            ).count(),
            "Keys wait to be destroyed",
            "Access is closed already. The worker finishes it.",
        ),
        Waiting(
            OutgoingMail.objects.filter(practice=practice, sent_at__isnull=True)
            .exclude(text="")
            .count(),
            "Messages wait to be sent",
            "Invitations, codes and links for colleagues.",
        ),
    ]


def _log() -> dict[str, Any]:
    head = TreeHead.objects.filter(id=1).first()
    last = Checkpoint.objects.order_by("-size").first()
    size = head.size if head else 0
    since = size - (last.size if last else 0)
    return {"size": size, "signed": last, "since": since, "checked": evidence.last_check()}


def _keys() -> KeyStatus | None:
    try:
        return key_status.status(now=timezone.now())
    except (stores.KeysAreSealed, StorageError):
        return None


def _consent(staff: Staff) -> dict[str, int]:
    """Count pictures with a consent beside those that rest on another recorded reason."""
    kept = Photo.objects.visible_to(staff).filter(state=Photo.State.KEPT)
    total, documented = kept.count(), kept.filter(consent__isnull=False).count()
    share = round(100 * documented / total) if total else 0
    return {"total": total, "documented": documented, "share": share}


def _left(staff: Staff) -> list[dict[str, Any]]:
    labels = dict(Release.State.choices)
    counted = Release.objects.visible_to(staff).values("state").annotate(number=Count("pk"))
    rows = [{"what": labels[row["state"]], "number": row["number"]} for row in counted]
    links = Link.objects.visible_to(staff)
    open_links = links.filter(revoked_at__isnull=True, expires_at__gt=timezone.now())
    return [
        {"what": "Links to colleagues, open", "number": open_links.count()},
        {"what": "Links to colleagues, ever", "number": links.count()},
        {"what": "Disclosures on record", "number": Disclosure.objects.visible_to(staff).count()},
        *({"what": f"Copies: {row['what'].lower()}", "number": row["number"]} for row in rows),
    ]


urlpatterns = [
    path("governance/", governance, name="governance"),
    path("governance/keys/", keys, name="governance-keys"),
    path("governance/check/", check, name="governance-check"),
    path("governance/checkpoint.txt", witness, name="governance-witness"),
]
