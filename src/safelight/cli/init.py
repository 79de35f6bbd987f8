"""`safelight init`: a practice, its first administrator, its keys and its settings."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from pathlib import Path

from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, installation
from safelight.cli.installation import say
from safelight.policy.reading import shipped_names

USUAL_PACK = "england"
SHORTEST_PASSPHRASE = 20
"""Four random words. The file it seals can be copied and guessed at without limit."""

FAR: dict[str, dict[str, str]] = {
    "sealed-file": {},
    "openbao": {
        "openbao_url": "https://host:8200",
        "openbao_token_file": "file with the token, read at each call",
        "openbao_ca_file": "certificate authority of its TLS, PEM",
        "openbao_key": "name of the key in the transit engine, default safelight",
        "openbao_mount": "where the transit engine is, default transit",
    },
    "pkcs11": {
        "pkcs11_module": "the token's module, a .so file",
        "pkcs11_token": "label of the token, default safelight",
        "pkcs11_pin_file": "file with the PIN",
        "pkcs11_key": "label of our keys in it, default safelight",
    },
    "aws-kms": {
        "aws_kms_region": "eu-west-2",
        "aws_kms_key": "what the keys' aliases begin with, default safelight",
        "aws_kms_endpoint": "another address than AWS's own",
    },
}
"""Each key manager's settings, which are options of this command, with their help."""
NEEDED = {
    "openbao": ("openbao_url", "openbao_token_file"),
    "pkcs11": ("pkcs11_module", "pkcs11_pin_file"),
    "aws-kms": ("aws_kms_region",),
}
WHERE_IT_MAY_BE = '# passphrase_file = "/etc/safelight/passphrase"   or the systemd credential safelight-passphrase\n'
SETTINGS = """# Safelight. Each line can be overridden by an environment variable, SAFELIGHT_ in front.
# Nobody but the server's own user may read this file.
server_url = {server_url}
secret_key = {secret_key}
behind_proxy = {behind_proxy}
{database}{store}{keys}
# After this many minutes without use a session locks.
idle_minutes = 10

# Mail that Safelight sends: invitations, codes and links for colleagues. No patient is named in it.
# mail_host = "smtp.practice.example"
# mail_port = 587
# mail_security = "starttls"
# mail_user = "safelight"
# mail_password_file = "/etc/safelight/mail-password"
# mail_from = "safelight@practice.example"
"""

S3 = {
    "bucket": "keep sealed pictures in this bucket of an S3 store; default: in a folder",
    "prefix": "where in the bucket",
    "endpoint": "https://… of a store that isn't Amazon's",
    "region": "the bucket's region; default: us-east-1",
    "access_key": "who Safelight is there; default: as AWS tools find it",
    "secret_key_file": "the file with the secret that goes with it",
}
"""Settings of the store and what they say, in `init` as in the settings file with `s3_` in front."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the answers that can be given beforehand; what is missing is asked."""
    installation.arguments(parser)
    parser.add_argument("--practice", help="the practice's name")
    parser.add_argument("--administrator", metavar="NAME", help="the first administrator's name")
    parser.add_argument("--email", help="the first administrator's work address")
    parser.add_argument(
        "--pack",
        choices=shipped_names(),
        help=f"whose rules the practice follows; default: {USUAL_PACK}",
    )
    parser.add_argument("--server-url", help="how people will reach it: https://…")
    parser.add_argument(
        "--behind-proxy", action="store_true", help="a proxy before it does the TLS"
    )
    parser.add_argument("--database-url", default="", help="postgresql://…; default: SQLite")
    for name, text in S3.items():
        parser.add_argument(f"--s3-{name.replace('_', '-')}", default="", help=text)
    parser.add_argument(
        "--key-manager",
        choices=FAR,
        default="sealed-file",
        help="what keeps the keys above all keys",
    )
    parser.add_argument("--keys-url", help="postgresql://…, the key store's own; default: a file")
    arguments_of_managers(parser)
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        help="where the passphrase is, now and at each start; default: it is asked",
    )


def arguments_of_managers(parser: argparse.ArgumentParser) -> None:
    """Add the settings of every key manager as options."""
    for names in FAR.values():
        for name, text in names.items():
            parser.add_argument(f"--{name.replace('_', '-')}", help=text)


def run(args: argparse.Namespace) -> int:
    """Make the installation, or change nothing."""
    place = installation.settings_file(args)
    if place.exists():
        say(f"There is an installation already: {place}")
        return EXIT_REFUSED
    try:
        answers = _answers(args)
        told = _key_settings(args)
        passphrase = new_passphrase(args) if args.key_manager == "sealed-file" else None
    except Missing as error:
        say(str(error))
        return EXIT_USAGE
    if problem := _problem(answers["server_url"], passphrase):
        say(problem)
        return EXIT_REFUSED
    _write(place, args, server_url=answers["server_url"], keys=told)
    if passphrase is not None:
        os.environ["SAFELIGHT_PASSPHRASE"] = passphrase
    try:
        installation.set_up(args)
        link = _open(answers, passphrase=passphrase or "")
    except _refused() as error:
        place.unlink()
        say(getattr(error, "for_people", None) or _words(error))
        return EXIT_REFUSED
    _say_next(place, link)
    return EXIT_DONE


def _refused() -> tuple[type[Exception], ...]:
    from safelight.flows.key_managers import KeysAreSealed

    return (ValueError, KeysAreSealed)


def _words(error: Exception) -> str:
    """Return what doesn't fit, field by field if it is of a form."""
    return "\n".join(getattr(error, "fields", {"": str(error)}).values())


class Missing(Exception):
    """An answer is missing, and nobody is there to be asked."""


def _answers(args: argparse.Namespace) -> dict[str, str]:
    asked = {
        "practice": ("The practice's name", args.practice),
        "administrator": ("The first administrator's name", args.administrator),
        "email": ("Their work address", args.email),
        "server_url": ("How people will reach it, https://…", args.server_url),
    }
    return {name: _ask(f"--{name}", *question) for name, question in asked.items()} | {
        "pack": args.pack or _ask_for_pack()
    }


def _ask_for_pack() -> str:
    """Return the pack that is chosen from a list; the usual one for an empty line, or for nobody there."""
    if not sys.stdin.isatty():
        return USUAL_PACK
    names = ", ".join(shipped_names())
    question = f"Whose rules it follows: {names} (empty for {USUAL_PACK}): "
    print(question, end="", file=sys.stderr, flush=True)
    said = sys.stdin.readline().strip().lower() or USUAL_PACK
    if said not in shipped_names():
        raise Missing(f"There are no rules of {said} here. Choose among {names}. Nothing was made.")
    return said


def _ask(flag: str, question: str, given: str | None) -> str:
    if given:
        return given.strip()
    if not sys.stdin.isatty():
        raise Missing(f"Say it with {flag.replace('_', '-')}: {question}")
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _key_settings(args: argparse.Namespace) -> str:
    """Return the lines of the settings that name the key manager and where the key store is."""
    said = {"key_manager": args.key_manager} if args.key_manager != "sealed-file" else {}
    if args.keys_url:
        said["keys_url"] = args.keys_url
    said |= settings_of_manager(args)
    return "".join(f"{name} = {toml_text(value)}\n" for name, value in said.items())


def settings_of_manager(args: argparse.Namespace) -> dict[str, str]:
    """Return what the key manager that was chosen needs. Raises Missing for what doesn't fit."""
    said: dict[str, str] = {}
    for kind, names in FAR.items():
        for name in names:
            given = getattr(args, name)
            if given and kind != args.key_manager:
                raise Missing(f"--{name.replace('_', '-')} goes with --key-manager {kind}")
            if given:
                said[name] = str(Path(given).resolve()) if name.endswith("_file") else given
    needed = [n for n in NEEDED.get(args.key_manager, ()) if n not in said]
    if needed:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in needed)
        raise Missing(f"--key-manager {args.key_manager} needs {flags}")
    return said


def new_passphrase(args: argparse.Namespace) -> str:
    """Return the passphrase for a key file that is to be made. Raises Missing."""
    if args.passphrase_file is not None:
        try:
            return str(args.passphrase_file.read_text(encoding="utf-8").rstrip("\r\n"))
        except OSError as error:
            raise Missing(f"The passphrase can't be read: {error.strerror}") from error
    if not sys.stdin.isatty():
        raise Missing("Say where the passphrase is with --passphrase-file")
    say(
        "A passphrase seals the keys of all pictures. Without it nobody opens one again, we "
        "included. Write it down and keep it where the practice keeps its deeds."
    )
    first = getpass.getpass("Passphrase: ")
    if getpass.getpass("Once more: ") != first:
        raise Missing("The two are not the same. Nothing was made.")
    return first


def problem_of(passphrase: str) -> str | None:
    """Say what is wrong with a passphrase, if anything is."""
    if len(passphrase) >= SHORTEST_PASSPHRASE:
        return None
    return f"Use at least {SHORTEST_PASSPHRASE} characters for the passphrase: four random words."


def _problem(server_url: str, passphrase: str | None) -> str | None:
    if passphrase is not None and (problem := problem_of(passphrase)):
        return problem
    if not server_url.startswith("https://") and not _is_local(server_url):
        return "Use an https:// address: without TLS browsers give a page no camera, rightly."
    return None


def _is_local(server_url: str) -> bool:
    return server_url.startswith(("http://localhost:", "http://127.0.0.1:"))


def _write(place: Path, args: argparse.Namespace, *, server_url: str, keys: str) -> None:
    os.umask(0o077)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.parent.chmod(0o700)
    database = f"database_url = {toml_text(args.database_url)}\n" if args.database_url else ""
    if args.passphrase_file:
        keys += f"passphrase_file = {toml_text(str(args.passphrase_file.resolve()))}\n"
    elif args.key_manager == "sealed-file":
        keys += WHERE_IT_MAY_BE
    text = SETTINGS.format(
        server_url=toml_text(server_url.rstrip("/")),
        secret_key=toml_text(secrets.token_urlsafe(48)),
        behind_proxy=str(bool(args.behind_proxy)).lower(),
        database=database,
        keys=keys,
        store=_store(args),
    )
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _store(args: argparse.Namespace) -> str:
    said = {f"s3_{name}": getattr(args, f"s3_{name}") for name in S3}
    if said["s3_secret_key_file"]:
        said["s3_secret_key_file"] = str(Path(said["s3_secret_key_file"]).resolve())
    return "".join(f"{name} = {toml_text(value)}\n" for name, value in said.items() if value)


def toml_text(text: str) -> str:
    """Return the text as a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _open(answers: dict[str, str], *, passphrase: str) -> str:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str
    from django.conf import settings
    from django.core.management import call_command
    from django.urls import reverse
    from django.utils import timezone

    from safelight.flows import staff

    staff.make_stores(passphrase)
    call_command("migrate", verbosity=0)
    opened = staff.open_practice(
        name=answers["practice"],
        administrator=answers["administrator"],
        email=answers["email"],
        pack=answers["pack"],
        now=timezone.now(),
    )
    first = opened.administrator
    key = {"uidb36": user_pk_to_url_str(first), "key": default_token_generator.make_token(first)}
    return (
        f"{settings.SAFELIGHT_SERVER_URL}{reverse('account_reset_password_from_key', kwargs=key)}"
    )


def _say_next(place: Path, link: str) -> None:
    say(f"\nReady. The settings are in {place}")
    say("Now start “safelight serve” and “safelight worker”, and look at “safelight doctor”.")
    say("The administrator sets a password here. The link works once, for a day:\n")
    print(link)
