"""Population packages: read whole, or refused with what to mend; the command that handles them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from math import inf
from pathlib import Path

import pytest

from safelight import cli, exposure
from safelight.exposure.packages import PEOPLE
from safelight.flows import populations

ABOUT = "\n".join(
    f'{key} = "{value}"'
    for key, value in {
        "name": "made-up",
        "title": "A made-up country",
        "vintage": "2026",
        "licence": "none",
        "source": "nobody",
    }.items()
)
COUNTS = ",".join(["10"] * 91)
PEOPLE_CSV = "\n".join(
    [",".join(PEOPLE), *(f"{place},r,n,{sex},{COUNTS}" for place in "ab" for sex in "FM")]
)
GOOD = {
    "population.toml": ABOUT,
    "people.csv": PEOPLE_CSV,
    "ethnicity.csv": "lad,region,one,two\na,r,3,4\nb,r,1,0",
    "conditions.csv": "name,low,high\nMade-Up Syndrome,1e-5,1e-4",
    "names.csv": "level,code,name\nlad,a,Alphaville",
}
SHIPPED = exposure.load_population()


def package(**changed: str | None) -> dict[str, bytes]:
    named = {name.replace("__", "."): text for name, text in changed.items()}
    return {name: text.encode() for name, text in (GOOD | named).items() if text is not None}


def laid_out(folder: Path, parts: Mapping[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_package_is_read_with_all_its_tables() -> None:
    found = exposure.read_package(package())
    assert found.total == 2 * 2 * 91 * 10
    assert set(found.groups) >= {"one", "two"}
    assert found.conditions == {"made up syndrome": (1e-5, 1e-4)}
    assert found.names == {"Alphaville": ("lad", "a")}
    assert found.calibration is None


def test_a_package_of_people_alone_is_enough_and_says_that_it_is_not_calibrated() -> None:
    found = exposure.read_package(
        package(ethnicity__csv=None, conditions__csv=None, names__csv=None)
    )
    told = exposure.read_release(
        {"at": "2026-01-01", "audience": ["public"], "facts": {"sex": "F"}}
    )
    report = exposure.assess((), told, population=found)
    assert report.crowd.k == 1 + 2 * 91 * 10
    assert not report.calibrated
    assert "Not calibrated" in report.note
    assert "Tables are of 2026." in report.note


def test_a_packed_table_is_read_too() -> None:
    parts = package(people__csv=None) | {"people.csv.gz": gzip.compress(PEOPLE_CSV.encode())}
    assert exposure.read_package(parts).total == 3640


def test_what_comes_with_the_product_is_a_package_like_others() -> None:
    (about,) = exposure.shipped()
    assert about.name == SHIPPED.name
    assert about.vintage == "2011"
    assert SHIPPED.total == 63_285_145
    assert SHIPPED.calibration is not None


def test_lifts_move_a_group_to_its_ages_and_leave_both_margins_as_published() -> None:
    found = exposure.read_package(package(lifts__csv="group,from,to,lift\none,60,90,4"))
    (one, two), everywhere = (found.groups[name] for name in ("one", "two")), found.everywhere

    def people(youngest: float, oldest: float, groups: int) -> float:
        return found.people_between(youngest, oldest, 1, 3, groups)

    assert people(0, inf, one) == pytest.approx(2 * 910 * 3 / 7, rel=1e-4)
    assert people(60, inf, one) + people(60, inf, two) == pytest.approx(people(60, inf, -1))
    assert people(60, 70, one) > 1.5 * people(0, 10, one)
    assert people(60, 70, two) < people(0, 10, two)
    # In the other place nobody is of the second group: there is nothing to move.
    assert found.people_between(0, 10, everywhere & ~1, 3, one) == pytest.approx(200)
    assert found.people_between(0, 10, everywhere & ~1, 3, two) == 0


def calibration(**changed: object) -> str:
    assert SHIPPED.calibration is not None
    return json.dumps(SHIPPED.calibration.as_json() | {"population": "made-up"} | changed)


def test_a_calibration_comes_with_the_package() -> None:
    found = exposure.read_package(package(calibration__json=calibration()))
    assert found.calibration is not None


@pytest.mark.parametrize(
    ("changed", "mend"),
    [
        ({"population__toml": None}, "population.toml is missing"),
        ({"population__toml": "name ="}, "not TOML"),
        ({"population__toml": 'name = "x"'}, "population.toml has"),
        ({"population__toml": ABOUT.replace("made-up", "../up", 1)}, "letters, figures"),
        ({"people__csv": None}, "people.csv is missing"),
        ({"people__csv": ""}, "no heading"),
        ({"people__csv": PEOPLE_CSV.replace("age7,", "years7,")}, "the heading is"),
        ({"people__csv": PEOPLE_CSV.rpartition("\n")[0]}, "one for M"),
        ({"people__csv": ",".join(PEOPLE)}, "one for M"),
        ({"people__csv": PEOPLE_CSV + f"\nb,r,n,M,{COUNTS}"}, "line 6: this place"),
        ({"people__csv": PEOPLE_CSV + f"\nc,r,n,X,{COUNTS}"}, "line 6: a place"),
        ({"people__csv": PEOPLE_CSV + f"\nc,r,n,F,-1{COUNTS[2:]}"}, "line 6: counts"),
        ({"people__csv": PEOPLE_CSV + "\nc,r,n,F,1"}, "line 6: 95 columns"),
        ({"ethnicity__csv": "place,one\na,1"}, "ethnicity: the heading"),
        ({"ethnicity__csv": "lad,region,one\nz,r,1"}, "line 2: a place"),
        ({"ethnicity__csv": "lad,region,one\na,r,0"}, "line 2: counts"),
        ({"lifts__csv": "group,from,to,lift\none,old,90,1"}, "lifts, line 2: group, from"),
        ({"lifts__csv": "group,from,to,lift\nthree,0,90,1"}, "lifts, line 2: a group"),
        ({"lifts__csv": "group,from,to,lift\none,9,91,1"}, "lifts, line 2: ages from 0 to 90"),
        ({"lifts__csv": "group,from,to,lift\none,9,90,0"}, "lifts, line 2: ages from 0 to 90"),
        (
            {"lifts__csv": "group,from,to,lift\none,9,90,2", "ethnicity__csv": None},
            "lifts, line 2: a group",
        ),
        ({"conditions__csv": "name,low,high\nx,much,1"}, "line 2: name, low, high"),
        ({"conditions__csv": "name,low,high\nx,0.5,0.1"}, "shares lie"),
        ({"names__csv": "level,code,name\ncontinent,a,Alpha"}, "names, line 2"),
        ({"calibration__json": "[]"}, "not what the benchmark writes"),
        ({"calibration__json": calibration(population="mars")}, "of another population"),
        ({"calibration__json": calibration(thresholds=[11.0])}, "of another version"),
        ({"extra__csv": "a"}, "not known in a package: extra.csv"),
    ],
)
def test_a_package_that_cannot_be_counted_with_is_refused_with_what_to_mend(
    changed: dict[str, str | None], mend: str
) -> None:
    with pytest.raises(exposure.PopulationRefused, match=mend):
        exposure.read_package(package(**changed))


@pytest.mark.parametrize(
    ("data", "mend"),
    [
        (b"no gzip", "not gzip"),
        (gzip.compress(b"x" * 100)[:-9], "not gzip"),
        (gzip.compress(b" " * ((64 << 20) + 1)), "over 64 MB"),
        (gzip.compress(b"\xff\xfe"), "not a CSV table"),
    ],
    ids=["plain", "cut", "heap", "letters"],
)
def test_a_packed_table_that_is_none_is_refused(data: bytes, mend: str) -> None:
    parts = package(people__csv=None) | {"people.csv.gz": data}
    with pytest.raises(exposure.PopulationRefused, match=mend):
        exposure.read_package(parts)


def test_a_folder_is_brought_in_whole_and_found_by_its_name(tmp_path: Path) -> None:
    folder, kept = laid_out(tmp_path / "given", package()), tmp_path / "home" / "populations"
    populations.bring_in(folder, into=kept)
    assert populations.find("made-up", among=kept).total == 3640
    fewer = PEOPLE_CSV.replace(COUNTS, COUNTS.replace("10", "5"))
    (folder / "people.csv").write_text(fewer)
    populations.bring_in(folder, into=kept)
    assert populations.find("made-up", among=kept).total == 1820
    assert [path.name for path in kept.iterdir()] == ["made-up"]
    assert populations.find(str(folder)).total == 1820
    for name in ("mars", "no name"):
        with pytest.raises(exposure.UnknownPopulation):
            populations.find(name, among=kept)
    assert populations.find("uk-mid2011") is SHIPPED
    assert [each.about for each in populations.listed(None)] == list(exposure.shipped())


def test_a_name_of_the_product_is_not_taken_over(tmp_path: Path) -> None:
    taken = package(population__toml=ABOUT.replace("made-up", SHIPPED.name, 1))
    with pytest.raises(exposure.PopulationRefused, match="choose another"):
        populations.bring_in(laid_out(tmp_path / "given", taken), into=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_links_folders_and_heaps_are_no_package(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "given", package())
    (folder / "names.csv").unlink()
    (folder / "names.csv").symlink_to("/etc/passwd")
    with pytest.raises(exposure.PopulationRefused, match="no plain file"):
        populations.parts_of(folder)
    with pytest.raises(exposure.PopulationRefused, match="no folder"):
        populations.parts_of(tmp_path / "none")
    heap = laid_out(tmp_path / "heap", {f"{at}.csv": b"" for at in range(17)})
    with pytest.raises(exposure.PopulationRefused, match="too many"):
        populations.parts_of(heap)


def test_the_command_checks_loads_lists_and_counts(tmp_path: Path, capsys) -> None:
    folder, home = laid_out(tmp_path / "given", package()), str(tmp_path / "home")
    assert cli.main(["population", "check", str(folder)]) == 0
    assert "3,640 people in 2 places" in capsys.readouterr().out
    assert cli.main(["population", "load", str(folder), "--home", home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibrated"] is False
    assert cli.main(["population", "list", "--home", home, "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["name"] for each in listed] == ["uk-mid2011", "made-up"]
    assert all(each["licence"] and each["vintage"] for each in listed)
    caption = tmp_path / "caption"
    caption.write_text("from Alphaville")
    asked = ["details", str(caption), "--population", "made-up", "--home", home, "--json"]
    assert cli.main(asked) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["place"] == {"level": "lad", "code": "a"}


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys) -> None:
    folder = laid_out(tmp_path / "given", package(people__csv=None))
    assert cli.main(["population", "check", str(folder)]) == 4
    assert "people.csv is missing" in capsys.readouterr().err
    kept = tmp_path / "home" / "populations"
    kept.mkdir(parents=True)
    folder.rename(kept / "made-up")
    (kept / ".new-left").mkdir()
    assert cli.main(["population", "list", "--home", str(tmp_path / "home")]) == 4
    said = capsys.readouterr()
    assert "uk-mid2011: United Kingdom" in said.out
    assert "made-up: people.csv is missing" in said.err
    caption = tmp_path / "caption"
    caption.write_text("words")
    asked = ["details", str(caption), "--population", "made-up", "--home", str(tmp_path / "home")]
    assert cli.main(asked) == 4
    assert cli.main(["population", "load", str(caption)]) == 4
