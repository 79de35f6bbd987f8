"""Taking a picture in: only sealed, only permitted, only once; and the stop that leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from factories import NOW, assessment, patient, staff
from flows.conftest import SITE, Home, agree, jpeg, sealed, signature, take
from safelight import policy, storage, vault
from safelight.flows import capture as flow
from safelight.flows import consent as consents
from safelight.flows import keeping, opening, stores
from safelight.flows.allowed import NotAllowed
from safelight.flows.circumstances import Circumstances, Ground
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    Copy,
    LedgerEntry,
    Objection,
    Patient,
    Photo,
    StoppedCapture,
)
from safelight.terms import Purpose
from servers.databases import database_of

LATER = NOW + timedelta(hours=3)


@pytest.fixture
def consent(adult, gp) -> Consent:
    return agree(adult, gp)[0]


def send(of: Patient, by, consent, parcel, *, now=NOW, **given):
    envelope, blob = parcel
    defaults = {
        "patient": of,
        "consent": consent,
        "body_site": SITE,
        "made_for": Purpose.CARE,
        "by": by,
        "now": now,
    }
    return flow.receive(envelope, blob, **defaults | given)


def footprint(home: Home) -> tuple:
    """All that could hold something of a picture: rows, files, keys."""
    tables = {
        table: connection.cursor().execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
        for table in connection.introspection.table_names()
        if not table.startswith("records_ledger")
        # The tally of cases decided alike in a month knows no patient, no picture and no day.
        and table not in {"records_treehead", "records_decisiontaken"}
    }
    return tables, home.files(), list(stores.keys().images())


def test_an_offer_names_the_keys_to_seal_to(adult, gp, consent):
    offer = flow.offer(adult, body_site=SITE, made_for=Purpose.CARE, by=gp, now=NOW)
    assert isinstance(offer, flow.CaptureOffer)
    assert (offer.tenant, offer.decision.outcome) == (adult.practice_id, "permit")
    assert [each.suite for each in offer.ingest] == list(vault.Suite)


def test_no_consent_no_offer(adult, gp):
    offer = flow.offer(adult, body_site=SITE, made_for=Purpose.CARE, by=gp, now=NOW)
    assert isinstance(offer, policy.Refusal)
    assert all(each.source for each in offer.because)


def test_an_intimate_part_of_a_child_is_not_offered(surgery, gp):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3000))
    assessment(child, gp, kind="gillick", outcome="competent")
    agree(child, gp, body_site="Groin", wording=words_for(child, "Groin"))
    offer = flow.offer(child, body_site="Groin", made_for=Purpose.CARE, by=gp, now=NOW)
    assert isinstance(offer, policy.Refusal)


def words_for(of: Patient, site: str) -> str:
    from safelight.flows.consent import conversation

    return conversation(of, body_site=site, now=NOW).digest


def test_a_sealed_picture_is_kept_as_it_came(adult, gp, consent, home):
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)
    made = send(adult, gp, consent, (envelope, blob))
    assert isinstance(made, Photo)
    assert (made.width, made.height, made.body_site) == (320, 240, SITE)
    assert made.decision["decision"] == "permit"
    assert made.decision["pack"]["id"] == consent.pack_id
    names = {f"{made.capture_id}.{kind}" for kind in ("original", "view", "thumb")}
    assert set(home.files()) == names
    assert home.files()[made.blob] == blob
    assert not any(b"\xff\xd8\xff" in each[:64] for each in home.files().values())
    assert LedgerEntry.objects.get(kind="photo.captured").subject == str(adult.subject)


def test_the_same_upload_again_gets_the_same_answer(adult, gp, consent, home):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    first = send(adult, gp, consent, parcel)
    before = footprint(home)
    assert send(adult, gp, consent, parcel) == first
    assert footprint(home) == before
    assert LedgerEntry.objects.filter(kind="photo.captured").count() == 1


def test_other_bytes_under_a_known_id_are_refused(adult, gp, consent, home):
    made = take(adult, gp, consent)
    before = footprint(home)
    other = sealed(jpeg(seed=2), tenant=adult.practice_id, capture_id=made.capture_id)
    with pytest.raises(flow.OtherBytes):
        send(adult, gp, consent, other)
    assert footprint(home) == before


def test_a_known_id_for_another_patient_is_refused(adult, gp, consent):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    send(adult, gp, consent, parcel)
    neighbour = patient(practice=adult.practice)
    theirs, _ = agree(neighbour, gp)
    with pytest.raises(flow.OtherBytes):
        send(neighbour, gp, theirs, parcel)


def not_json(parcel):
    return "not json", parcel[1]


def in_the_clear(parcel):
    return parcel[0], jpeg()


def tampered(parcel):
    return parcel[0], parcel[1][:-1] + bytes([parcel[1][-1] ^ 1])


def cut_short(parcel):
    return parcel[0], parcel[1][:40]


def to_an_unknown_key(parcel):
    return json.dumps(json.loads(parcel[0]) | {"kid": "0" * 32}), parcel[1]


def with_a_field_too_many(parcel):
    return json.dumps(json.loads(parcel[0]) | {"patient": "x"}), parcel[1]


@pytest.mark.parametrize(
    "spoil",
    [not_json, in_the_clear, tampered, cut_short, to_an_unknown_key, with_a_field_too_many],
)
def test_what_is_not_sealed_leaves_nothing(adult, gp, consent, home, spoil):
    parcel = spoil(sealed(jpeg(), tenant=adult.practice_id))
    before = footprint(home)
    with pytest.raises(flow.NotSealed):
        send(adult, gp, consent, parcel)
    assert footprint(home) == before


def test_what_was_sealed_for_another_practice_leaves_nothing(adult, gp, consent, home, stranger):
    before = footprint(home)
    with pytest.raises(flow.NotSealed):
        send(adult, gp, consent, sealed(jpeg(), tenant=stranger.practice_id))
    assert footprint(home) == before


@pytest.mark.parametrize("inside", [b"", b"only words", jpeg()[:200], b"%PDF-1.7 " * 50])
def test_what_is_no_picture_leaves_nothing(adult, gp, consent, home, inside):
    before = footprint(home)
    with pytest.raises(flow.NotAPicture):
        send(adult, gp, consent, sealed(inside, tenant=adult.practice_id))
    assert footprint(home) == before


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.IG_LEAD, Role.ADMINISTRATOR])
def test_other_roles_take_no_pictures(surgery, adult, consent, role):
    with pytest.raises(NotAllowed):
        take(adult, staff(role, practice=surgery), consent)


def test_another_practice_takes_no_pictures_here(adult, gp, consent, stranger):
    theirs = patient(practice=stranger.practice)
    with pytest.raises(NotAllowed):
        take(adult, stranger, consent)
    with pytest.raises(NotAllowed):
        take(theirs, stranger, consent)
    with pytest.raises(NotAllowed):
        flow.offer(adult, body_site=SITE, made_for=Purpose.CARE, by=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        flow.stop(None, patient=adult, by=stranger, now=NOW)


def test_a_stale_tab_takes_no_picture_after_the_consent_ended(adult, gp, consent, home):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    Consent.objects.get(pk=consent.pk).set_withdrawn(["care"], at=NOW)
    before = footprint(home)
    with pytest.raises(flow.NotCovered):
        send(adult, gp, consent, parcel)
    assert footprint(home) == before


@pytest.mark.parametrize(
    "given",
    [
        {"body_site": "Face"},
        {"made_for": Purpose.TEACHING_LOCAL},
        {"consent": None},
        {
            "consent": None,
            "circumstances": Circumstances(ground=Ground.TREATMENT, reason="  "),
        },
        {"consent": None, "circumstances": Circumstances(reason="emergency")},
    ],
)
def test_a_consent_covers_its_own_site_and_use_only(adult, gp, consent, given):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    with pytest.raises(flow.NotCovered):
        send(adult, gp, parcel=parcel, **{"consent": consent} | given)


def test_one_patients_consent_covers_no_other(surgery, adult, gp, consent):
    with pytest.raises(flow.NotCovered):
        take(patient(practice=surgery), gp, consent)


def test_an_objection_stops_a_picture_that_is_ready_to_send(adult, gp, consent, home):
    Objection.objects.create(practice=adult.practice, patient=adult, purposes=["care"], made_at=NOW)
    before = footprint(home)
    decision = send(adult, gp, consent, sealed(jpeg(), tenant=adult.practice_id))
    assert isinstance(decision, policy.Refusal)
    assert footprint(home) == before


def test_a_lawful_reason_stands_in_only_where_the_policy_permits(adult, gp):
    made = flow.receive(
        *sealed(jpeg(), tenant=adult.practice_id),
        patient=adult,
        consent=None,
        circumstances=Circumstances(ground=Ground.TREATMENT, reason="emergency"),
        body_site=SITE,
        made_for=Purpose.CARE,
        by=gp,
        now=NOW,
    )
    assert isinstance(made, policy.Refusal)


def arrive_while(monkeypatch, happens) -> None:
    """Let something happen after the upload was opened, before its row is written."""
    keep = flow._keep

    def kept(*args, **kwargs):
        keep(*args, **kwargs)
        happens()

    monkeypatch.setattr(flow, "_keep", kept)


def test_a_consent_that_ends_while_the_picture_travels_keeps_it_out(
    adult, gp, consent, home, monkeypatch
):
    arrive_while(
        monkeypatch,
        lambda: Consent.objects.get(pk=consent.pk).set_withdrawn(["care"], at=NOW),
    )
    with pytest.raises(flow.NotCovered):
        take(adult, gp, consent)
    assert (home.files(), list(stores.keys().images())) == ({}, [])
    assert not Photo.objects.exists()


def test_an_objection_that_comes_while_the_picture_travels_keeps_it_out(
    adult, gp, consent, home, monkeypatch
):
    arrive_while(
        monkeypatch,
        lambda: Objection.objects.create(
            practice=adult.practice, patient=adult, purposes=["care"], made_at=NOW
        ),
    )
    decision = send(adult, gp, consent, sealed(jpeg(), tenant=adult.practice_id))
    assert isinstance(decision, policy.Refusal)
    assert (home.files(), list(stores.keys().images())) == ({}, [])


def test_a_stop_while_the_picture_travels_leaves_nothing_of_it(
    adult, gp, consent, home, monkeypatch
):
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)
    capture_id = uuid.UUID(json.loads(envelope)["capture_id"])
    arrive_while(
        monkeypatch,
        lambda: flow.stop(capture_id, patient=adult, by=gp, now=NOW),
    )
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, (envelope, blob))
    assert (home.files(), list(stores.keys().images())) == ({}, [])


def test_a_clock_that_is_nearly_right_is_believed(adult, gp, consent):
    minute = timedelta(minutes=1)
    assert take(adult, gp, consent, taken_at=NOW - minute).taken_at == NOW - minute
    assert take(adult, gp, consent, taken_at=NOW + minute).taken_at == NOW
    assert take(adult, gp, consent, taken_at=NOW - 60 * minute).taken_at == NOW


def test_the_latest_consent_for_the_part_of_the_body_is_found(adult, gp, consent):
    find = lambda site: flow.consent_for(adult, body_site=site, made_for=Purpose.CARE)  # noqa: E731
    assert find(SITE) == consent
    assert find("Face") is None


# Stop


def test_a_stop_before_anything_was_sent_leaves_nothing(adult, gp, consent, home):
    before = footprint(home)
    flow.stop(None, patient=adult, consent=consent, by=gp, now=NOW)
    assert footprint(home) == before
    consent.refresh_from_db()
    assert set(consent.withdrawn) == {"care"}
    entry = LedgerEntry.objects.get(kind="capture.stopped")
    assert b'"destroyed":"false"' in bytes(entry.body)


def test_a_stop_right_after_leaves_only_a_random_id(adult, gp, consent, home):
    tables, files, keys = footprint(home)
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    made = send(adult, gp, consent, parcel)
    opening.open_photo(made, by=gp, now=NOW)
    flow.stop(
        made.capture_id, patient=adult, consent=consent, by=gp, now=NOW + timedelta(minutes=5)
    )
    after_tables, after_files, after_keys = footprint(home)
    assert (after_files, after_keys) == (files, keys) == ({}, [])
    assert after_tables == tables | {"records_stoppedcapture": 1}
    left = StoppedCapture.objects.values().get()
    assert set(left) == {"id", "practice_id", "capture_id", "stopped_at"}
    assert blob_is_nowhere(home, parcel[1])
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, parcel)


def blob_is_nowhere(home: Home, blob: bytes) -> bool:
    """Say whether no file of the installation holds a piece of the sealed picture."""
    piece = blob[100:164]
    return not any(piece in path.read_bytes() for path in home.root.rglob("*") if path.is_file())


def test_a_stop_beats_an_upload_that_comes_later(adult, gp, consent, home):
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)
    capture_id = uuid.UUID(json.loads(envelope)["capture_id"])
    flow.stop(capture_id, patient=adult, by=gp, now=NOW)
    flow.stop(capture_id, patient=adult, by=gp, now=NOW)
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, (envelope, blob))
    assert (home.files(), list(stores.keys().images())) == ({}, [])
    assert StoppedCapture.objects.count() == 1


def test_the_key_store_alone_keeps_a_stopped_picture_out(adult, gp, consent, home):
    """As after a restore of the records from before the stop."""
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)
    flow.stop(uuid.UUID(json.loads(envelope)["capture_id"]), patient=adult, by=gp, now=NOW)
    StoppedCapture.objects.all().delete()
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, (envelope, blob))
    assert (home.files(), list(stores.keys().images())) == ({}, [])


def test_a_stop_that_comes_late_or_elsewhere_destroys_nothing(surgery, adult, gp, consent, home):
    made = take(adult, gp, consent)
    before = footprint(home)
    late = NOW + flow.RIGHT_AFTER + timedelta(seconds=1)
    with pytest.raises(flow.TooLateToStop):
        flow.stop(made.capture_id, patient=adult, by=gp, now=late)
    with pytest.raises(flow.TooLateToStop):
        flow.stop(made.capture_id, patient=patient(practice=surgery), by=gp, now=NOW)
    made_copy(made, gp)
    with pytest.raises(flow.TooLateToStop):
        flow.stop(made.capture_id, patient=adult, by=gp, now=NOW)
    assert footprint(home)[1:] == before[1:]


def made_copy(photo: Photo, by) -> Copy:
    return Copy.objects.create(
        practice=photo.practice,
        photo=photo,
        sha256="0" * 64,
        width=1,
        height=1,
        verified=True,
        certificate={},
        made_at=NOW,
        made_by=by,
    )


def test_a_stop_reaches_no_key_but_that_of_a_picture(surgery, adult, gp, consent, home):
    signed, _ = agree(
        patient(practice=surgery), gp, form="electronic", statement="", signature=signature()
    )
    kept = home.files()
    with pytest.raises(flow.TooLateToStop):
        flow.stop(signed.pk, patient=adult, consent=consent, by=gp, now=NOW)
    assert consents.open_signature(signed, by=gp)[:4] == b"\x89PNG"
    assert home.files() == kept
    assert not StoppedCapture.objects.exists()


def test_a_stop_cut_short_before_its_end_leaves_the_picture_whole(
    adult, gp, consent, home, monkeypatch
):
    """Row and key are in two stores: the key goes only once the row is gone for good."""
    made = take(adult, gp, consent)
    with monkeypatch.context() as patch:
        patch.setattr(flow.log, "append", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flow.stop(made.capture_id, patient=adult, by=gp, now=NOW)
    assert isinstance(opening.open_photo(made, by=gp, now=NOW), bytes)
    age(home, hours=3)
    assert keeping.sweep(now=real_now()) == keeping.Swept(orphans=0, parts=0)
    assert isinstance(opening.open_photo(made, by=gp, now=NOW), bytes)


@pytest.mark.parametrize("who_finishes", ["the same stop again", "a sweep"])
def test_a_stop_cut_short_after_the_row_went_is_finished(
    adult, gp, consent, home, monkeypatch, who_finishes
):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    made = send(adult, gp, consent, parcel)
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "destroy", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flow.stop(made.capture_id, patient=adult, by=gp, now=NOW)
    if who_finishes == "a sweep":
        age(home, hours=3)
        assert keeping.sweep(now=real_now()).orphans == 1
    else:
        flow.stop(made.capture_id, patient=adult, by=gp, now=NOW)
    assert (home.files(), list(stores.keys().images())) == ({}, [])
    assert stores.keys().is_erased(made.capture_id)
    assert LedgerEntry.objects.filter(kind="capture.stopped").count() == 1
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, parcel)


def test_a_stop_ends_no_consent_that_other_pictures_rest_on(adult, gp, consent):
    take(adult, gp, consent)
    second = take(adult, gp, consent)
    flow.stop(second.capture_id, patient=adult, consent=consent, by=gp, now=NOW)
    consent.refresh_from_db()
    assert consent.withdrawn == {}


def test_an_erased_picture_does_not_come_back_by_the_same_upload(adult, gp, consent):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    made = send(adult, gp, consent, parcel)
    made.set_closed()
    with pytest.raises(flow.WasStopped):
        send(adult, gp, consent, parcel)


# Crashes and races


def test_a_sweep_spares_what_is_owned_and_what_is_young(adult, gp, consent, home):
    signed, _ = agree(adult, gp, form="electronic", statement="", signature=signature_png())
    made = take(adult, gp, consent)
    copy = made_copy(made, gp)
    stores.blobs().put(copy.blob, b"a sealed copy")
    for name in ("README", "notes.intent"):
        stores.blobs().put(name, b"someone else's file")
    orphan = uuid.uuid4()
    for name in (f"{made.pk}.intent", f"{orphan}.original", f"{orphan}.intent"):
        stores.blobs().put(name, b"")
    assert keeping.sweep(now=NOW - timedelta(days=365)) == keeping.Swept(orphans=0, parts=0)
    age(home, hours=3)
    assert keeping.sweep(now=real_now()) == keeping.Swept(orphans=1, parts=0)
    assert set(home.files()) == {
        made.blob,
        made.derived_blob("view"),
        made.derived_blob("thumb"),
        copy.blob,
        signed.signature_blob,
        "README",
        "notes.intent",
    }
    assert isinstance(opening.open_photo(made, by=gp, now=NOW), bytes)


def test_an_upload_that_a_sweep_overtook_is_refused_whole(adult, gp, consent, home, monkeypatch):
    """It took longer than the lease: a row now would be a picture without its key."""

    def overtaken() -> None:
        age(home, hours=3)
        assert keeping.sweep(now=real_now()).orphans == 1

    parcel = sealed(jpeg(), tenant=adult.practice_id)
    with monkeypatch.context() as slow:
        arrive_while(slow, overtaken)
        with pytest.raises(flow.Overtaken):
            send(adult, gp, consent, parcel)
    assert not Photo.objects.exists()
    assert not LedgerEntry.objects.filter(kind="photo.captured").exists()
    age(home, hours=3)
    keeping.sweep(now=real_now())
    assert (home.files(), list(stores.keys().images())) == ({}, [])
    assert isinstance(send(adult, gp, consent, parcel), Photo)


def test_who_sends_again_while_a_sweep_removes_it_is_not_left_with_half(
    adult, gp, consent, home, monkeypatch
):
    """The key goes last: what is put again before that has no key, and the row sees it."""
    keep, delete = flow._keep, storage.DiskStore.delete

    def kept(*args, **more):
        keep(*args, **more)

        def sent_again(store, name):
            if name.endswith(".original"):
                keep(*args, **more)
            return delete(store, name)

        age(home, hours=3)
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(storage.DiskStore, "delete", sent_again)
            assert keeping.sweep(now=real_now()).orphans == 1

    monkeypatch.setattr(flow, "_keep", kept)
    with pytest.raises(flow.Overtaken):
        take(adult, gp, consent)
    assert not Photo.objects.exists()
    assert list(stores.keys().images()) == []


def test_a_sweep_asks_once_more_before_it_removes(adult, gp, consent):
    made = take(adult, gp, consent)
    assert not keeping._is_removed(made.capture_id)
    assert isinstance(opening.open_photo(made, by=gp, now=NOW), bytes)


def signature_png() -> bytes:
    from flows.conftest import signature

    return signature()


def real_now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def age(home: Home, *, hours: int) -> None:
    """Make every blob look as old as that."""
    for path in home.blobs.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - hours * 3600
            os.utime(path, (then, then))


CRASHER = """
import os, signal, sys
import django
django.setup()
from safelight.flows import capture, keeping, stores
from safelight.records.models import Consent, Staff
from safelight.storage import DiskStore, KeyStore
from safelight.terms import Purpose
import datetime

point, consent_id, staff_id, envelope, blob, now = sys.argv[1:7]

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

put, key_put = DiskStore.put, KeyStore.put

def dying_put(self, name, data):
    if point == "before-" + name.partition(".")[2]:
        die()
    put(self, name, data)
    if point == "after-" + name.partition(".")[2]:
        die()

def dying_key_put(self, *args, **kwargs):
    key_put(self, *args, **kwargs)
    if point == "after-key":
        die()

DiskStore.put, KeyStore.put = dying_put, dying_key_put
if point == "in-transaction":
    capture.log.append = die
if point == "before-settling":
    keeping.settle = die
consent = Consent.objects.select_related("patient__practice").get(pk=consent_id)
capture.receive(
    open(envelope).read(), open(blob, "rb").read(), patient=consent.patient, consent=consent,
    body_site=consent.body_site, made_for=Purpose.CARE,
    by=Staff.objects.get(pk=staff_id), now=datetime.datetime.fromisoformat(now),
)
"""


@pytest.fixture
def installation(tmp_path, transactional_db, settings, home):
    """A records database in a file, so that another process can die over it."""
    return {
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(tmp_path),
        "SAFELIGHT_PASSPHRASE": settings.SAFELIGHT_PASSPHRASE,
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "PATH": os.environ["PATH"],
        **database_of(tmp_path),
    }


POINTS = [
    "after-intent",
    "after-key",
    "after-original",
    "after-thumb",
    "in-transaction",
    "before-settling",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_steps_leaves_only_what_a_sweep_removes(point, tmp_path, installation, home):
    script = tmp_path / "crash.py"
    script.write_text(CRASHER)
    first = run(installation, "-c", MAKER, str(tmp_path))
    assert first.returncode == 0, first.stderr
    consent_id, staff_id = first.stdout.split()
    parcel = [str(tmp_path / "envelope.json"), str(tmp_path / "blob")]
    died = run(installation, str(script), point, consent_id, staff_id, *parcel, NOW.isoformat())
    assert died.returncode == -9, died.stderr
    age(home, hours=3)
    checked = run(installation, "-c", CHECKER, str(point == "before-settling"))
    assert checked.returncode == 0, checked.stderr
    again = run(installation, str(script), "never", consent_id, staff_id, *parcel, NOW.isoformat())
    assert again.returncode == 0, again.stderr
    checked = run(installation, "-c", CHECKER, "True")
    assert checked.returncode == 0, checked.stderr


def run(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env=environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


MAKER = """
import sys
from pathlib import Path
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from factories import patient, practice, staff
from flows.conftest import agree, jpeg, sealed
surgery = practice()
gp, adult = staff(practice=surgery), patient(practice=surgery)
consent, _ = agree(adult, gp)
envelope, blob = sealed(jpeg(), tenant=surgery.pk)
Path(sys.argv[1], "envelope.json").write_text(envelope)
Path(sys.argv[1], "blob").write_bytes(blob)
print(consent.pk, gp.pk)
"""

CHECKER = """
import sys
from datetime import UTC, datetime
import django
django.setup()
from safelight.flows import keeping, stores
from safelight.records.models import LedgerEntry, Photo
keeping.sweep(now=datetime.now(UTC))
kept = sys.argv[1] == "True"
assert Photo.objects.count() == kept
assert LedgerEntry.objects.filter(kind="photo.captured").count() == kept
names = sorted(name.partition(".")[2] for name in stores.blobs().names())
assert names == (["original", "thumb", "view"] if kept else []), names
assert len(list(stores.keys().images())) == kept
"""


def test_two_uploads_at_once_are_one_picture(tmp_path, installation, home):
    script = tmp_path / "crash.py"
    script.write_text(CRASHER)
    made = run(installation, "-c", MAKER, str(tmp_path))
    parcel = [str(tmp_path / "envelope.json"), str(tmp_path / "blob")]
    words = [sys.executable, str(script), "never", *made.stdout.split(), *parcel, NOW.isoformat()]
    both = [
        subprocess.Popen(words, env=installation, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in both:
        _, said = each.communicate(timeout=120)
        assert each.returncode == 0, said
    checked = run(installation, "-c", CHECKER, "True")
    assert checked.returncode == 0, checked.stderr


def test_an_upload_that_died_is_taken_in_when_it_is_sent_again(tmp_path, installation, home):
    script = tmp_path / "crash.py"
    script.write_text(CRASHER)
    made = run(installation, "-c", MAKER, str(tmp_path))
    parcel = [str(tmp_path / "envelope.json"), str(tmp_path / "blob")]
    for point, expected in (("after-view", -9), ("never", 0)):
        sent = run(installation, str(script), point, *made.stdout.split(), *parcel, NOW.isoformat())
        assert sent.returncode == expected, sent.stderr
    checked = run(installation, "-c", CHECKER, "True")
    assert checked.returncode == 0, checked.stderr


def test_a_full_disk_keeps_nothing_out_for_good(adult, gp, consent, monkeypatch):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    put = storage.DiskStore.put

    def full(self, name, data):
        if name.endswith(".thumb"):
            raise storage.DiskFull("no room")
        put(self, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(storage.DiskStore, "put", full)
        with pytest.raises(storage.DiskFull):
            send(adult, gp, consent, parcel)
    assert isinstance(send(adult, gp, consent, parcel), Photo)


def test_the_same_upload_that_overtakes_itself_gets_the_same_answer(
    adult, gp, consent, home, monkeypatch
):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    overtook = []

    def again():
        if not overtook:
            overtook.append(True)
            overtook.append(send(adult, gp, consent, parcel))

    arrive_while(monkeypatch, again)
    assert send(adult, gp, consent, parcel) == overtook[1]
    assert len(home.files()) == 3


def test_who_stopped_may_agree_anew_the_same_day(adult, gp, consent):
    flow.stop(None, patient=adult, consent=consent, by=gp, now=NOW)
    ask = lambda: flow.offer(  # noqa: E731
        adult, body_site=SITE, made_for=Purpose.CARE, by=gp, now=NOW + timedelta(minutes=30)
    )
    assert isinstance(ask(), policy.Refusal)
    again, _ = agree(adult, gp, now=NOW + timedelta(minutes=20))
    assert isinstance(ask(), flow.CaptureOffer)
    assert take(adult, gp, again, now=NOW + timedelta(minutes=30)).consent == again


def test_other_bytes_that_race_for_one_id_are_refused(adult, gp, consent, home, monkeypatch):
    capture_id = uuid.uuid4()
    first = sealed(jpeg(), tenant=adult.practice_id, capture_id=capture_id)
    second = sealed(jpeg(seed=2), tenant=adult.practice_id, capture_id=capture_id)
    opened = flow._opened

    def overtaken(envelope, blob, **kwargs):
        found = opened(envelope, blob, **kwargs)
        if blob == second[1]:
            monkeypatch.setattr(flow, "_opened", opened)
            send(adult, gp, consent, first)
        return found

    monkeypatch.setattr(flow, "_opened", overtaken)
    with pytest.raises(flow.OtherBytes):
        send(adult, gp, consent, second)
    assert home.files()[f"{capture_id}.original"] == first[1]
