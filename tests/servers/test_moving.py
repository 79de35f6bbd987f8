"""From any key manager to any other, on the real ones: everything opens, nothing of before stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from safelight import storage, vault
from safelight.storage import KeyStore, SealedFileManager, moving, rotation
from safelight.storage.pg_database import PgKeyDatabase
from servers import managing

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TENANTS = (UUID(int=1), UUID(int=2))
PASSPHRASE = "a passphrase"
CHEAP = storage.Cost(1, 8, 1)


@pytest.fixture(params=[*permutations(managing.KINDS, 2)], ids="-to-".join)
def pair(request) -> Iterator[tuple[managing.Managed, managing.Managed]]:
    """Two key managers, in each order."""
    with (
        managing.sealed_file() as file,
        managing.in_aws(request.getfixturevalue("aws_port")) as aws,
    ):
        made = {
            "sealed-file": lambda: file,
            "openbao": lambda: managing.in_openbao(request.getfixturevalue("bao")),
            "pkcs11": lambda: managing.in_token(request.getfixturevalue("token")),
            "aws-kms": lambda: aws,
        }
        first, second = request.param
        yield made[first](), made[second]()


class Kept:
    """Pictures of patients of two practices, with their keys, and the server's own secrets."""

    def __init__(self, store: KeyStore, *, patients: int = 5) -> None:
        self.keys: dict[tuple[UUID, UUID, UUID], bytes] = {}
        for tenant in TENANTS:
            for number in range(patients):
                for _ in range(2):
                    self.put(store, tenant, UUID(int=tenant.int * 1000 + number))
        self.signing = store.signing_key()
        self.offer = store.ingest_current(NOW)

    def put(self, store: KeyStore, tenant: UUID, patient: UUID) -> UUID:
        image, key = uuid4(), vault.new_key()
        store.put(image, tenant=tenant, patient=patient, version=1, data_key=key)
        self.keys[tenant, patient, image] = key
        return image

    @property
    def images(self) -> list[UUID]:
        return [image for _, _, image in self.keys]

    def opens(self, store: KeyStore) -> bool:
        return (
            all(
                store.get(image, tenant=tenant, patient=patient, version=1) == key
                for (tenant, patient, image), key in self.keys.items()
            )
            and store.signing_key() == self.signing
            and store.ingest_private(self.offer.kid).public == self.offer.public
        )


def upper_keys(store: KeyStore) -> list[bytes]:
    """Every wrapped key between the managers and the pictures, as it lies in the file."""
    with store._database.reading() as db:
        tables = ("tenant_keys", "patient_keys", "secrets", "ingest_keys")
        return [
            bytes(row[0])
            for table in tables
            for row in db.execute(f"SELECT wrapped FROM {table}").fetchall()
        ]


def found_in(folder: Path, needles: list[bytes]) -> int:
    """How many of these keys, in part, lie in a file of the key store or its log."""
    files = [path.read_bytes() for path in folder.iterdir() if path.name.startswith("keys.db")]
    return sum(any(each[-24:] in data for data in files) for each in needles)


def moved(store: KeyStore, new: storage.KeyManager, *, now: datetime = NOW) -> None:
    """All of a move that happens in the key store."""
    store.moving.move(new, now=now)
    store.nightly.rotate(now)
    store.moving.renew_patients(now=now)


def test_everything_opens_under_the_new_and_nothing_of_the_former_stays(pair, tmp_path):
    former, new = pair[0].create(), pair[1].create()
    store = KeyStore(tmp_path / "keys.db", former)
    kept, stale = Kept(store), KeyStore(tmp_path / "keys.db", former)
    needles = upper_keys(store)
    assert found_in(tmp_path, needles) == len(needles), "the search finds what is there"
    moved(store, new)
    assert kept.opens(store)
    assert found_in(tmp_path, needles) == 0
    again = KeyStore(tmp_path / "keys.db", pair[1].again())
    assert kept.opens(again)
    state = again.describe()
    assert (state.manager.kind, state.scrub_pending) == (pair[1].kind, False)
    assert (state.former.kind, state.former.is_renewed) == (pair[0].kind, True)
    assert again.oldest_version() == state.manager.current
    # One that was started before can erase, and nothing else.
    image = kept.put(again, TENANTS[0], UUID(int=1000))
    with pytest.raises(storage.KeysMoved):
        kept.opens(stale)
    for refused in (
        lambda: stale.put(uuid4(), tenant=uuid4(), patient=uuid4(), version=1, data_key=b"k" * 32),
        lambda: stale.nightly.rotate(NOW),
        lambda: stale.nightly.destroy_old(NOW, backup_needs=None),
        lambda: stale.ingest_current(NOW + 8 * DAY),
        stale.signing_key,
        lambda: stale.moving.move(pair[1].again(), now=NOW),
    ):
        with pytest.raises(storage.KeysMoved):
            refused()
    assert not stale.erase([image]).scrubbed, "its patient's other keys wait for who can open them"
    with pytest.raises(storage.KeyGone):
        again.get(image, tenant=TENANTS[0], patient=UUID(int=1000), version=1)
    assert again.scrub()


def test_the_former_destroys_what_only_backups_need_once_a_newer_one_was_verified(pair, tmp_path):
    former, new = pair[0].create(), pair[1].create()
    store = KeyStore(tmp_path / "keys.db", former)
    kept = Kept(store)
    for night in range(3):
        store.nightly.rotate(NOW + night * DAY)
    left = NOW + 3 * DAY
    wrapped = former.wrap(b"what a backup holds", aad=b"")
    moved(store, new, now=left)

    def due(days: float, **given) -> tuple[int, ...]:
        said = {"keep_days": 7, "backup_needs": None, "is_backed_up": False} | given
        return store.moving.due(NOW + days * DAY, **said)

    assert due(30) == (), "nothing as long as no backup was verified"
    assert due(30, backup_needs=3) == (1, 2), "nor what the last one of before needs"
    assert due(6, is_backed_up=True) == ()
    assert due(7.5, is_backed_up=True) == (1,), "each when its own time is over"
    assert due(8.5, is_backed_up=True) == (1, 2)
    store.moving.let_go(former, due(7.5, is_backed_up=True), now=left)
    assert former.unwrap(wrapped, aad=b"") == b"what a backup holds"
    assert former.describe().versions == (2, 3, 4)
    assert store.moving.state().versions == 3
    assert store.nightly.is_destruction_late(NOW + 12 * DAY, keep_days=7)
    every = due(11, is_backed_up=True)
    former.rotate()  # as one did that was killed right after
    store.moving.let_go(former, every, now=left + 7 * DAY)
    with pytest.raises(storage.VersionDestroyed):
        pair[0].again().unwrap(wrapped, aad=b"")
    assert store.moving.state().left_at is not None
    assert not store.nightly.is_destruction_late(left + 6 * DAY, keep_days=7)
    assert kept.opens(store)


def second(path: Path) -> SealedFileManager:
    """Another key file, which calls itself another kind: what is killed needs no server."""

    class Second(SealedFileManager):
        kind = "openbao"

    if not path.exists():
        Second.create(path, PASSPHRASE, cost=CHEAP)
    return Second.open(path, PASSPHRASE)


@pytest.fixture
def first(tmp_path) -> SealedFileManager:
    return SealedFileManager.create(tmp_path / "seal.json", PASSPHRASE, cost=CHEAP)


def whichever(tmp_path: Path) -> KeyStore:
    """The store as a start finds it: it says itself under which of the two it is."""
    both = {
        None: lambda: SealedFileManager.open(tmp_path / "seal.json", PASSPHRASE),
        "openbao": lambda: second(tmp_path / "second.json"),
    }
    return KeyStore(tmp_path / "keys.db", lambda told: both[told]())


def killed_at(tmp_path: Path, at: int, *, plant: str = "") -> bool:
    """Move in another process, which kills itself before the n-th statement; say whether it did."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    try:
        _move_until(tmp_path, at, plant=plant)
    finally:
        os._exit(1)


def _move_until(tmp_path: Path, at: int, *, plant: str) -> None:
    store, count = whichever(tmp_path), 0

    def reached(_: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    if plant == "manager noted first":
        with store._database.writing() as db:
            rotation.set_counter(db, "manager", 2)
        store._ring.under = lambda db: store._ring.manager
    store._database.connection().set_trace_callback(reached)
    moved(store, second(tmp_path / "second.json"))
    os._exit(0)


def test_killed_before_any_statement_it_opens_and_goes_on(tmp_path, first, monkeypatch):
    monkeypatch.setattr(rotation, "PAUSE_SECONDS", 0)
    second(tmp_path / "second.json")
    kept = Kept(KeyStore(tmp_path / "keys.db", first), patients=2)
    needles = upper_keys(whichever(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    at, ends = 1, {"before": 0, "after": 0}
    while True:
        was_killed = killed_at(tmp_path, at)
        store = whichever(tmp_path)
        ends["before" if store.moving.state() is None else "after"] += 1
        assert kept.opens(store), at
        if store.moving.state() is None:
            moved(store, second(tmp_path / "second.json"))
        elif not store.moving.state().is_renewed:
            store.nightly.rotate(NOW)
            store.moving.renew_patients(now=NOW)
        assert kept.opens(store), at
        assert store.scrub()
        assert found_in(tmp_path, needles) == 0, at
        store.close()
        if not was_killed:
            break
        for path in tmp_path.iterdir():
            path.unlink()
        for path, data in before.items():
            path.write_bytes(data)
        at += 1 if at < 60 else 7
    assert min(ends.values()) > 10, ends


def test_a_move_that_notes_the_manager_first_is_found_out(tmp_path, first):
    """Negative control: the same look must see a planted mistake."""
    kept = Kept(KeyStore(tmp_path / "keys.db", first), patients=2)
    second(tmp_path / "second.json")
    assert killed_at(tmp_path, 3, plant="manager noted first")
    with pytest.raises((storage.StorageError, vault.SealBroken)):
        kept.opens(whichever(tmp_path))


def test_a_move_that_leaves_the_log_is_found_out(tmp_path, first, monkeypatch):
    """Negative control: without the scrub the former's wrapped keys lie in the log."""
    store = KeyStore(tmp_path / "keys.db", first)
    Kept(store)
    needles = upper_keys(store)
    monkeypatch.setattr(store, "scrub", lambda: True)
    moved(store, second(tmp_path / "second.json"))
    assert found_in(tmp_path, needles) > 0


def test_what_lay_under_a_file_is_never_called_proved_and_what_came_later_is(tmp_path, first, bao):
    store = KeyStore(tmp_path / "keys.db", first)
    kept = Kept(store)
    new = managing.in_openbao(bao).create()
    store.moving.move(new, now=NOW)
    between = kept.put(store, TENANTS[0], UUID(int=1000))
    gone = kept.put(store, TENANTS[0], UUID(int=1001))
    store.erase([gone])
    store.nightly.rotate(NOW)
    store.moving.renew_patients(now=NOW)
    later = kept.put(store, TENANTS[0], UUID(int=1000))
    assert store.proves_shred
    assert store.proves_shred_of([later])
    for image in (*kept.images[:3], between, gone):
        assert not store.proves_shred_of([later, image])
    del kept.keys[TENANTS[0], UUID(int=1001), gone]
    assert kept.opens(store)


def test_a_key_made_while_the_rows_are_wrapped_anew_is_moved_too(tmp_path, first, monkeypatch):
    store = KeyStore(tmp_path / "keys.db", first)
    kept, other = Kept(store), KeyStore(tmp_path / "keys.db", first)
    new, late = second(tmp_path / "second.json"), UUID(int=7)
    wrap, done = new.wrap, []

    def wrapping(data: bytes, *, aad: bytes) -> bytes:
        if not done:
            done.append(kept.put(other, late, late))
        return wrap(data, aad=aad)

    monkeypatch.setattr(new, "wrap", wrapping)
    moved(store, new)
    assert kept.opens(store)


def test_a_patients_key_that_does_not_open_keeps_no_other_waiting(tmp_path, first):
    store = KeyStore(tmp_path / "keys.db", first)
    kept = Kept(store)
    broken = next(iter(kept.keys))
    with store._database.writing() as db:
        db.execute("UPDATE data_keys SET wrapped = ? WHERE image = ?", (b"x" * 60, broken[2].bytes))
    moved(store, second(tmp_path / "second.json"))
    del kept.keys[broken]
    assert kept.opens(store)
    with pytest.raises(vault.SealBroken):
        store.get(broken[2], tenant=broken[0], patient=broken[1], version=1)


def test_many_patients_are_renewed_in_portions_and_that_is_told(tmp_path, first, monkeypatch):
    monkeypatch.setattr(moving, "PATIENTS", 3)
    store = KeyStore(tmp_path / "keys.db", first)
    kept, told = Kept(store), []
    store.moving.move(second(tmp_path / "second.json"), now=NOW)
    assert store.moving.renew_patients(now=NOW, progress=lambda *said: told.append(said)) == 10
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert store.moving.renew_patients(now=NOW) == 0
    assert kept.opens(store)


def test_it_moves_back_and_to_no_third_while_backups_need_the_first(tmp_path, first, token):
    store = KeyStore(tmp_path / "keys.db", first)
    kept, new = Kept(store), second(tmp_path / "second.json")
    assert store.moving.renew_patients(now=NOW) == 0
    store.nightly.rotate(NOW)
    moved(store, new, now=NOW + DAY)
    with pytest.raises(storage.FormerNotLeft):
        store.moving.move(managing.in_token(token).create(), now=NOW + DAY)
    with pytest.raises(storage.KeyManagerError, match="one kind"):
        store.moving.move(second(tmp_path / "second.json"), now=NOW + DAY)
    moved(store, first, now=NOW + 2 * DAY)
    assert kept.opens(KeyStore(tmp_path / "keys.db", first))
    versions = {each.number: each for each in store.describe().versions}
    assert versions[1].replaced_at == NOW
    assert versions[2].replaced_at == NOW + 2 * DAY, "in use again until the next was made"
    assert store.moving.state().kind == "openbao"
    store.moving.let_go(new, (1, 2), now=NOW + 30 * DAY)
    moved(store, managing.in_token(token).create(), now=NOW + 31 * DAY)
    assert kept.opens(store)


def test_a_manager_that_gives_back_other_bytes_gets_no_key(tmp_path, first, monkeypatch):
    store = KeyStore(tmp_path / "keys.db", first)
    kept, new = Kept(store), second(tmp_path / "second.json")
    monkeypatch.setattr(new, "unwrap", lambda wrapped, *, aad: b"k" * 32)
    with pytest.raises(storage.KeyManagerError, match="other bytes"):
        store.moving.move(new, now=NOW)
    assert kept.opens(KeyStore(tmp_path / "keys.db", first))


def test_who_chooses_is_told_of_an_empty_store_and_a_refusal_closes_it(tmp_path, first):
    told: list[str | None] = []

    def choose(said: str | None) -> storage.KeyManager:
        told.append(said)
        return first

    store = KeyStore(tmp_path / "keys.db", choose)
    Kept(store)
    KeyStore(tmp_path / "keys.db", choose)
    moved(store, second(tmp_path / "second.json"))

    def refuse(said: str | None) -> storage.KeyManager:
        told.append(said)
        raise storage.KeyManagerAway

    with pytest.raises(storage.KeyManagerAway):
        KeyStore(tmp_path / "keys.db", refuse)
    assert told == ["", None, "openbao"]


def test_a_key_store_in_a_database_moves_too(tmp_path, first, postgres, monkeypatch):
    monkeypatch.setattr(moving, "PATIENTS", 3)
    url = postgres.database()
    store = KeyStore(PgKeyDatabase(url), first)
    kept = Kept(store)
    old = upper_keys(store)
    new = second(tmp_path / "second.json")
    moved(store, new)
    kept.put(store, TENANTS[0], UUID(int=1000))
    gone = kept.put(store, TENANTS[1], UUID(int=2000))
    again = KeyStore(PgKeyDatabase(url), lambda told: {"openbao": new}[told])
    assert kept.opens(again)
    assert not set(old) & set(upper_keys(again))
    assert again.moving.state().is_renewed
    assert again.erase([gone]).scrubbed
    stale = KeyStore(PgKeyDatabase(url), first)
    with pytest.raises(storage.KeysMoved):
        kept.opens(stale)
    for each in (store, again, stale):
        each.close()


def test_a_store_of_the_format_before_can_be_moved(tmp_path, first):
    store = KeyStore(tmp_path / "keys.db", first)
    kept = Kept(store)
    db = store._database.connection()
    db.executescript("DROP TABLE unproved; DROP TABLE former_versions; PRAGMA user_version=2;")
    store.close()
    store = KeyStore(tmp_path / "keys.db", first)
    moved(store, second(tmp_path / "second.json"))
    assert kept.opens(store)
