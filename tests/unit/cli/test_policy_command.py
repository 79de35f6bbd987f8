"""`safelight policy`: what a lead can check, compare, try and sign without touching the practice."""

from __future__ import annotations

import io
import json
import subprocess
from types import SimpleNamespace

import pytest

from safelight.cli import main
from safelight.policy.reading import shipped
from unit.policy.cases import make, use

GUARD = '[[guard]]\nid = "ours"\ntext = "Ours."\nsource = "practice"\nrequires = ["never"]\n[guard.when]\npurpose = ["research"]\n'


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "pack.toml"
    text = shipped("england").decode().replace("england-2026.1", "england-2027.1")
    text = text.replace('requires = ["organisation-agrees"]', 'requires = ["second-person"]')
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    return path


def test_the_packs_that_come_with_safelight_are_listed(capsys):
    assert main(["policy", "list", "--json"]) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert names == ["england", "scotland"]
    assert main(["policy", "list"]) == 0
    assert "scotland-2026.1 (Scotland), from 2026-11-01" in capsys.readouterr().out


def test_every_rule_is_shown_in_words(capsys):
    assert main(["policy", "show", "scotland"]) == 0
    out = capsys.readouterr().out
    assert "Permits: Treatment needs it, it benefits the patient" in out
    assert "  Requires that the clinician is satisfied that it benefits the patient" in out
    assert "  For: making; care and a second opinion;" in out
    assert main(["policy", "show", "england", "--json"]) == 0
    rules = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {rule["kind"] for rule in rules} == {"basis", "guard"}
    assert all(rule["source"] and rule["for"] for rule in rules)


def test_a_signed_pack_is_checked_by_its_publishers_key(pack, key, capsys):
    assert (
        main(["policy", "sign", str(pack), "--key", str(key), "--publisher", "rules.example"]) == 0
    )
    vkey = capsys.readouterr().out.strip()
    assert vkey.startswith("rules.example+")
    assert main(["policy", "check", str(pack), "--publisher", vkey, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["signed_by"], said["id"]) == (True, "rules.example", "england-2027.1")
    assert main(["policy", "check", str(pack.parent), "--publisher", vkey]) == 0
    assert "Signed by rules.example." in capsys.readouterr().out


def test_a_pack_that_was_altered_after_it_was_signed_is_refused(pack, key, capsys):
    main(["policy", "sign", str(pack), "--key", str(key), "--publisher", "rules.example"])
    vkey = capsys.readouterr().out.strip()
    pack.write_text(pack.read_text("utf-8") + "\n", "utf-8")
    assert main(["policy", "check", str(pack), "--publisher", vkey, "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is False
    assert "the signature is for another pack" in err


def test_a_signature_is_worth_what_the_key_is_that_one_trusts(pack, key, capsys):
    main(["policy", "sign", str(pack), "--key", str(key), "--publisher", "rules.example"])
    vkey = capsys.readouterr().out.strip()
    assert main(["policy", "check", str(pack)]) == 3
    assert "say whose key to trust" in capsys.readouterr().err
    (pack.parent / "pack.toml.sig").unlink()
    assert main(["policy", "check", str(pack), "--publisher", vkey]) == 3
    assert "there is no signature" in capsys.readouterr().err
    assert main(["policy", "check", str(pack)]) == 0
    assert "Not checked: who published it." in capsys.readouterr().out


def test_a_pack_that_came_with_safelight_says_so(capsys):
    assert main(["policy", "check", "england"]) == 0
    assert "It came with Safelight" in capsys.readouterr().out


def test_a_fault_is_named_and_exits_3(pack, capsys):
    pack.write_text(pack.read_text("utf-8").replace('"never"', '"hopeful"'), "utf-8")
    assert main(["policy", "check", str(pack), "--json"]) == 3
    out, err = capsys.readouterr()
    assert "unknown requirement hopeful" in json.loads(out)["error"]
    assert "the pack can't be used: rule intimate-child-secondary" in err
    assert main(["policy", "show", str(pack)]) == 3


def test_a_practices_own_rules_are_checked_with_the_pack(tmp_path, capsys):
    guards = tmp_path / "ours.toml"
    guards.write_text(GUARD, "utf-8")
    assert main(["policy", "check", "england", "--guards", str(guards)]) == 0
    assert "england-2026.1+local" in capsys.readouterr().out
    guards.write_text(GUARD.replace("guard", "basis"), "utf-8")
    assert main(["policy", "check", "england", "--guards", str(guards)]) == 3
    guards.write_bytes(b"\xff\xfe")
    assert main(["policy", "check", "england", "--guards", str(guards)]) == 4


def test_a_difference_is_said_in_words(pack, capsys):
    assert main(["policy", "diff", "england", str(pack)]) == 0
    out = capsys.readouterr().out
    assert "LOOSER   “The organisation agrees to what goes public” (organisation)" in out
    assert main(["policy", "diff", "england", str(pack), "--json"]) == 0
    effects = [json.loads(line)["effect"] for line in capsys.readouterr().out.splitlines()]
    assert set(effects) == {"looser", "tighter"}
    assert main(["policy", "diff", "england", "england"]) == 0
    assert "Nothing that decides differs." in capsys.readouterr().out


DECISIONS = [
    {"id": "d1", "facts": make(), "decision": "permit", "times": 3469},
    {"id": "d2", "facts": use("research", "organisation"), "times": 12},
]


def written(path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n", "utf-8")
    return str(path)


def test_decisions_already_taken_are_decided_anew(tmp_path, capsys):
    guards, decisions = tmp_path / "ours.toml", written(tmp_path / "taken.jsonl", DECISIONS)
    guards.write_text(GUARD, "utf-8")
    command = ["policy", "simulate", "england", "--guards", str(guards), "--decisions", decisions]
    assert main(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "12 of 3,481 decisions would change, this one:"
    assert out[1].startswith("  d2  Using, for research, for the organisation, 12 times: permitted")
    assert main([*command, "--json"]) == 0
    change, total = map(json.loads, capsys.readouterr().out.splitlines())
    assert (change["id"], change["would_be"], change["rules"]) == ("d2", "refuse", ["ours"])
    assert total == {"decisions": 3481, "changed": 12, "pack": "england-2026.1+local"}


def test_decisions_come_from_standard_input_too(monkeypatch, capsys):
    data = json.dumps(DECISIONS[0]).encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert main(["policy", "simulate", "england", "--decisions", "-"]) == 0
    assert "None of 3,469 decisions would change." in capsys.readouterr().out


@pytest.mark.parametrize(
    "row",
    [
        b"{",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"facts": {}, "decision": "perhaps"}',
        b'{"facts": {}, "times": true}',
        b'{"facts": {}, "times": 0}',
        b"\xff",
    ],
)
def test_lines_that_are_no_decisions_exit_4(row, tmp_path, capsys):
    path = tmp_path / "taken.jsonl"
    path.write_bytes(row)
    assert main(["policy", "simulate", "england", "--decisions", str(path)]) == 4
    assert "could not read" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["show"], ["check"], ["diff", "england"]])
def test_a_file_that_is_not_there_exits_4(command, capsys):
    assert main(["policy", command[0], *command[1:], "/nowhere/pack.toml"]) == 4
    assert "could not read" in capsys.readouterr().err


def test_only_a_file_and_only_with_an_ed25519_key_is_signed(pack, key, tmp_path, capsys):
    signing = ["--key", str(key), "--publisher", "rules.example"]
    assert main(["policy", "sign", "england", *signing]) == 2
    assert main(["policy", "sign", str(pack), "--key", str(key), "--publisher", "two words"]) == 2
    rsa = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", rsa], check=True)
    assert main(["policy", "sign", str(pack), "--key", str(rsa), "--publisher", "x"]) == 4
    rsa.write_text("not a key")
    assert main(["policy", "sign", str(pack), "--key", str(rsa), "--publisher", "x"]) == 4
    assert not list(pack.parent.glob("*.sig"))


def test_without_an_installation_and_without_decisions_it_says_what_is_missing(tmp_path, capsys):
    assert main(["policy", "simulate", "england", "--home", str(tmp_path)]) == 2
    assert "--decisions FILE" in capsys.readouterr().err
