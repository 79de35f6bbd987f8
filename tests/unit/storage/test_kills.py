"""Killed at any named point, the store has lost nothing it acknowledged and kept nothing it erased.

Killing can't show a missing fsync, since the system still has the bytes: test_disk_store looks at
the order of calls for that.
"""

import signal
import subprocess
import sys

import crasher
import pytest

from safelight import vault
from safelight.storage import (
    BlobGone,
    Cost,
    DiskStore,
    KeyGone,
    KeyStore,
    SealedFileManager,
    Tombstoned,
)

POINTS = {
    "sql begin": (1, 4, 9),
    "sql insert": (1, 3, 8),
    "sql delete": (1, 2),
    "sql commit": (1, 2, 5),
    "sql checkpoint": (1, 2),
    "before write": (1, 3),
    "after write": (2,),
    "before fsync": (1, 2, 5),
    "after fsync": (1, 4),
    "before link": (1, 3),
    "after link": (1, 2),
    "before unlink": (1, 3),
    "after unlink": (2,),
    "between key and blob": (1, 3),
    "before the answer": (1, 2),
    "between key and bytes": (1, 2),
}


@pytest.fixture
def folder(tmp_path):
    SealedFileManager.create(tmp_path / "seal.json", "p", cost=Cost(1, 8, 1))
    return tmp_path


def killed_at(folder, point, occurrence, *, start=0, bug="none"):
    """Return what the writer had acknowledged: the numbers kept, the numbers erased."""
    command = [sys.executable, crasher.__file__, str(folder), str(start), point, str(occurrence)]
    done = subprocess.run([*command, bug], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    return tuple({int(n) for what, n in said if what == which} for which in ("kept", "erased"))


def wrongs(folder, kept, erased):
    """Say everything that is not as it was acknowledged."""
    store = KeyStore(folder / "keys.db", SealedFileManager.open(folder / "seal.json", "p"))
    blobs, found = DiskStore(folder / "blobs"), []
    for number in range(max(kept | erased, default=0) + 2):
        where, name = crasher.image(number), f"{crasher.image(number)}/original"
        try:
            key = store.get(where, **crasher.WHERE)
            context = crasher.blob_context(number)
            whole = vault.unseal(key, blobs.get(name), context=context) == crasher.picture(number)
        except (KeyGone, vault.SealBroken, BlobGone):
            whole = False
        if number in erased and (whole or not store.is_erased(where)):
            found.append(f"{number} was erased and is not")
        if number in kept - erased and not whole and not store.is_erased(where):
            found.append(f"{number} was kept and is not")
    store.close()
    return found


def orphans(folder):
    """Return the names of blobs without a key that is not erased, as the sweeper would."""
    store = KeyStore(folder / "keys.db", SealedFileManager.open(folder / "seal.json", "p"))
    having = {str(image) for image, _ in store.images()}
    store.close()
    return {n.split("/")[0] for n in DiskStore(folder / "blobs").names()} - having


@pytest.mark.parametrize(
    ("point", "occurrence"), [(point, n) for point, often in POINTS.items() for n in often]
)
def test_a_writer_killed_there_lost_nothing_and_goes_on(folder, point, occurrence):
    kept, erased = killed_at(folder, point, occurrence)
    assert wrongs(folder, kept, erased) == []
    # The key comes first, so that a blob without one is only ever an erased picture's.
    store = KeyStore(folder / "keys.db", SealedFileManager.open(folder / "seal.json", "p"))
    gone = {str(image) for image in store.tombstones()}
    assert orphans(folder) <= gone
    assert store.scrub()
    store.close()
    finished = subprocess.run(
        [sys.executable, crasher.__file__, str(folder), "50", "never", "1", "none"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert finished.stdout.count("kept") == 6


@pytest.mark.parametrize(
    ("bug", "point", "occurrence"),
    [
        ("acknowledge-first", "before link", 1),
        ("acknowledge-first", "sql commit", 2),
        ("key-last", "sql begin", 2),
        ("erase-late", "sql delete", 1),
    ],
)
def test_a_writer_with_a_planted_mistake_is_found_out(folder, bug, point, occurrence):
    """Negative control: the same look at what is left must see these."""
    kept, erased = killed_at(folder, point, occurrence, bug=bug)
    assert wrongs(folder, kept, erased) != []


def test_an_upload_cut_short_succeeds_when_it_is_sent_again(folder):
    killed_at(folder, "between key and blob", 1)
    store = KeyStore(folder / "keys.db", SealedFileManager.open(folder / "seal.json", "p"))
    store.put(crasher.image(0), data_key=crasher.key(0), **crasher.WHERE)
    store.erase([crasher.image(0)])
    with pytest.raises(Tombstoned):
        store.put(crasher.image(0), data_key=crasher.key(0), **crasher.WHERE)
    store.close()
