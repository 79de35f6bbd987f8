"""What can go wrong with keeping. Each says what a person can do about it."""

from __future__ import annotations


class StorageError(Exception):
    """The store can't go on."""

    for_people = "The picture store isn't working. Please tell your administrator."


class AlreadyThere(StorageError):
    """Other bytes are kept under that name."""

    for_people = "Another picture was already received under this number. Please take it again."


class BlobGone(StorageError):
    """Nothing is kept under that name."""

    for_people = "This picture is no longer kept."


class BlobDamaged(StorageError):
    """What the store gives back isn't what was put: its own checksum says so."""

    for_people = "This picture came back damaged from the store, so it isn't shown. Please tell your administrator."


class StoreUnreachable(StorageError):
    """The store didn't answer, or answered that it can't just now. What was asked may have happened."""

    for_people = "The picture store can't be reached just now. Nothing is lost. Please try again in a minute."


class StoreRefused(StorageError):
    """The store answered, and it doesn't let us: a wrong key, a missing right, no such bucket."""

    for_people = "The picture store doesn't let Safelight in. Please tell your administrator."


class DiskFull(StorageError):
    """No room; nothing was kept."""

    for_people = "The server's disk is full. Nothing was stored. Please tell your administrator."


class DiskBroken(StorageError):
    """The system can't read or write there, and it isn't for want of room. Nothing was acknowledged."""

    for_people = (
        "The server's disk fails to read or write. What was just sent isn't stored. Tell your "
        "administrator at once: before anything else is tried, the disk and the system's log have "
        "to be looked at."
    )


class KeyStoreError(StorageError):
    """The key store can't go on."""

    for_people = "The key store isn't working. Please tell your administrator."


class KeyStoreAway(KeyStoreError):
    """The key store's database doesn't answer, or not in time. Nothing is known to be lost."""

    for_people = (
        "The key store can't be reached just now. Nothing is lost. Try again in a minute; "
        "if it goes on, tell your administrator."
    )


class KeyGone(KeyStoreError):
    """There is no such key here: erased, or never kept for this patient."""

    for_people = "This picture can't be opened any more."


class KeyTaken(KeyStoreError):
    """Another key is kept for this version of the picture."""


class Tombstoned(KeyStoreError):
    """The picture was erased; nothing may be kept under its id again."""

    for_people = "This picture was withdrawn and can't be stored again."


class KeyManagerError(StorageError):
    """The key manager can't go on."""

    for_people = "The key manager isn't working. Please tell your administrator."


class KeyManagerAway(KeyManagerError):
    """The key manager can't be reached, or doesn't answer in time. Nothing is known to be lost."""

    for_people = (
        "The key manager can't be reached just now. Nothing is lost. Try again in a minute; "
        "if it goes on, tell your administrator."
    )


class KeyManagerSealed(KeyManagerAway):
    """The key manager is there and has to be unsealed before it does anything."""

    for_people = "The key manager is sealed. Ask your administrator to unseal it; nothing is lost."


class KeyManagerRefuses(KeyManagerError):
    """The key manager doesn't let this server do it: its token, PIN or policy is wrong or expired."""

    for_people = (
        "The key manager doesn't accept this server. Please tell your administrator: its token, "
        "PIN or permission is wrong or has ended."
    )


class WrongPassphrase(KeyManagerError):
    """The passphrase doesn't open the file, or the file was changed: these can't be told apart."""

    for_people = "That passphrase doesn't open the key file."


class VersionDestroyed(KeyManagerError):
    """It was wrapped under a version that was destroyed, or that this manager never had."""


class KeysMoved(KeyManagerError):
    """The key store is under another key manager than the one that this process opened."""

    for_people = (
        "The keys were moved to another key manager. Restart Safelight's servers and its worker; "
        "if that doesn't help, the settings name another key manager than the one the keys are under."
    )


class FormerNotLeft(KeyManagerError):
    """The store was moved before, and the manager of then still keeps versions that backups need."""

    for_people = (
        "The keys were moved not long ago, and the key manager of before still has to destroy what "
        "old backups need. Until then they can only be moved back."
    )


class BackupBroken(StorageError):
    """A backup isn't as it was written: altered, cut, or not one at all."""

    for_people = (
        "This backup isn't as it was written. Use another one, and find out who could write there."
    )


class NoPlace(StorageError):
    """Nobody said where backups go, or the two kinds go to one place."""

    for_people = (
        "Say where it goes: backup_to and backup_keys_to in the settings, or --to, a folder or "
        "s3://BUCKET/PREFIX. Keys go to another place than records and pictures."
    )


class NotTheBackupKey(StorageError):
    """What was typed is no backup key, or not the one that this was closed to."""

    for_people = (
        "These words don't open this backup: a letter is wrong, or they are of another backup key. "
        "There are 14 groups of 4, as they were written down for the safe."
    )


class KeysThere(KeyStoreError):
    """There are keys in the place that a backup of keys was to be put."""

    for_people = (
        "There are keys here already, and they are newer than any backup of them. Leave --keys-from "
        "out to use them, or move them away first."
    )
