"""The rules of a practice: bring a pack, try it, activate it, and add guards of one's own."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from safelight import policy
from safelight.flows import in_force, taken
from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy import differing, reading, signing, simulating
from safelight.policy.requirements import SAYS
from safelight.policy.roles import Action
from safelight.records import log
from safelight.records.models import LocalRules, PackVersion, Practice, Representative

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.records.models import Staff

LONGEST_REASON = 200
DEMANDS = (
    "never",
    "second-person",
    "organisation-agrees",
    "anonymised",
    "anonymised-or-coded",
    "exposure-clear",
    "project-referenced",
    "ethics-referenced",
    "authority-referenced",
    "executor-or-family-consulted",
)
"""Requirements that a practice may demand over and above its pack."""


class NoSuchPack(LookupError):
    """No pack of that hash was brought in, or came with Safelight."""


@dataclass(frozen=True, slots=True)
class Version:
    """A pack that is, or could be, in force."""

    pack: policy.Pack
    publisher: str
    """Who signed it; empty for one that came with Safelight."""
    starts: date | None
    """From which day it decides, if it was activated."""
    is_in_force: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """What a pack would change."""

    version: Version
    differences: tuple[differing.Difference, ...]
    simulation: simulating.Simulation
    unknown_rights: int
    """How many people decide for patients by a right that it doesn't know."""
    obstacle: str
    """Why it can't be activated; empty if it can."""


def trusted() -> list[signing.Publisher]:
    """Return the publishers whose packs may be brought in here (`pack_publishers`)."""
    keys = str(settings.SAFELIGHT_PACK_PUBLISHERS).split(",")
    return [signing.Publisher.from_text(key) for key in keys if key.strip()]


def versions(*, by: Staff, now: datetime) -> list[Version]:
    """Return the pack in force, then those that were brought in or came with Safelight.

    Of each jurisdiction: a practice in another one activates that one's.
    """
    demand(by, Action.GOVERN)
    practice = _practice(by)
    found = {}
    for row in PackVersion.objects.filter(practice=practice):
        with suppress(policy.PackRefused):  # `unusable` says why
            pack = policy.read_pack(in_force.text_of(row))
            found[row.hash] = _version(practice, pack, row.publisher, now)
    for name in reading.shipped_names():
        came = policy.load_pack(name)
        found.setdefault(came.hash, _version(practice, came, "", now))
    home = next((each.pack.name for each in found.values() if each.is_in_force), practice.pack)
    return sorted(
        found.values(),
        key=lambda each: (
            not each.is_in_force,
            each.pack.name != home,
            each.pack.effective_from,
            each.pack.id,
        ),
    )


def unusable(*, by: Staff) -> list[tuple[str, str]]:
    """Return the packs in the records that can't be used, each with the reason."""
    demand(by, Action.GOVERN)
    found = []
    for row in PackVersion.objects.filter(practice=by.practice_id):
        try:
            policy.read_pack(in_force.text_of(row))
        except policy.PackRefused as error:
            found.append((row.pack_id, str(error)))
    return found


@transaction.atomic
def bring(*, text: bytes, signature: bytes, by: Staff, now: datetime) -> policy.Pack:
    """Keep a pack that somebody publishes, if one who is trusted here signed exactly it.

    Nothing decides by it yet. Raises DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    try:
        pack = policy.read_pack(text)
    except policy.PackRefused as error:
        raise DoesNotFit({"text": f"This version can’t use that pack: {error}"}) from error
    publisher = _publisher(signature, pack)
    if not reading.has_folders(pack):
        raise DoesNotFit({"text": "Its consent sheets or periods didn’t come with this version"})
    if PackVersion.objects.filter(practice=practice, pack_id=pack.id).exists():
        raise DoesNotFit({"text": "A pack of that name is here already"})
    _keep(pack, text, signature.decode(), publisher, practice=practice, by=by, now=now)
    return pack


def trial(digest: str, *, by: Staff, now: datetime) -> Trial:
    """Compare a pack with the one in force, and try it on the decisions of the last year."""
    demand(by, Action.GOVERN)
    practice = _practice(by)
    version = _found(digest, by=by, now=now)
    pack, obstacle = version.pack, ""
    try:
        tried = pack.with_guards(practice.local_rules) if practice.local_rules else pack
    except policy.PackRefused as error:
        tried, obstacle = pack, f"A rule of your own doesn’t fit it: {error}"
    if version.is_in_force and version.starts is not None:
        obstacle = "It is in force."
    return Trial(
        version=version,
        differences=tuple(differing.differences(_current(practice, now=now), pack)),
        simulation=simulating.simulate(taken.decisions(practice, now=now), pack=tried),
        unknown_rights=_unknown_rights(practice, pack),
        obstacle=obstacle,
    )


@transaction.atomic
def activate(digest: str, *, by: Staff, now: datetime) -> date:
    """Let a pack decide, from its first day or from today on, and return that day.

    What was to follow on a later day is dropped. Raises NoSuchPack, DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    found = trial(digest, by=by, now=now)
    if found.obstacle:
        raise DoesNotFit({"pack": found.obstacle})
    pack = found.version.pack
    row = PackVersion.objects.filter(practice=practice, hash=digest).first()
    if row is None:
        text = reading.shipped(pack.name)
        _keep(pack, text, "", "", practice=practice, by=by, now=now)
    elif row.publisher:
        _publisher(row.signature.encode(), pack)
    today = in_force.day_of(practice, now=now)
    start = max(today, pack.effective_from)
    begun = [each for each in practice.packs if each["from"] <= today.isoformat()]
    practice.packs = [*begun, {"hash": digest, "from": start.isoformat()}]
    practice.save(update_fields=["packs"])
    log.append(
        "pack.activated",
        practice=practice,
        subject=practice.pk,
        by=by,
        at=now,
        pack=pack.id,
        hash=digest,
        publisher=found.version.publisher or "safelight",
        starts=start.isoformat(),
        changed=found.simulation.changed,
        decisions=found.simulation.decisions,
    )
    return start


def local_rules(*, by: Staff) -> list[dict[str, Any]]:
    """Return the practice's own guards, as they are written."""
    demand(by, Action.GOVERN)
    return _rows(_practice(by).local_rules)


@transaction.atomic
def add_rule(
    *,
    text: str,
    requires: str,
    purposes: Collection[str],
    audiences: Collection[str],
    by: Staff,
    now: datetime,
) -> simulating.Simulation:
    """Add a guard of the practice's own, and say what it would have changed in the last year.

    It can only tighten, whatever it says. Raises DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    fields = {}
    if not text:
        fields["text"] = "Say why, in a few words"
    if len(text) > LONGEST_REASON:
        fields["text"] = f"Say it in at most {LONGEST_REASON} characters"
    if requires not in DEMANDS:
        fields["requires"] = "Choose what has to be so"
    if fields:
        raise DoesNotFit(fields)
    rows = _rows(practice.local_rules)
    row: dict[str, Any] = {
        "id": f"local-{uuid4().hex[:8]}",
        "text": text,
        "source": "practice",
        "requires": [requires],
        "when": {
            key: sorted(values)
            for key, values in (("purpose", purposes), ("audience", audiences))
            if values
        },
    }
    if any({**other, "id": ""} == {**row, "id": ""} for other in rows):
        raise DoesNotFit({"text": "That rule is here already"})
    return _set_rules([*rows, row], "rule.added", row["id"], practice=practice, by=by, now=now)


@transaction.atomic
def drop_rule(rule_id: str, *, by: Staff, now: datetime) -> None:
    """Take back a guard of the practice's own; the pack's stay. Raises DoesNotFit, NotAllowed."""
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    rows = _rows(practice.local_rules)
    left = [row for row in rows if row["id"] != rule_id]
    if len(left) == len(rows):
        raise DoesNotFit({"rule": "That rule is gone already"})
    _set_rules(left, "rule.dropped", rule_id, practice=practice, by=by, now=now)


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that the pack in force leaves to the practice, off until somebody says why."""

    name: str
    words: str
    reason: str
    """Why it is on; empty while it is off."""


def switches(*, by: Staff, now: datetime) -> list[Switch]:
    """Return what the pack in force lets the practice turn on."""
    demand(by, Action.GOVERN)
    practice = _practice(by)
    known = _current(practice, now=now).terms.vocabulary.switches
    return [Switch(name, words, practice.switches.get(name, "")) for name, words in known.items()]


@transaction.atomic
def turn_on(name: str, *, reason: str, by: Staff, now: datetime) -> None:
    """Turn on something that the pack leaves to the practice, with the reason. Raises DoesNotFit, NotAllowed.

    An objection beats it always: that is the pack's guard.
    """
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    reason = " ".join(reason.split())
    fields = {}
    if name not in _current(practice, now=now).terms.vocabulary.switches:
        fields["switch"] = "The rules in force leave no such thing to the practice"
    if not reason:
        fields["reason"] = "Say why, in a few words"
    if len(reason) > LONGEST_REASON:
        fields["reason"] = f"Say it in at most {LONGEST_REASON} characters"
    if fields:
        raise DoesNotFit(fields)
    _set_switches(practice.switches | {name: reason}, "on", name, practice=practice, by=by, now=now)


@transaction.atomic
def turn_off(name: str, *, by: Staff, now: datetime) -> None:
    """Turn it off again, at once; one that is off already stays so. Raises NotAllowed."""
    demand(by, Action.GOVERN)
    practice = _practice(by, locked=True)
    if name in practice.switches:
        left = {each: why for each, why in practice.switches.items() if each != name}
        _set_switches(left, "off", name, practice=practice, by=by, now=now)


def _set_switches(
    switches: dict[str, str], state: str, name: str, *, practice: Practice, by: Staff, now: datetime
) -> None:
    practice.switches = switches
    practice.save(update_fields=["switches"])
    log.append(
        f"switch.turned-{state}",
        practice=practice,
        subject=practice.pk,
        by=by,
        at=now,
        switch=name,
    )


def says(requirement: str) -> str:
    """Return a requirement in words that end “It is required that …”."""
    return SAYS[requirement]


def _set_rules(
    rows: list[dict[str, Any]],
    kind: str,
    rule_id: str,
    *,
    practice: Practice,
    by: Staff,
    now: datetime,
) -> simulating.Simulation:
    text = _toml(rows)
    pack = _current(practice, now=now)
    try:
        tried = pack.with_guards(text) if text else pack
    except policy.PackRefused as error:
        raise DoesNotFit({"text": f"That rule can’t be used: {error}"}) from error
    practice.local_rules = text
    practice.save(update_fields=["local_rules"])
    LocalRules.objects.create(practice=practice, text=text, set_by=by, set_at=now)
    log.append(
        kind,
        practice=practice,
        subject=practice.pk,
        by=by,
        at=now,
        rule=rule_id,
        rules=hashlib.sha256(text.encode()).hexdigest(),
    )
    return simulating.simulate(taken.decisions(practice, now=now), pack=tried)


def _rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(text).get("guard", [])
    return rows


def _toml(rows: list[dict[str, Any]]) -> str:
    """Return guards as TOML; a JSON string of printable letters is a TOML string too."""

    def said(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = []
    for row in rows:
        plain = [f"{key} = {said(value)}" for key, value in row.items() if key != "when"]
        when = [f"{key} = {said(values)}" for key, values in row.get("when", {}).items()]
        lines += ["[[guard]]", *plain, *(["[guard.when]", *when] if when else []), ""]
    return "\n".join(lines)


def _practice(by: Staff, *, locked: bool = False) -> Practice:
    rows = Practice.objects.select_for_update(no_key=True) if locked else Practice.objects
    return rows.get(pk=by.practice_id)


def _current(practice: Practice, *, now: datetime) -> policy.Pack:
    """Return the pack to compare with: where the one in force can't be used, what came with Safelight."""
    try:
        return in_force.pack_alone(practice, now=now)
    except policy.PackRefused:
        return policy.load_pack(practice.pack)


def _version(practice: Practice, pack: policy.Pack, publisher: str, now: datetime) -> Version:
    starts = [each["from"] for each in practice.packs if each["hash"] == pack.hash]
    current = in_force.hash_on(practice, now=now) or policy.load_pack(practice.pack).hash
    return Version(
        pack=pack,
        publisher=publisher,
        starts=date.fromisoformat(starts[-1]) if starts else None,
        is_in_force=pack.hash == current,
    )


def _unknown_rights(practice: Practice, pack: policy.Pack) -> int:
    rows = Representative.objects.filter(practice=practice, ended_on=None)
    return rows.exclude(authority__in=list(pack.terms.vocabulary.kinds)).count()


def _found(digest: str, *, by: Staff, now: datetime) -> Version:
    found = next((each for each in versions(by=by, now=now) if each.pack.hash == digest), None)
    if found is None:
        raise NoSuchPack(digest)
    return found


def _publisher(signature: bytes, pack: policy.Pack) -> str:
    """Return who signed it. Raises DoesNotFit unless it is somebody who is trusted here."""
    try:
        return signing.signed_by(signature.decode(), pack=pack, trusted=trusted()).name
    except (signing.SignatureRefused, UnicodeDecodeError) as error:
        raise DoesNotFit({"signature": signing.SignatureRefused.for_people}) from error


def _keep(
    pack: policy.Pack,
    text: bytes,
    signature: str,
    publisher: str,
    *,
    practice: Practice,
    by: Staff,
    now: datetime,
) -> None:
    PackVersion.objects.create(
        practice=practice,
        hash=pack.hash,
        pack_id=pack.id,
        text=text,
        signature=signature,
        publisher=publisher,
        effective_from=pack.effective_from,
        brought_by=by,
        brought_at=now,
    )
    log.append(
        "pack.brought",
        practice=practice,
        subject=practice.pk,
        by=by,
        at=now,
        pack=pack.id,
        hash=pack.hash,
        publisher=publisher or "safelight",
    )
