"""Where blobs and keys are kept, each so that it survives a power cut and dies when told to."""

from safelight.storage.ballast import Ballast
from safelight.storage.disk import DiskStore
from safelight.storage.errors import (
    AlreadyThere,
    BlobGone,
    DiskFull,
    KeyGone,
    KeyManagerError,
    KeyStoreError,
    KeyTaken,
    StorageError,
    Tombstoned,
    VersionDestroyed,
    WrongPassphrase,
)
from safelight.storage.ingest import IngestOffer
from safelight.storage.keystore import Erased, KeyStore, KeyStoreState
from safelight.storage.managers import Health, KeyManager, ManagerState
from safelight.storage.sealed_file import Cost, SealedFileManager

__all__ = [
    "AlreadyThere",
    "Ballast",
    "BlobGone",
    "Cost",
    "DiskFull",
    "DiskStore",
    "Erased",
    "Health",
    "IngestOffer",
    "KeyGone",
    "KeyManager",
    "KeyManagerError",
    "KeyStore",
    "KeyStoreError",
    "KeyStoreState",
    "KeyTaken",
    "ManagerState",
    "SealedFileManager",
    "StorageError",
    "Tombstoned",
    "VersionDestroyed",
    "WrongPassphrase",
]
