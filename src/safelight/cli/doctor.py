"""`safelight doctor`: what this machine enforces, and what is missing."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, installation
from safelight.cli.installation import say

Outcome = Literal["good", "look", "bad"]
ROOM_NEEDED = 2 * 2**30
SIGNS = {"good": "  ok    ", "look": "  look  ", "bad": "  BAD   "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    outcome: Outcome
    text: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add how to answer."""
    installation.arguments(parser)
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Look at everything and say it. Exit status 3 when something is bad."""
    found = [*_machine()]
    try:
        installation.set_up(args, needs_keys=True)
    except installation.NotInstalled as error:
        found.append(Finding("installation", "look", error.for_people))
    except ValueError as error:
        say(f"The settings don't fit: {error}")
        return EXIT_USAGE
    else:
        for look in (
            _settings,
            _permissions,
            _room,
            _blobs,
            _whole,
            _database,
            _keys,
            _ledger,
            _backups,
            _mail,
        ):
            found += _safely(look)
    for finding in found:
        if args.json:
            print(json.dumps(asdict(finding), ensure_ascii=False))
        else:
            print(f"{SIGNS[finding.outcome]}{finding.what}: {finding.text}")
    return EXIT_REFUSED if any(finding.outcome == "bad" for finding in found) else EXIT_DONE


def _safely(look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return what was found; what can't be looked at is bad, by its kind and not by its words."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - the doctor goes on to the next thing
        words = getattr(error, "for_people", f"can't be looked at ({type(error).__name__})")
        return [Finding(look.__name__.strip("_"), "bad", words)]


def _machine() -> Iterator[Finding]:
    from safelight.interop import lock

    yield Finding("python", "good", f"{platform.python_version()} on {platform.system()}")
    layers = lock.report()
    for layer in layers:
        missing: Outcome = "bad" if layer.needed else "look"
        text = layer.what if layer.enforced else f"missing: {layer.missing_because}"
        yield Finding(f"decoding lock, {layer.name}", "good" if layer.enforced else missing, text)
    swaps = _swaps()
    if swaps is None:
        yield Finding("swap", "look", "can't be seen here; keys in memory may reach the disk")
    elif swaps:
        yield Finding("swap", "look", f"on ({', '.join(swaps)}): encrypt it, or turn it off")
    else:
        yield Finding("swap", "good", "off")


def _swaps() -> list[str] | None:
    try:
        lines = Path("/proc/swaps").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return None
    # Compressed memory isn't a disk.
    return [name for line in lines if "zram" not in (name := line.split()[0])]


def _settings() -> Iterator[Finding]:
    from django.conf import settings

    config = settings.CONFIG
    if config.tls:
        yield Finding("address", "good", settings.SAFELIGHT_SERVER_URL)
    else:
        yield Finding("address", "look", "no TLS: for this machine alone, and never for patients")
    if not config.secret_key:
        yield Finding("secret_key", "look", "not set: everybody signs in anew after each start")
    if config.passphrase is not None and "SAFELIGHT_PASSPHRASE" not in _environment():
        yield Finding("passphrase", "bad", "stands in the settings file: use passphrase_file")


def _environment() -> frozenset[str]:
    import os

    return frozenset(os.environ)


def _permissions() -> Iterator[Finding]:
    from django.conf import settings

    config = settings.CONFIG
    places = {
        "settings file": Path(_environ_path("SAFELIGHT_CONFIG")),
        "home": Path(settings.SAFELIGHT_HOME),
        "blobs": None if settings.SAFELIGHT_S3 else Path(settings.SAFELIGHT_BLOBS),
        "secret key of the store": config.s3_secret_key_file,
        "keys": Path(settings.SAFELIGHT_KEYS).parent,
        "sealed keys": Path(settings.SAFELIGHT_SEAL),
        "passphrase": config.passphrase_file,
        "OpenBao's token": config.openbao_token_file,
        "token's PIN": config.pkcs11_pin_file,
    }
    for what, place in places.items():
        if place is None or not place.exists():
            continue
        mode = place.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            text = f"others may reach it: chmod go= {place}"
            yield Finding(f"permissions, {what}", "bad", text)
        else:
            yield Finding(f"permissions, {what}", "good", "for the server's user alone")
    if config.passphrase_file and Path(settings.SAFELIGHT_SEAL).parent in (
        config.passphrase_file.resolve().parents
    ):
        yield Finding("passphrase", "look", "lies beside what it seals; keep it on another medium")


def _environ_path(name: str) -> str:
    import os

    return os.environ[name]


def _room() -> Iterator[Finding]:
    from django.conf import settings

    place = settings.SAFELIGHT_HOME if settings.SAFELIGHT_S3 else settings.SAFELIGHT_BLOBS
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB free"
    yield Finding("disk", "good" if free > ROOM_NEEDED else "bad", text)


def _blobs() -> Iterator[Finding]:
    from django.conf import settings

    from safelight import storage
    from safelight.flows import keeping, stores

    kept = stores.blobs()
    keeping.try_out(kept)
    if not settings.SAFELIGHT_S3:
        yield Finding("pictures", "good", "the folder keeps, gives back and forgets")
        return
    yield Finding("pictures", "good", "the bucket keeps, gives back and forgets")
    if str(settings.SAFELIGHT_S3["endpoint"] or "https:").startswith("https:"):
        yield Finding("pictures, network", "good", "by TLS")
    else:
        text = "no TLS: what passes is sealed, but who changes it on the way isn't kept out"
        yield Finding("pictures, network", "look", text)
    if isinstance(kept, storage.S3Store) and kept.is_versioned():
        text = "the bucket keeps old versions; an erasure deletes each of them"
        yield Finding("pictures, versions", "good", text)


def _whole() -> Iterator[Finding]:
    """Tell how the worker's last look at everything went."""
    from django.utils import timezone

    from safelight.records.models import Look

    last = Look.objects.first()
    if last is None:
        yield Finding("what is kept", "look", "not looked at yet; the worker does it every night")
        return
    if last.is_elsewhere:
        text = "half of it seems gone: is the disk mounted, is it the right bucket?"
        yield Finding("what is kept", "bad", text)
    elif last.gaps:
        text = f"{last.gaps} set aside, since a file or a key is missing: see /governance/aside/"
        yield Finding("what is kept", "bad", text)
    elif timezone.now() - last.at > timedelta(days=2):
        text = f"last looked at on {last.at:%Y-%m-%d}: does the worker run?"
        yield Finding("what is kept", "look", text)
    else:
        yield Finding("what is kept", "good", f"{last.owners} looked at, nothing is missing")
    if last.unowned_blobs or last.unowned_keys:
        text = f"{last.unowned_blobs} files and {last.unowned_keys} keys that no record owns"
        yield Finding("what is kept, unowned", "look", text)


def _database() -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    waiting = MigrationExecutor(connection)
    plan = waiting.migration_plan(waiting.loader.graph.leaf_nodes())
    if plan:
        yield Finding("database", "look", f"{len(plan)} changes wait; “serve” makes them")
    if connection.vendor != "sqlite":
        yield Finding("database", "good", connection.vendor)
        return
    wanted = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1"}
    with connection.cursor() as cursor:
        for name, value in wanted.items():
            cursor.execute(f"PRAGMA {name}")
            is_so = str(cursor.fetchone()[0]) == value
            outcome: Outcome = "good" if is_so else "bad"
            yield Finding(f"database, {name}", outcome, "as it must be" if is_so else "is not set")


def _keys() -> Iterator[Finding]:
    from django.utils import timezone

    from safelight.flows import key_status

    found = key_status.status(now=timezone.now())
    state = found.state
    if found.health.ok and state is not None:
        text = f"{state.manager.kind}, version {state.manager.current}. {found.health.text}"
        yield Finding("key manager", "good", text)
        kind = "a file" if state.overwrites else "a PostgreSQL database"
        text = f"{state.data_keys} pictures of {state.patients} patients, in {kind} of its own"
        yield Finding("keys", "good", text)
    for alarm in found.alarms:
        yield Finding(f"keys, {alarm.what}", "bad" if alarm.bad else "look", alarm.text)
    if state is not None and state.ballast is False:
        yield Finding("keys, held-back room", "look", "is used up: make room on the disk")


def _ledger() -> Iterator[Finding]:
    from safelight.flows import evidence

    found = evidence.verify(None)
    text = f"{found.size} entries, whole" if found.ok else "NOT WHOLE: safelight ledger verify"
    yield Finding("ledger", "good" if found.ok else "bad", text)


def _backups() -> Iterator[Finding]:
    from django.utils import timezone

    from safelight.flows import backup_watch

    if not backup_watch.has_key():
        text = "there is no backup key, so nothing is backed up: safelight backup init-key"
        yield Finding("backups", "look", text)
    for each in backup_watch.standings(now=timezone.now()):
        at = f"{each.last_at:%Y-%m-%d %H:%M} UTC. " if each.last_at else ""
        outcome: Outcome = "bad" if each.is_late else "good" if each.last_at else "look"
        yield Finding(f"backups, {each.what[0].lower()}{each.what[1:]}", outcome, at + each.text)


def _mail() -> Iterator[Finding]:
    from django.conf import settings

    config = settings.CONFIG
    if not config.mail_host:
        yield Finding("mail", "look", "no server is set: invitations and codes wait")
    elif config.mail_security == "none":
        yield Finding("mail", "look", "goes to its server in the clear")
    else:
        yield Finding("mail", "good", f"by {config.mail_host}")
