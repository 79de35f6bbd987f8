"""What this installation was told: the environment, and one TOML file beneath it.

Every key of the file can be overridden by an environment variable of the same name with
`SAFELIGHT_` in front. An unknown key refuses: a typing error must not switch a protection off.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

Mode = Literal["practice", "demo", "test"]

PREFIX = "SAFELIGHT_"
NOT_CONFIG = frozenset(
    {"CONFIG", "PICTURES", "SHOTS", "HYPOTHESIS", "DEMO_TLS", "DEMO_PASS", "UNLOCKED_DECODING"}
)
"""Variables with our prefix that are read elsewhere and say nothing about the installation."""

CREDENTIAL = "safelight-passphrase"
"""Name of the systemd credential that may hold the passphrase."""
SHARE_CREDENTIALS = tuple(f"safelight-share-{number}" for number in range(1, 17))
"""Names of those that may hold a share of it each."""
KeyManagerKind = Literal["sealed-file", "openbao", "pkcs11", "aws-kms"]


class ConfigRefused(ValueError):
    """The settings can't be read or don't fit together."""


@dataclass(frozen=True, slots=True)
class Config:
    """The installation's settings, read and checked, before Django sees them."""

    mode: Mode = "practice"
    home: Path = field(default_factory=lambda: Path.home() / ".local" / "share" / "safelight")
    server_url: str = "http://127.0.0.1:8765"
    secret_key: str = ""
    database_url: str = ""
    """Empty: SQLite in the home folder. Otherwise postgresql://user:password@host:port/name."""
    blobs: Path | None = None
    s3_bucket: str = ""
    """Where sealed pictures are kept instead of a folder: a bucket of an S3 store."""
    s3_prefix: str = ""
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_access_key: str = ""
    s3_secret_key_file: Path | None = None
    keys: Path | None = None
    keys_url: str = ""
    """postgresql://…: the key store in a database of its own, and not in the file `keys`."""
    seal: Path | None = None
    key_manager: KeyManagerKind = "sealed-file"
    key_manager_before: KeyManagerKind | Literal[""] = ""
    """The one that `safelight keys move` leaves; the key store itself says which of the two it is under."""
    openbao_url: str = ""
    openbao_token_file: Path | None = None
    openbao_ca_file: Path | None = None
    openbao_key: str = "safelight"
    openbao_mount: str = "transit"
    pkcs11_module: Path | None = None
    pkcs11_token: str = "safelight"  # noqa: S105 a label
    pkcs11_pin_file: Path | None = None
    pkcs11_key: str = "safelight"
    aws_kms_region: str = ""
    aws_kms_key: str = "safelight"
    aws_kms_endpoint: str = ""
    key_days: int = 7
    """How long a replaced version of the keys is kept, so that backups from then still open."""
    passphrase: str | None = field(default=None, repr=False)
    passphrase_file: Path | None = None
    wording: Path | None = None
    """A folder with consent sheets in further languages (docs/formats/wording.md)."""
    idle_minutes: int = 10
    behind_proxy: bool = False
    """Trust X-Forwarded-Proto and X-Forwarded-For, which the proxy must set itself."""
    backup_to: str = ""
    """Folder for backups of records and pictures; keys go to another one."""
    backup_keys_to: str = ""
    witness_to: str = ""
    """Folder outside this machine's administration, for checkpoints and what must not come undone."""
    pack_publishers: str = ""
    """Whose policy packs may be brought in: keys as `safelight policy sign` prints them, by commas."""
    mail_host: str = ""
    mail_port: int = 587
    mail_user: str = ""
    mail_password_file: Path | None = None
    mail_from: str = "safelight@localhost"
    mail_security: Literal["starttls", "tls", "none"] = "starttls"

    @property
    def tls(self) -> bool:
        """Say whether people reach this server by https."""
        return self.server_url.startswith("https://")

    def changed(self, said: Mapping[str, str]) -> Config:
        """Return the settings with some of them changed, given as the file gives them."""
        return replace(self, **{name: _typed(name, value) for name, value in said.items()})


BUSY_S = 30
"""How long a writer waits for another one, on either database."""
_CONNECTION_OPTIONS = frozenset(
    {"connect_timeout", "passfile", "sslcert", "sslkey", "sslmode", "sslrootcert"}
)
"""What may follow the `?` of database_url, with libpq's meaning."""
_PATHS = frozenset(
    {
        "home",
        "blobs",
        "keys",
        "seal",
        "passphrase_file",
        "mail_password_file",
        "openbao_token_file",
        "openbao_ca_file",
        "pkcs11_module",
        "pkcs11_pin_file",
        "s3_secret_key_file",
    }
)
_NUMBERS = frozenset({"idle_minutes", "key_days", "mail_port"})
_FLAGS = frozenset({"behind_proxy"})
_FOLDERS = frozenset({"wording"})


def read(environ: Mapping[str, str]) -> Config:
    """Return the settings from the TOML file and, above it, the environment.

    Raises ConfigRefused for an unknown key, a value of the wrong kind, or an unreadable file.
    """
    said = {**_from_file(environ), **_from_environment(environ)}
    known = {entry.name for entry in fields(Config)}
    if unknown := sorted(set(said) - known):
        raise ConfigRefused(f"unknown settings: {', '.join(unknown)}")
    config = Config(**{name: _typed(name, value) for name, value in said.items()})
    if config.mode not in get_args(Mode):
        raise ConfigRefused("mode is practice, demo or test")
    if config.idle_minutes < 1 or config.idle_minutes > 60:
        raise ConfigRefused("idle_minutes is between 1 and 60")
    if config.key_manager not in get_args(KeyManagerKind):
        raise ConfigRefused(f"key_manager is one of {', '.join(get_args(KeyManagerKind))}")
    if config.key_manager_before not in ("", *get_args(KeyManagerKind)):
        raise ConfigRefused("key_manager_before is a key manager's name, or empty")
    if config.keys_url:
        _demand_a_database_apart(config)
    if not 1 <= config.key_days <= 90:
        raise ConfigRefused("key_days is between 1 and 90")
    if not config.server_url.startswith(("http://", "https://")):
        raise ConfigRefused("server_url starts with https:// or http://")
    return config


def _demand_a_database_apart(config: Config) -> None:
    """Refuse keys in the records' own database: each backup of it would have both."""
    keys, records = _place(config.keys_url), _place(config.database_url)
    if keys is None:
        raise ConfigRefused("keys_url is postgresql://user:password@host:port/name")
    if keys == records:
        raise ConfigRefused("keys_url is a database of its own, not the records'")


def _place(url: str) -> tuple[str, int, str] | None:
    """Return which database an address means: host, port, name."""
    parts = urlsplit(url)
    name = unquote(parts.path.strip("/"))
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        return None
    return parts.hostname or "", parts.port or 5432, name


def passphrase(config: Config, environ: Mapping[str, str]) -> str | None:
    """Return the key manager's passphrase from the settings, a file, or systemd credentials.

    It may be shares, one a line, from one place or each from a credential of its own.
    """
    if config.passphrase is not None:
        return config.passphrase
    places = [config.passphrase_file]
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        places.append(Path(credentials) / CREDENTIAL)
    for place in places:
        if place is not None and place.is_file():
            return place.read_text(encoding="utf-8").rstrip("\r\n")
    return _shares(environ)


def _shares(environ: Mapping[str, str]) -> str | None:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    places = [Path(folder) / name for name in SHARE_CREDENTIALS] if folder else []
    found = [place.read_text(encoding="utf-8").strip() for place in places if place.is_file()]
    return "\n".join(found) or None


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(PREFIX + "CONFIG")
    home = environ.get(PREFIX + "HOME")
    place = Path(named) if named else Path(home) / "safelight.toml" if home else None
    if place is None:
        place = Config().home / "safelight.toml"
    if not place.is_file():
        if named:
            raise ConfigRefused("the file named by SAFELIGHT_CONFIG isn't there")
        return {}
    try:
        said = tomllib.loads(place.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise ConfigRefused(f"{place.name} can't be read: {type(error).__name__}") from error
    said.setdefault("home", str(place.parent))
    return said


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    ours = {
        name.removeprefix(PREFIX): text for name, text in environ.items() if name.startswith(PREFIX)
    }
    # An empty variable is as good as none: units and containers often can't leave one out.
    return {name.lower(): text for name, text in ours.items() if text and name not in NOT_CONFIG}


def _typed(name: str, value: object) -> Any:
    try:
        if name in _PATHS | _FOLDERS:
            return Path(str(value)).expanduser()
        if name in _NUMBERS:
            return int(str(value))
    except ValueError as error:
        raise ConfigRefused(f"{name} is a number") from error
    if name in _FLAGS:
        if str(value).lower() not in {"true", "false", "1", "0"}:
            raise ConfigRefused(f"{name} is true or false")
        return str(value).lower() in {"true", "1"}
    if not isinstance(value, str):
        raise ConfigRefused(f"{name} is text")
    return value


def s3_place(config: Config) -> dict[str, Any] | None:
    """Return where in an S3 store the pictures are, and as whom; None: they are in a folder.

    Raises ConfigRefused for settings that don't fit together, or a file that can't be read.
    """
    if not config.s3_bucket:
        given = (config.s3_prefix, config.s3_endpoint, config.s3_access_key)
        if any(given) or config.s3_secret_key_file:
            raise ConfigRefused(
                "s3_bucket is missing; without it the other s3_ settings do nothing"
            )
        return None
    if config.blobs:
        raise ConfigRefused("blobs and s3_bucket name two places for the pictures: leave one out")
    if bool(config.s3_access_key) != bool(config.s3_secret_key_file):
        raise ConfigRefused("s3_access_key and s3_secret_key_file belong together")
    if len(config.s3_bucket) < 3:
        raise ConfigRefused("the name of a bucket has three characters or more")
    return {
        "bucket": config.s3_bucket,
        "prefix": config.s3_prefix.strip("/"),
        "endpoint": config.s3_endpoint or None,
        "region": config.s3_region,
        "access_key": config.s3_access_key or None,
        "secret_key": _secret(config.s3_secret_key_file),
    }


def _secret(place: Path | None) -> str | None:
    if place is None:
        return None
    try:
        return place.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigRefused(f"{place.name} can't be read: {type(error).__name__}") from error


def databases(config: Config) -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES: SQLite in the home folder, or the named PostgreSQL."""
    if not config.database_url:
        return {"default": _sqlite(config.home / "records.sqlite3")}
    return {"default": _postgresql(config.database_url)}


def _sqlite(path: Path) -> dict[str, Any]:
    # IMMEDIATE, or two writers that both read first fail at once instead of waiting their turn.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_S,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
            ),
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ConfigRefused("database_url is postgresql://user:password@host:port/name")
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(said) - _CONNECTION_OPTIONS):
        raise ConfigRefused(f"database_url has unknown options: {', '.join(unknown)}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 10,
            # As long as SQLite's writers wait for one another, and then it is an error.
            "options": f"-c lock_timeout={BUSY_S}s -c idle_in_transaction_session_timeout=300s",
            **said,
        },
    }
