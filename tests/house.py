"""A practice in which everything has happened once, another beside it, and everyone's browser."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from django.db import connection, models, transaction
from django.test import Client, override_settings
from django.utils import timezone

from clients import signed_in
from factories import patient, practice, representative, staff
from flows.conftest import CHEAP, PASSPHRASE, SITE, agree, jpeg, take
from safelight import storage
from safelight.flows import (
    choices,
    copies,
    erasing,
    holding,
    keeping,
    matters,
    release,
    retaining,
    saying_no,
    share,
    stores,
    withdraw,
)
from safelight.flows import consent as consents
from safelight.flows.copies import TICKS
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    Copy,
    Exhibit,
    ExposureAlarm,
    Link,
    OutgoingMail,
    Patient,
    Photo,
    Recall,
    Release,
    Staff,
)
from safelight.terms import Audience, Purpose
from safelight.web.middleware import LOCKED

T = TypeVar("T")
NAME = "Quillon Featherstonehaugh"
NHS_NUMBER = "9434765919"
DECIDER = "Marguerite Featherstonehaugh"
TELL_TALES = ("Quillon", "Featherstonehaugh", NHS_NUMBER, "Marguerite")
"""What tells who the patient is; none of it may reach who mustn't see it."""
TOKEN = "browser" * 6 + "x"
PASSING = {"django_session", "web_tries", "web_usedcode"}
"""Tables that say who is at the door. Everything else is the record."""


@dataclass
class House:
    """Everything that a test may turn to by a word, such as `photo:closed`."""

    root: Path
    people: dict[str, Staff] = field(default_factory=dict)
    browsers: dict[str, Client] = field(default_factory=dict)
    things: dict[str, models.Model] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    at_first: dict[str, str] = field(default_factory=dict)
    """The state that every test finds."""

    def state(self) -> dict[str, str]:
        """Return a digest of every table of the record, and of every file and key."""
        found = {}
        with connection.cursor() as cursor:
            for table in sorted(connection.introspection.table_names()):
                if table not in PASSING:
                    cursor.execute(f'SELECT * FROM "{table}"')
                    rows = repr(sorted(map(repr, cursor.fetchall())))
                    found[table] = hashlib.sha256(rows.encode()).hexdigest()
        return found | self._stored()

    def changed(self) -> set[str]:
        """Return what isn't as every test finds it."""
        now = self.state()
        return {name for name in now if now[name] != self.at_first[name]}

    def _stored(self) -> dict[str, str]:
        blobs = sorted(path.name for path in (self.root / "blobs").rglob("*") if path.is_file())
        return {"blobs": repr(blobs), "keys": repr(sorted(map(repr, stores.keys().images())))}

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back what happens inside: rows by a savepoint, keys and blobs from a copy."""
        jars = {name: deepcopy(client.cookies) for name, client in self.browsers.items()}
        point = transaction.savepoint()
        try:
            yield
        finally:
            transaction.savepoint_rollback(point)
            if self._stored() != {kept: self.at_first[kept] for kept in ("blobs", "keys")}:
                self._restore_stores()
            for name, client in self.browsers.items():
                client.cookies = jars[name]

    def keep_stores(self) -> None:
        """Remember everything as it is now."""
        stores.close()
        shutil.copytree(self.root, f"{self.root}-kept")
        self.at_first = self.state()

    def _restore_stores(self) -> None:
        stores.close()
        shutil.rmtree(self.root)
        shutil.copytree(f"{self.root}-kept", self.root)


@contextmanager
def built(root: Path) -> Iterator[House]:
    """Build the house inside one transaction; at the end nothing of it remains."""
    folders = {
        "SAFELIGHT_BLOBS": root / "blobs",
        "SAFELIGHT_KEYS": root / "keys" / "keys.db",
        "SAFELIGHT_SEAL": root / "keys" / "seal.json",
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
        "EMAIL_BACKEND": "safelight.web.mail.QueuedMail",
    }
    (root / "keys").mkdir(parents=True)
    stores.close()
    with override_settings(**folders), transaction.atomic():
        storage.SealedFileManager.create(root / "keys" / "seal.json", PASSPHRASE, cost=CHEAP)
        house = House(root)
        _furnish(house, now=timezone.now() - timedelta(days=3))
        house.keep_stores()
        yield house
        transaction.set_rollback(True)
    stores.close()


def _furnish(house: House, *, now: datetime) -> None:
    surgery, elsewhere = practice(name="Lamplight Surgery"), practice(name="Elsewhere")
    roles = {"gp": Role.GP, "second gp": Role.GP, "nurse": Role.NURSE, "reviewer": Role.REVIEWER}
    roles |= {"lead": Role.IG_LEAD, "admin": Role.ADMINISTRATOR, "closed": Role.GP}
    roles |= {"locked": Role.GP}
    for name, role in roles.items():
        house.people[name] = staff(role, practice=surgery, name=f"Dr {name.title()}")
    house.people["other"] = staff(Role.GP, practice=elsewhere)
    house.people["other admin"] = staff(Role.ADMINISTRATOR, practice=elsewhere)
    _patients(house, now=now)
    _pictures(house, now=now)
    _links(house, now=now)
    _releases(house, now=now)
    _matters(house, now=now)
    _browsers(house)


def _patients(house: House, *, now: datetime) -> None:
    surgery, gp = house.people["gp"].practice, house.people["gp"]
    adult = patient(practice=surgery, name=NAME, nhs_number=NHS_NUMBER)
    house.things["decider"] = representative(adult, name=DECIDER, authority="lpa-health")
    dead = patient(practice=surgery, name="Third Featherstonehaugh", died_on=date(2026, 2, 1))
    house.things["patient:dead"] = dead
    asleep = patient(practice=surgery, name="Fourth Featherstonehaugh")
    choices.raise_on_recovery(asleep, by=gp, now=now)
    house.things["patient:asleep"] = asleep
    child = patient(practice=surgery, name="Second Featherstonehaugh", born_on=date(2016, 5, 1))
    house.things["said"] = saying_no.stop_at_no(None, patient=child, consent=None, by=gp, now=now)
    consent, secret = agree(
        adult, gp, Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL, now=now
    )
    spare = agreed_about("Right hand", adult, gp, now=now)
    house.secrets["receipt"] = secret
    house.things |= {"patient": adult, "patient:child": child}
    house.things |= {"consent": consent, "consent:spare": spare}


def agreed_about(body_site: str, of: Patient, by: Staff, *, now: datetime) -> Consent:
    """Agree to care and a second opinion, for another part of the body."""
    words = consents.conversation(of, body_site=body_site, now=timezone.now())
    uses = (Purpose.CARE, Purpose.SECOND_OPINION)
    made, _ = agree(of, by, *uses, body_site=body_site, wording=words.digest, now=now)
    return made


def _pictures(house: House, *, now: datetime) -> None:
    adult, gp = thing(house, "patient", Patient), house.people["gp"]
    consent = thing(house, "consent", Consent)
    for name in ("photo", "photo:second", "photo:closed", "photo:erased", "photo:quarantined"):
        house.things[name] = take(adult, gp, consent, now=now)
    thing(house, "photo:closed", Photo).set_closed()
    erased = thing(house, "photo:erased", Photo)
    erasing.finish_erasure(erasing.queue(adult, photos=[erased], now=now), now=now)
    erased.refresh_from_db()
    Photo.objects.filter(pk=house.things["photo:quarantined"].pk).update(
        state=Photo.State.QUARANTINED
    )


def _links(house: House, *, now: datetime) -> None:
    photo, gp, at = thing(house, "photo", Photo), house.people["gp"], timezone.now()
    for name in ("link", "link:expired", "link:revoked", "link:unopened"):
        opened = name != "link:unopened"
        house.things[name], house.secrets[name] = asked(photo, by=gp, opened=opened, now=at)
    Link.objects.filter(pk=house.things["link:expired"].pk).update(expires_at=now)
    share.revoke(thing(house, "link:revoked", Link), by=gp, now=at)
    knee = agreed_about("Left knee", thing(house, "patient", Patient), gp, now=now)
    taken = take(knee.patient, gp, knee, body_site="Left knee", now=now)
    house.things["link:withdrawn"], house.secrets["link:withdrawn"] = asked(taken, by=gp, now=at)
    house.things["withdrawal"] = withdraw.withdraw(knee, purposes=[Purpose.CARE], by=gp, now=at)
    house.things["consent:withdrawn"] = knee
    house.things["job"] = knee.patient.erase_jobs.order_by("created_at")[0]
    old = patient(practice=gp.practice, name="Third Featherstonehaugh", born_on=date(1930, 1, 1))
    retaining.set_record(
        old, kind="general", ended_on=date(2001, 5, 1), by=house.people["lead"], now=at
    )
    retaining.go_round(now=at)
    house.things["review"] = old.reviews.get()
    house.things["recall"] = Recall.objects.create(
        practice=gp.practice, photo=photo, text="Asked back", source="practice", due_on=at.date()
    )
    house.things["hold"] = holding.place(
        thing(house, "patient:child", Patient),
        kind="claim",
        reason="A claim was announced",
        reference="C 2026/14",
        by=house.people["lead"],
        now=at,
    )


def asked(photo: Photo, *, by: Staff, opened: bool = True, now: datetime) -> tuple[Link, str]:
    """Ask a colleague, who opens the link in the colleague's browser."""
    made = share.ask_colleague(
        photo,
        recipient_name="Dr Skin",
        recipient_email="skin@hospital.example",
        question="Would you biopsy?",
        expires=now + timedelta(days=2),
        by=by,
        now=now,
    )
    assert isinstance(made, share.Asked), made
    if opened:
        share.knock(made.secret, browser_token=TOKEN, now=now)
        code = code_of(made.link)
        share.open_link(made.secret, code=code, browser_token=TOKEN, now=now)
    return made.link, made.secret


def code_of(link: Link) -> str:
    """Return the digits of the code that was sent last."""
    mail = OutgoingMail.objects.filter(subject="Your code", about=link.pk).last()
    assert mail is not None
    found = re.match(r"\d{3} \d{3}", mail.text)
    assert found
    return found[0]


def _releases(house: House, *, now: datetime) -> None:
    second = house.people["lead"]
    for state in Release.State:
        made = requested(house, now=now)
        if state != Release.State.DRAFT:
            with_copy(made, house, now=now)
        if state in {Release.State.RELEASED, Release.State.WITHDRAWN}:
            done = release.approve(made, note="", by=second, now=now)
            assert isinstance(done, Release), done
        if state == Release.State.REFUSED:
            release.refuse(made, note="The ring shows", by=second, now=now)
        if state == Release.State.STOPPED:
            release.stop(made, by=house.people["gp"], now=now)
        made.refresh_from_db()
        if state == Release.State.WITHDRAWN:
            made.set_state(state)
            thing_of(made.copy, Copy).set_closed()
        house.things[f"release:{state}"] = made
        assert made.state == state
    _public_release(house, now=now)
    house.things["alarm"] = ExposureAlarm.objects.create(
        practice=house.things["release:released"].practice,
        release=house.things["release:released"],
        was="clear",
        is_now="block",
        raised_at=now,
    )


def _public_release(house: House, *, now: datetime) -> None:
    """Let a copy for a journal wait: its patient and the practice have to be asked."""
    made = requested(house, now=now)
    with_copy(made, house, now=now)
    made.purpose, made.audience, made.target = "publication", "public", "Journal"
    made.save()
    consent = thing(house, "consent", Consent)
    consent.purposes = [*consent.purposes, "publication"]
    consent.targets = {"publication": "Journal"}
    consent.save()
    house.things["release:public"] = made


def _matters(house: House, *, now: datetime) -> None:
    """Have a court ask for two pictures: one was given, the other waits; the patient doesn't know."""
    lead, adult = house.people["lead"], thing(house, "patient", Patient)
    asked = matters.Asked(
        kind="court-order",
        reference="CO 2026/7",
        asked_by="The county court",
        asked_on=now.date(),
        extent="Two pictures",
        size="view",
        is_told=False,
        not_told_because="The order says so",
    )
    matter = matters.record(adult, asked=asked, by=lead, now=now)
    photos = {"": thing(house, "photo", Photo), ":waiting": thing(house, "photo:second", Photo)}
    said = dict.fromkeys(photos.values(), matters.Weighed(is_needed=True, why="Named in it"))
    matters.weigh(matter, said=said, by=lead, now=now)
    house.things["matter"] = matter
    for name, photo in photos.items():
        house.things[f"exhibit{name}"] = matter.exhibits.get(photo=photo)
    given = matters.give(thing(house, "exhibit", Exhibit), by=lead, now=now)
    assert isinstance(given, Exhibit), given


def requested(house: House, *, now: datetime) -> Release:
    """Ask for a copy for teaching."""
    made = release.request_release(
        thing(house, "photo", Photo),
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        target="Tuesday teaching",
        discloses={},
        by=house.people["gp"],
        now=now,
    )
    assert isinstance(made, Release), made
    return made


def with_copy(made: Release, house: House, *, now: datetime) -> None:
    """Give the release a copy as the editor would, without waiting for the detectors."""
    data = jpeg(seed=7)
    copy = Copy(
        pk=uuid4(),
        practice=made.practice,
        photo=made.photo,
        sha256=hashlib.sha256(data).hexdigest(),
        width=320,
        height=240,
        verified=True,
        identifiable="anonymised",
        certificate={"ticked": sorted(TICKS), "residual": 0},
        made_at=now,
        made_by=house.people["gp"],
    )
    copies.seal(copy, data)
    copy.save(force_insert=True)
    keeping.settle(copy.pk)
    made.copy, made.ticked = copy, sorted(TICKS)
    made.set_state(Release.State.WAITING)


def _browsers(house: House) -> None:
    house.browsers = {
        name: signed_in(person, raise_request_exception=False)
        for name, person in house.people.items()
    }
    Staff.objects.filter(pk=house.people["closed"].pk).update(is_active=False)
    session = house.browsers["locked"].session
    session[LOCKED] = True
    session.save()
    house.browsers["stranger"] = Client(raise_request_exception=False)
    house.browsers["colleague"] = Client(raise_request_exception=False)
    house.browsers["colleague"].cookies["safelight-browser"] = TOKEN
    house.browsers["patient"] = Client(raise_request_exception=False)
    house.browsers["patient"].post("/receipt/", {"secret": house.secrets["receipt"]})


def thing(house: House, name: str, kind: type[T]) -> T:
    """Return a thing of the house, known to be of that kind."""
    return thing_of(house.things[name], kind)


def thing_of(found: Any, kind: type[T]) -> T:
    """Return it, known to be of that kind."""
    assert isinstance(found, kind)
    return found


__all__ = ["NAME", "SITE", "TELL_TALES", "House", "built", "thing"]
