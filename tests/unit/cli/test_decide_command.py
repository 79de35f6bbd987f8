"""`safelight decide`: one answer, an exit status that scripts can trust, and no facts given away."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from safelight.cli import decide, main
from safelight.policy import Because, Hold, Need, PackName, Permit, Refusal

VIEW = {
    "action": "view",
    "purpose": "care",
    "audience": "team",
    "at": "2026-11-22T10:00:00Z",
    "patient": {"born": "1960-03-01", "capacity": "has"},
    "recording": {
        "type": "photograph",
        "made_for": "care",
        "made_on": "2026-10-01",
        "identifiable": "may-be",
    },
    "consents": [
        {
            "purposes": ["care"],
            "given_on": "2026-10-01",
            "given_by": "patient",
            "form": "electronic",
            "identifiable_ok": True,
            "told": ["purpose", "helps", "retention", "storage", "secondary", "withdrawal"],
        }
    ],
}
TEACH = VIEW | {"action": "use", "purpose": "teaching-local", "audience": "organisation"}


@pytest.fixture
def given(tmp_path):
    def write(facts) -> str:
        path = tmp_path / "facts.json"
        path.write_bytes(facts if isinstance(facts, bytes) else json.dumps(facts).encode())
        return str(path)

    return write


def test_a_permit_exits_0(given, capsys):
    assert main(["decide", given(VIEW), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert answer["decision"] == "permit"
    assert set(answer) == {
        "decision",
        "because",
        "conditions",
        "record",
        "reevaluate_on",
        "pack",
    }
    assert set(answer["pack"]) == {"id", "hash"}


def test_a_refusal_exits_3_and_says_what_would_lift_it(given, capsys):
    assert main(["decide", given(TEACH), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["decision"] == "refuse"
    assert all(set(each) == {"rule", "text", "source", "needs"} for each in answer["because"])


def test_a_hold_exits_3(given, capsys):
    agreed = VIEW["consents"][0] | {"purposes": ["teaching-local"]}
    facts = TEACH | {"consents": [agreed], "exposure": {"verdict": "clear"}}
    assert main(["decide", given(facts), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["decision"] == "hold"
    assert [each["needs"]["field"] for each in answer["because"]] == ["review.second_person"]


@pytest.mark.parametrize(
    "odd", [{"mood": "good"}, {"purpose": "gossip"}, {"patient": {"name": 1}}, {"consents": {}}]
)
def test_what_the_contract_does_not_know_exits_3(given, odd):
    assert main(["decide", given(VIEW | odd), "--json"]) == 3


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON (line 1, column 2)"),
        (b"[]", "one object"),
        (b"null", "one object"),
        (b'"secret"', "one object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"action": "view", "action": "disclose"}', "twice"),
        (b'{"patient": {"born": "1960-01-01", "born": "2020-01-01"}}', "twice"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[" * 200_000, "deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b" " * (decide.MAX_BYTES + 1), "16 MiB"),
    ],
)
def test_what_is_no_object_of_json_exits_4(given, capsys, data, sentence):
    assert main(["decide", given(data), "--json"]) == 4
    found = capsys.readouterr()
    assert found.out == ""
    assert sentence in found.err


def test_a_file_with_a_byte_order_mark_is_read(given, capsys):
    assert main(["decide", given(b"\xef\xbb\xbf" + json.dumps(VIEW).encode()), "--json"]) == 0


@pytest.mark.parametrize("path", ["nowhere.json", "."])
def test_a_file_that_cannot_be_read_exits_4(path, tmp_path, capsys):
    assert main(["decide", str(tmp_path / path)]) == 4
    assert "could not read" in capsys.readouterr().err


@pytest.mark.parametrize("pack", ["atlantis", "../england", ""])
def test_a_pack_that_does_not_exist_exits_2(given, capsys, pack):
    assert main(["decide", given(VIEW), "--pack", pack]) == 2
    assert "no such pack" in capsys.readouterr().err


def test_standard_input_is_read_for_a_dash(monkeypatch, capsys):
    stdin = SimpleNamespace(buffer=io.BytesIO(json.dumps(VIEW).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["decide", "-", "--json"]) == 0


@pytest.mark.parametrize("flags", [["--json"], []])
@pytest.mark.parametrize(
    "data",
    [
        json.dumps(VIEW | {"patient": {"born": "Zebedee"}}).encode(),
        json.dumps(VIEW | {"purpose": "Zebedee"}).encode(),
        b'{"patient": "Zebedee"',
        b'"Zebedee"',
        b'{"Zebedee": 1, "Zebedee": 2}',
    ],
)
def test_no_value_of_the_facts_comes_back(given, capsys, data, flags):
    main(["decide", given(data), *flags])
    found = capsys.readouterr()
    assert "Zebedee" not in found.out + found.err


def test_people_read_the_reasons_their_sources_and_what_would_change_it(given, capsys):
    assert main(["decide", given(TEACH)]) == 3
    text = capsys.readouterr().out
    assert text.startswith("Not permitted\n")
    assert "Source: GMC VAR" in text
    assert "Would change it: review.second_person" in text
    assert "Making and using visual and audio recordings" in text
    assert "not legal advice" in text


RULES = PackName("test-1", "0" * 64)


def test_people_read_the_duties_of_a_permit():
    answer = Permit(
        because=(Because("r", "It may.", "local rule"),),
        pack=RULES,
        conditions=("tell the patient",),
        record=("who asked",),
        reevaluate_on=("2030-01-01",),
    )
    assert decide.told(answer, sources={}) == [
        "Permitted",
        "",
        "1. It may.",
        "   Source: local rule",
        "",
        "From now on",
        "  - tell the patient",
        "",
        "Write down",
        "  - who asked",
        "",
        "Decide again from",
        "  - 2030-01-01",
        "",
        "Decided by test-1 (000000000000). This is not legal advice.",
    ]


def test_a_need_without_a_value_names_its_field_alone():
    answer = Refusal((Because("r", "No.", "MDU", Need("consents[].withdrawn_on", None)),), RULES)
    assert "   Depends on: consents[].withdrawn_on" in decide.told(answer, sources={})


def test_nothing_that_a_terminal_obeys_is_printed():
    need = Need("release.target", "\x1b[2J\x9b\u202e")
    answer = Hold((Because("r", "\x1b]0;title\x07\ud800", "x\ny", need),), RULES)
    assert all(line.isprintable() for line in decide.told(answer, sources={}))


def test_the_command_answers_at_once_and_loads_no_heavy_room(given):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    probe = (
        "import sys; from safelight.cli import main; status = main(sys.argv[1:]);"
        "heavy = {'numpy', 'django', 'cv2', 'onnxruntime', 'cryptography'} & sys.modules.keys();"
        "print(sorted(heavy), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, "decide", given(VIEW), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    assert json.loads(done.stdout)["decision"] == "permit"
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.4


@pytest.mark.parametrize(("facts", "status"), [(VIEW, 0), (TEACH, 3), ([], 4)])
def test_scripts_get_the_status_from_a_pipe(facts, status):
    command = [sys.executable, "-c", "import safelight.cli, sys; sys.exit(safelight.cli.main())"]
    done = subprocess.run(
        [*command, "decide", "-", "--json"],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert bool(done.stdout) == (status != 4)


def test_what_every_act_says_is_asked_for_with_the_words_there_are(given, capsys):
    assert main(["decide", given({"action": "use", "purpose": "audit"})]) == 3
    said = capsys.readouterr().out
    assert "One of: closed-group, named, organisation, public, team" in said
    assert "Say it: at" in said
    assert "its value" not in said
