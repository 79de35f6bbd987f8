"""What a restore reads of a set before there is an installation to restore into."""

from __future__ import annotations

import tempfile
from pathlib import Path

from safelight.storage import backups
from safelight.storage.backups import Kind, Lid
from safelight.storage.errors import BackupBroken


def settings_text(place: str, set_id: str | None, words: str) -> bytes:
    """Return the settings file in a set of records, the newest where none is named.

    Raises BackupBroken, NotTheBackupKey.
    """
    sets = backups.target(place).sets
    made = (
        backups.read_manifest(sets, set_id) if set_id else backups.find(sets).newest(Kind.RECORDS)
    )
    if made is None:
        raise BackupBroken("no set of records here")
    key = backups.opened_key(made, Lid.BACKUP_KEY, backups.key_of(words))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings"
        backups.unpack(sets, made, of="settings", keys={Lid.BACKUP_KEY: key}, into=path)
        return path.read_bytes()
