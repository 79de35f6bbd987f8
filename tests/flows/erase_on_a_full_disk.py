"""An installation on a disk that is then filled, and `safelight erase` on it. Prints one JSON object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]
SAFELIGHT = [sys.executable, "-c", "import sys; from safelight.cli import main; sys.exit(main())"]
PREPARE = """
import django, json
django.setup()
from flows.conftest import agree, take
from factories import NOW, patient, staff
from safelight.records.models import Practice
from safelight.terms import Purpose
surgery = Practice.objects.get()
gp, adult = staff(practice=surgery), patient(practice=surgery)
consent, _ = agree(adult, gp, Purpose.CARE)
taken = [take(adult, gp, consent) for _ in range(3)]
print(json.dumps({"patient": str(adult.pk), "consent": str(consent.pk),
                  "image": str(taken[0].pk)}))
"""
STATE = """
import django, json
django.setup()
from safelight.flows import evidence, stores
from safelight.records.models import Photo
print(json.dumps({"states": sorted(Photo.objects.values_list("state", flat=True)),
                  "keys": stores.keys().describe().data_keys, "ledger": evidence.verify(None).ok,
                  "blobs": len(list(stores.blobs().names()))}))
"""


def said(code: str, home: Path) -> dict[str, object]:
    """Run some lines on the installation and read what they print."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
            "SAFELIGHT_CONFIG": str(home / "safelight.toml"),
            "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(disk: Path, what: str) -> None:
    """Set up, fill, erase, look."""
    from small_disks import fill

    home, secret = disk / "home", disk / "passphrase"
    secret.write_text("four lamps glow under slate\n", encoding="utf-8")
    secret.chmod(0o600)
    subprocess.run(
        [*SAFELIGHT, "init", "--home", str(home), "--passphrase-file", str(secret),
         "--practice", "Quay Street Surgery", "--administrator", "Ada Moss",
         "--email", "ada@made-up.example", "--server-url", "http://localhost:8765"],
        check=True, capture_output=True,
    )  # fmt: skip
    ids = said(PREPARE, home)
    was_full = fill(disk)
    words = ["erase", what, str(ids[what]), "--yes", "--json", "--home", str(home)]
    done = subprocess.run([*SAFELIGHT, *words], capture_output=True, text=True, check=False)
    told = {"code": done.returncode, "was_full": was_full, "stderr": done.stderr[-2000:]}
    if done.returncode == 0:
        told["certificate"] = json.loads(done.stdout)
    (disk / "filler").unlink()
    sys.stdout.write(json.dumps(told | said(STATE, home)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
