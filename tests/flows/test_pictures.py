"""The copy fit to leave: checked as finished, vouched for only when nothing is open."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from PIL import Image

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, Detectors, Finding
from safelight.detect.unseen import UNSEEN
from safelight.flows import copies, pictures
from safelight.flows.leaving import Leave, left_of
from safelight.interop import audit
from safelight.interop import pictures as files
from safelight.terms import Region, RegionOutsideImage

BOX = Region(40, 30, 60, 50)
LEFT = Leave(BOX, "mark")


@dataclass(frozen=True)
class Marks:
    """A detector that knows one colour: whatever is pure green is what it looks for."""

    answer: Answer = Answer.FOUND
    kind: str = "mark"
    cards: tuple[detect.ModelCard, ...] = ()
    slack: int = 0

    def find(self, sizes, *, scales):
        green = (sizes.pixels[..., 1] > 150) & (sizes.pixels[..., 0] < 100)
        rows, columns = np.nonzero(green)
        if not len(rows):
            return ()
        box = sizes.region(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return (Finding(self.kind, box, None, 0.9, "green", self.answer),)


@dataclass(frozen=True)
class Fails:
    kind: str = "face"
    on_copies_only: bool = False
    cards: tuple[detect.ModelCard, ...] = ()

    def find(self, sizes, *, scales):
        if self.on_copies_only and scales == detect.FIRST:
            return ()
        raise detect.DetectorFailed("x")


@dataclass(frozen=True)
class Haunted:
    """A detector that sees something in the corner farthest from every cover, always."""

    kind: str = "ghost"
    cards: tuple[detect.ModelCard, ...] = ()

    def find(self, sizes, *, scales):
        bright = np.argwhere(sizes.pixels.min(axis=2) > 60)
        if not len(bright):
            return ()
        y, x = bright[len(bright) // 2]
        return (
            Finding(self.kind, sizes.region(x, y, x + 2, y + 2), None, 0.9, "there", Answer.FOUND),
        )


def green(box=BOX, *, size=(200, 160)):
    pixels = np.full((size[1], size[0], 3), 130, np.uint8)
    pixels[box.y : box.y + box.height, box.x : box.x + box.width] = (0, 255, 0)
    return files.encode_png(pixels)


def made(data=None, *detectors, **wishes):
    return pictures.make_copy(
        green() if data is None else data, detectors=Detectors(detectors or (Marks(),)), **wishes
    )


def shown(copy):
    return np.asarray(Image.open(io.BytesIO(copy.data)).convert("RGB"))


def test_a_face_is_covered_and_the_finished_copy_shows_none():
    copy = pictures.make_copy(files.encode_jpeg(made_up.portrait()))
    assert copy.verified
    assert [each.kind for each in copy.covered].count("face") == 1
    looked_for = {kind: said for kind, said in copy.answers.items() if kind not in UNSEEN}
    assert set(looked_for.values()) == {Answer.NONE}
    assert {copy.answers[kind] for kind in UNSEEN} == {Answer.HELD}
    again = detect.find(shown(copy), detectors=pictures.shared_detectors())
    assert "face" not in {finding.kind for finding in again.findings}
    assert copy.report.verified
    assert not copy.report.person_looked


@pytest.mark.parametrize("tone", ["very light", "dark"])
def test_of_a_wristband_neither_name_nor_code_can_be_read(tone):
    zxingcpp = pytest.importorskip("zxingcpp", reason="the reader that would read the code")
    pixels = made_up.wristband(3, tone)
    assert any(code.valid for code in zxingcpp.read_barcodes(pixels))
    copy = pictures.make_copy(files.encode_jpeg(pixels))
    assert copy.verified
    assert not zxingcpp.read_barcodes(shown(copy))
    assert {"text", "code"} <= {each.kind for each in copy.covered}


def test_what_the_file_said_is_found_before_and_gone_after():
    exif = Image.Exif()
    exif[0x010F] = "a make"
    held = io.BytesIO()
    Image.fromarray(made_up.skin(1, size=(320, 240))).save(held, "JPEG", exif=exif)
    seen = pictures.inspect(held.getvalue())
    assert seen.report.answers["metadata"] is Answer.FOUND
    copy = pictures.make_copy(held.getvalue())
    assert copy.before.answers["metadata"] is Answer.FOUND
    assert copy.answers["metadata"] is Answer.NONE
    assert files.decode(copy.data).file_findings == ()
    assert copy.verified


def test_a_picture_is_inspected_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    held = io.BytesIO()
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(made_up.portrait()[:, :400])))
    turned.save(held, "JPEG", exif=exif, quality=95)
    seen = pictures.inspect(held.getvalue())
    assert (seen.width, seen.height) == (400, 512)
    face = next(finding for finding in seen.report.findings if finding.kind == "face")
    assert face.box.overlap(Region(180, 70, 90, 100)) > 7000


def test_found_is_covered_with_a_margin():
    copy = made()
    assert copy.verified
    (covered,) = copy.covered
    assert covered.box == Region(34, 24, 72, 62)
    assert shown(copy)[30:80, 40:100].max() < 20


def test_held_is_covered_unless_it_is_asked_about():
    assert made(None, Marks(Answer.HELD)).verified
    copy = made(None, Marks(Answer.HELD), held="ask")
    assert [finding.box for finding in copy.to_settle] == [BOX]
    assert copy.residual == ()
    assert copy.covered == ()
    assert not copy.verified


def test_a_person_settles_by_covering_or_by_leaving():
    for settled in ({"cover": [BOX]}, {"leave": [LEFT]}, {"keep": [Region(120, 0, 50, 100)]}):
        copy = made(None, Marks(Answer.HELD), held="ask", person_looked=True, **settled)
        assert copy.verified
        assert copy.report.person_looked


def test_what_is_left_is_listed_and_not_counted_as_residual():
    copy = made(leave=[LEFT])
    assert copy.verified
    assert copy.covered == ()
    assert copy.residual == ()
    assert [finding.box for finding in copy.left] == [BOX]
    assert copy.answers["mark"] is Answer.FOUND
    assert shown(copy)[40, 60].tolist()[1] > 200


@pytest.mark.parametrize(("leave", "answer"), [([LEFT], Answer.FOUND), ([], Answer.HELD)])
def test_what_little_is_known_of_is_found_where_it_is_left_and_held_where_it_is_covered(
    leave, answer
):
    weak = Detectors((Marks(),), {"mark": "only green ones are looked for"})
    copy = pictures.make_copy(green(), leave=leave, detectors=weak)
    assert copy.verified
    assert copy.answers["mark"] is answer


def test_a_bystanders_body_is_covered_with_the_face_and_the_wound_is_not():
    copy = pictures.make_copy(files.encode_jpeg(made_up.bystander(7)))
    assert copy.verified
    body = Region(60, 200, 200, 110)
    kinds = {each.kind for each in copy.covered}
    assert {"face", "person"} <= kinds
    assert shown(copy)[body.y : body.y + body.height, body.x : body.x + body.width].max() < 20
    assert shown(copy)[380:600, 480:800].min(axis=2).mean() > 20
    assert copy.answers["person"] is Answer.HELD


@pytest.mark.parametrize("tone", ["very light", "dark"])
def test_a_quick_look_warns_of_somebody_else(tone):
    seen = pictures.inspect(files.encode_jpeg(made_up.bystander(7, tone)), quick=True)
    assert seen.report.answers["person"] is Answer.FOUND
    assert seen.report.identifiable == "yes"


def test_leaving_one_thing_does_not_leave_another():
    copy = made(leave=[Leave(Region(150, 100, 20, 20), "mark")])
    assert len(copy.covered) == 1
    assert copy.left == ()


WHOLE = Region(0, 0, 200, 160)


@pytest.mark.parametrize("late", [False, True], ids=["seen at once", "seen on the copy"])
@pytest.mark.parametrize("kind", ["person", "mark", "face"])
def test_leaving_a_body_leaves_neither_the_face_nor_the_smaller_body_in_it(kind, late):
    """What fills the picture is often a person, perhaps not the patient: left in, nothing else is."""
    detector = (Late if late else Marks)(kind=kind)
    copy = made(None, detector, leave=[Leave(WHOLE, "person")])
    assert [each.kind for each in copy.covered] == [kind]
    assert copy.left == ()


def test_a_word_of_a_line_that_is_left_is_left_with_it():
    copy = made(None, Late(kind="text"), leave=[Leave(WHOLE, "text")])
    assert copy.verified
    assert copy.covered == ()
    assert [(each.kind, each.box) for each in copy.left] == [("text", BOX)]


def figures(*starts, width=24, height=30):
    return [Leave(Region(start, 60, width, height), "text") for start in starts]


def line(start, end, *, kind="text", top=56, height=38):
    return Finding(kind, Region(start, top, end - start, height), None, 0.9, "", Answer.FOUND)


@pytest.mark.parametrize(
    ("leave", "seen", "is_left"),
    [
        (figures(100, 190, 280), line(96, 220), True),
        (figures(100, 190, 280), line(96, 308), True),
        (figures(100, 280), line(96, 308), False),
        (figures(100, 190), line(96, 250), False),
        (figures(100, 190), line(60, 218), False),
        (figures(190), line(140, 218), False),
        (figures(100, 190), line(130, 184), False),
        (figures(100, 190), line(96, 220, kind="code"), False),
        (figures(100, 260, width=80), line(90, 350), False),
    ],
    ids=[
        "two as one",
        "three as one",
        "one between that nobody left",
        "a letter after them",
        "a letter before them",
        "one of its pieces alone",
        "what stands between",
        "something else there",
        "words, with room for another",
    ],
)
def test_a_rulers_figures_are_left_where_they_are_seen_as_one_line(leave, seen, is_left):
    assert left_of([seen], leave) == ((seen,) if is_left else ())
    upright = replace(seen, box=turned(seen.box))
    leave = [replace(each, box=turned(each.box)) for each in leave]
    assert left_of([upright], leave) == ((upright,) if is_left else ())


def turned(box):
    return Region(box.y, box.x, box.height, box.width)


@pytest.mark.parametrize("tone", ["medium", "tan"])
def test_a_ruler_that_a_person_left_stays_whole(tone):
    data = files.encode_jpeg(made_up.wound(11, tone, size=(1280, 960)))
    seen = [each for each in pictures.inspect(data).report.in_pixels if each.kind == "text"]
    assert len(seen) >= 5
    left = [Leave(each.box, "text") for each in seen]
    copy = pictures.make_copy(data, leave=left, held="ask", person_looked=True)
    assert [each for each in copy.covered if each.kind == "text"] == []
    assert copy.verified
    assert {each.box for each in copy.left} >= {each.box for each in left}


def test_what_is_left_and_seen_twice_is_told_once():
    assert len(made(leave=[LEFT]).left) == 1


@pytest.mark.parametrize(("side", "asks"), [(20, False), (60, True)])
def test_a_person_is_asked_before_the_look_at_the_copy_hides_much_of_it(side, asks):
    """A wound that looks like a face at another size would blacken the whole picture unasked."""
    box = Region(40, 30, side, side)
    wishes = {"held": "ask", "person_looked": True, "file_format": "png"}
    copy = made(green(box, size=(400, 320)), Late(kind="face"), **wishes)
    assert copy.verified
    assert (copy.visible_before - copy.visible > copies.MOST_UNASKED) is asks
    if not asks:
        copies.refuse_unfit(copy)
        return
    with pytest.raises(copies.CopyNotFit) as refused:
        copies.refuse_unfit(copy)
    assert refused.value.reasons == ("Seen on the finished copy: green",)
    assert refused.value.general == ()
    [offered] = copies.for_editor(refused.value.held, prefix="again")
    assert (offered["kind"], offered["answer"]) == ("face", "held")
    left = Leave(Region(*offered["box"]), "face")
    copy = made(green(box, size=(400, 320)), Late(kind="face"), leave=[left], **wishes)
    copies.refuse_unfit(copy)
    assert (copy.visible, [each.kind for each in copy.left]) == (1, ["face"])


def test_outside_what_is_kept_everything_is_black():
    keep = Region(120, 20, 40, 60)
    copy = made(keep=[keep])
    picture = shown(copy)
    assert copy.verified
    assert copy.covered == ()
    outside = np.ones(picture.shape[:2], bool)
    outside[12:88, 112:168] = False
    assert picture[outside].max() == 0
    assert picture[30:70, 125:155].min() > 100


def test_something_inside_what_is_kept_is_covered_all_the_same():
    copy = made(keep=[Region(30, 20, 100, 100)])
    assert len(copy.covered) == 1
    assert copy.verified


def test_how_much_is_left_to_be_seen_is_known():
    assert made(leave=[LEFT]).visible == 1
    width, height = made().width, made().height
    half = Region(0, 0, width // 2, height)
    assert made(keep=[half], leave=[LEFT]).visible == pytest.approx(0.5, abs=0.01)
    assert made(cover=[Region(0, 0, width, height)]).visible == 0


def test_what_a_person_covers_is_black_whatever_is_there():
    copy = made(cover=[Region(150, 100, 30, 40)])
    assert [each.kind for each in copy.covered] == ["chosen", "mark"]
    assert shown(copy)[105:135, 155:175].max() < 20


@pytest.mark.parametrize("wish", ["keep", "cover", "leave"])
def test_a_box_that_reaches_out_is_refused(wish):
    box = Region(190, 10, 20, 5)
    with pytest.raises(RegionOutsideImage):
        made(**{wish: [Leave(box, "mark") if wish == "leave" else box]})


def test_a_smaller_copy_is_smaller_and_its_boxes_stay_those_of_the_original():
    copy = made(None, Marks(), max_side=100)
    assert (copy.width, copy.height) == (100, 80)
    assert copy.covered[0].box == Region(34, 24, 72, 62)
    assert copy.verified


def test_what_the_second_look_finds_in_a_smaller_copy_is_covered_in_the_original():
    copy = made(None, Late(), max_side=50)
    assert copy.verified
    assert copy.covered[0].box.overlap(BOX) == BOX.area


@dataclass(frozen=True)
class Late(Marks):
    """Misses at the first look what it finds at the second."""

    def find(self, sizes, *, scales):
        found = Marks.find(self, sizes, scales=scales)
        return () if scales == detect.FIRST else found


def test_held_at_the_second_look_waits_for_a_person_too():
    copy = made(None, Late(Answer.HELD), held="ask")
    assert len(copy.to_settle) == 1
    assert copy.residual == ()
    assert copy.answers["mark"] is Answer.HELD
    assert not copy.verified


def test_what_cannot_be_made_to_go_away_blocks():
    copy = made(None, Haunted())
    assert not copy.verified
    assert len(copy.residual) == 1
    assert copy.report.residual == 1
    assert copy.answers["ghost"] is Answer.FOUND
    assert len(copy.covered) == pictures.ROUNDS
    assert {each.kind for each in copy.covered} == {"ghost"}


def test_what_is_still_seen_goes_to_the_person_and_a_cover_ends_it():
    """Otherwise each try begins where the one before began, and is never fit."""
    lights = np.zeros((200, 300, 3), np.uint8)
    lights[98, 20:280:15] = 255
    picture, cover = files.encode_png(lights), list[Region]()
    asked = {"held": "ask", "file_format": "png", "detectors": Detectors((Haunted(),))}
    tries = 1
    while not (copy := pictures.make_copy(picture, cover=cover, **asked)).verified:
        with pytest.raises(copies.CopyNotFit) as refused:
            copies.refuse_unfit(copy)
        offered = copies.for_editor(refused.value.held, prefix="again")
        assert {(each["kind"], each["answer"]) for each in offered} == {("ghost", "found")}
        cover += [Region(*each["box"]) for each in offered]
        tries += 1
    assert tries == 3


@pytest.mark.parametrize("late", [False, True])
def test_a_failed_detector_means_not_verified(late):
    copy = made(None, Marks(), Fails(on_copies_only=late))
    assert copy.answers["face"] is Answer.FAILED
    assert copy.residual == ()
    assert not copy.verified


def test_a_failure_on_the_original_alone_counts_as_well():
    @dataclass(frozen=True)
    class Once(Fails):
        def find(self, sizes, *, scales):
            if scales == detect.FIRST:
                raise detect.DetectorFailed("x")
            return ()

    assert made(None, Once()).answers == {"metadata": Answer.NONE, "face": Answer.FAILED}


@pytest.mark.parametrize("file_format", ["jpeg", "png"])
def test_every_byte_of_the_copy_is_accounted_for(file_format):
    copy = made(file_format=file_format)
    accounted = audit.account(copy.data)
    assert accounted.format.lower() == file_format
    assert (accounted.width, accounted.height) == (200, 160)


def test_what_is_no_picture_of_ours_shows_nothing():
    with pytest.raises(ValueError, match="not a picture of ours"):
        pictures.decoded_copy(b"no picture")


def test_a_copy_that_was_tampered_with_has_problems():
    pixels = made_up.skin(1, size=(64, 48))
    data = files.encode_jpeg(pixels)
    assert pictures._problems(data, pixels, unlocked=False) == ()
    note = b"\xff\xfe\x00\x08secret"
    more = data[:2] + note + data[2:]
    assert len(pictures._problems(more, pixels, unlocked=False)) == 2
    other = files.encode_jpeg(cv2.flip(pixels, 1) // 2)
    assert len(pictures._problems(other, pixels, unlocked=False)) == 1
    assert len(pictures._problems(data[:-40], pixels, unlocked=False)) == 2


def test_a_finding_in_the_file_cannot_be_covered():
    with pytest.raises(ValueError, match="no box"):
        pictures._box(Finding("metadata", None, "EXIF:Make", None, "a make", Answer.FOUND))


def test_what_is_no_picture_is_refused():
    with pytest.raises(files.PictureRefused):
        pictures.make_copy(b"not a picture")
    with pytest.raises(files.PictureRefused):
        pictures.inspect(b"")


@pytest.mark.parametrize("size", [(2400, 1800), (640, 480)])
def test_a_quick_look_warns_of_text_in_pixels_of_the_whole_picture(size):
    seen = pictures.inspect(files.encode_jpeg(made_up.wristband(3, size=size)), quick=True)
    assert (seen.width, seen.height) == size
    assert seen.report.identifiable == "yes"
    assert set(seen.report.answers) == {"metadata", "face", "text", "code", *UNSEEN}
    boxes = [finding.box for finding in seen.report.in_pixels]
    assert all(box.fits(*size) for box in boxes)
    assert max(box.x + box.width for box in boxes) > size[0] / 2


def test_a_quick_look_sees_a_face_and_what_the_file_says():
    tags, file = Image.Exif(), io.BytesIO()
    tags[0x0110] = "Phone 1"
    Image.fromarray(made_up.portrait()).save(file, "JPEG", exif=tags)
    seen = pictures.inspect(file.getvalue(), quick=True)
    assert seen.report.answers["face"] is Answer.FOUND
    assert "EXIF:Model" in {finding.where for finding in seen.report.findings}
