"""Where blobs and keys are kept, each so that it survives a power cut and dies when told to."""

from safelight.storage.ballast import Ballast, ballast_of
from safelight.storage.blobs import BlobStore
from safelight.storage.database import disk_trouble, is_locked
from safelight.storage.disk import DiskStore
from safelight.storage.errors import (
    AlreadyThere,
    BackupBroken,
    BlobDamaged,
    BlobGone,
    DiskBroken,
    DiskFull,
    FormerNotLeft,
    KeyGone,
    KeyManagerAway,
    KeyManagerError,
    KeyManagerRefuses,
    KeyManagerSealed,
    KeysMoved,
    KeysThere,
    KeyStoreAway,
    KeyStoreError,
    KeyTaken,
    NoPlace,
    NotTheBackupKey,
    StorageError,
    StoreRefused,
    StoreUnreachable,
    Tombstoned,
    VersionDestroyed,
    WrongPassphrase,
)
from safelight.storage.files import make_root, write_new
from safelight.storage.holding import hold
from safelight.storage.ingest import IngestOffer
from safelight.storage.key_state import Former, KeyStoreState
from safelight.storage.keystore import Erased, KeyStore
from safelight.storage.managers import Health, KeyManager, ManagerState
from safelight.storage.nightly import Destroyed, Nightly, Turn
from safelight.storage.remembering import Remembering
from safelight.storage.rotation import Version
from safelight.storage.s3 import Place, S3Store
from safelight.storage.sealed_file import Cost, SealedFileManager

__all__ = [
    "AlreadyThere",
    "BackupBroken",
    "Ballast",
    "BlobDamaged",
    "BlobGone",
    "BlobStore",
    "Cost",
    "Destroyed",
    "DiskBroken",
    "DiskFull",
    "DiskStore",
    "Erased",
    "Former",
    "FormerNotLeft",
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
    "KeysMoved",
    "KeysThere",
    "ManagerState",
    "Nightly",
    "NoPlace",
    "NotTheBackupKey",
    "Place",
    "Remembering",
    "S3Store",
    "SealedFileManager",
    "StorageError",
    "StoreRefused",
    "StoreUnreachable",
    "Tombstoned",
    "Turn",
    "Version",
    "VersionDestroyed",
    "WrongPassphrase",
    "ballast_of",
    "disk_trouble",
    "hold",
    "is_locked",
    "make_root",
    "write_new",
]
