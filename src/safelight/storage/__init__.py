"""Where blobs and keys are kept, each so that it survives a power cut and dies when told to."""

from safelight.storage.ballast import Ballast
from safelight.storage.disk import DiskStore
from safelight.storage.errors import (
    AlreadyThere,
    BlobGone,
    DiskFull,
    KeyGone,
    KeyManagerAway,
    KeyManagerError,
    KeyManagerRefuses,
    KeyManagerSealed,
    KeyStoreAway,
    KeyStoreError,
    KeyTaken,
    StorageError,
    Tombstoned,
    VersionDestroyed,
    WrongPassphrase,
)
from safelight.storage.ingest import IngestOffer
from safelight.storage.keystore import Destroyed, Erased, KeyStore, KeyStoreState, Turn
from safelight.storage.managers import Health, KeyManager, ManagerState
from safelight.storage.remembering import Remembering
from safelight.storage.rotation import Version
from safelight.storage.sealed_file import Cost, SealedFileManager

__all__ = [
    "AlreadyThere",
    "Ballast",
    "BlobGone",
    "Cost",
    "Destroyed",
    "DiskFull",
    "DiskStore",
    "Erased",
    "Health",
    "IngestOffer",
    "KeyGone",
    "KeyManager",
    "KeyManagerAway",
    "KeyManagerError",
    "KeyManagerRefuses",
    "KeyManagerSealed",
    "KeyStore",
    "KeyStoreAway",
    "KeyStoreError",
    "KeyStoreState",
    "KeyTaken",
    "ManagerState",
    "Remembering",
    "SealedFileManager",
    "StorageError",
    "Tombstoned",
    "Turn",
    "Version",
    "VersionDestroyed",
    "WrongPassphrase",
]
