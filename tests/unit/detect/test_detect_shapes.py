"""The arithmetic around the networks: anchors, averages, lines, codes, sizes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, codes, faces, models, text
from safelight.detect.closeups import Evidence
from safelight.detect.sizes import Sizes


def boxes(*rows):
    return np.asarray(rows, np.float32).reshape(-1, 5)


def test_a_face_in_the_centre_of_an_anchor_is_decoded_to_that_anchor():
    where, scores = np.zeros((2 * (16 + 4 + 1), 4), np.float32), np.zeros(42, np.float32)
    scores[3] = 0.9
    (box,) = faces.retina_boxes(where, scores, (32, 32))
    assert box.tolist() == pytest.approx([12 - 16, 4 - 16, 12 + 16, 4 + 16, 0.9])


def test_centre_boxes_follow_heat_size_and_offset():
    heat, extent, offset = np.zeros((8, 8)), np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
    heat[2, 3] = 0.8
    extent[:, 2, 3] = np.log(5), np.log(2)
    offset[:, 2, 3] = 0.25, -0.5
    (box,) = faces.centre_boxes(heat, extent, offset)
    assert box.tolist() == pytest.approx([8, 1, 16, 21, 0.8])


def test_doubles_go_and_the_best_stays():
    kept = faces.without_doubles(
        boxes([0, 0, 10, 10, 0.5], [1, 0, 11, 10, 0.9], [50, 50, 60, 60, 0.3])
    )
    assert [round(float(score), 1) for score in kept[:, 4]] == [0.9, 0.3]


def test_a_place_that_one_view_alone_sees_is_averaged_down():
    clear, empty = boxes([0, 0, 10, 10, 0.8]), boxes()
    assert not len(faces.averaged((empty, empty, empty)))
    assert not len(faces.averaged((boxes([0, 0, 10, 10, 0.25]), empty, empty)))
    assert faces.averaged((clear, clear, clear))[0, 4] == pytest.approx(0.8)
    assert not len(faces.averaged((clear, empty, empty)))


def test_views_that_disagree_about_the_edges_still_add_up():
    apart = faces.averaged(
        (boxes([0, 0, 10, 10, 0.9]), boxes([0, 40, 10, 90, 0.6]), boxes([70, 0, 99, 30, 0.6]))
    )
    assert len(apart) == 3
    assert apart[:, 4].tolist() == pytest.approx([0.7, 0.7, 0.7])


def test_a_bystander_who_is_already_found_is_not_named_twice(detectors):
    report = detect.find(cv2.imread(str(_astronaut()))[..., ::-1].copy(), detectors=detectors)
    assert [finding.kind for finding in report.findings].count("face") == 1


def test_what_may_be_a_face_is_held():
    sizes = Sizes(np.zeros((100, 100, 3), np.uint8))
    far = faces._far_findings(
        boxes([20, 20, 30, 30, 0.3], [50, 50, 60, 60, 0.6]), sure=boxes(), sizes=sizes
    )
    assert [finding.answer for finding in far] == [Answer.HELD, Answer.FOUND]


def test_a_face_without_a_place_is_none():
    with pytest.raises(ValueError, match="a face has a box"):
        faces._as_row(detect.Finding("face", None, None, 0.9, "a face", Answer.FOUND))


def test_what_lies_outside_the_picture_is_no_face():
    sizes = Sizes(np.zeros((100, 100, 3), np.uint8))
    nothing, outside = Evidence(-4.5, -4.5, 0.0), boxes([-9, -9, -1, -1, 0.9])
    assert faces._weighed(nothing, outside, sizes, doubts=True) == []


def _astronaut():
    from importlib import resources

    return resources.files("safelight.cli").joinpath("photographs", "astronaut.png")


def test_a_line_is_grown_by_a_share_of_its_size_and_specks_are_no_lines():
    core = np.zeros((100, 200), np.float32)
    core[40:51, 20:121] = 0.9
    core[80:82, 5:7] = 0.9
    ((plain, grown, score),) = text.rectangles(core)
    assert score == pytest.approx(0.9, abs=0.02)
    assert np.ptp(plain, axis=0).tolist() == pytest.approx([100, 10], abs=1)
    more = 2.2 * 100 * 10 / 110
    assert np.ptp(grown, axis=0).tolist() == pytest.approx([100 + more, 10 + more], abs=1)


def test_a_faint_line_is_none_and_an_unsure_one_held():
    ring = np.zeros((60, 60), np.float32)
    cv2.rectangle(ring, (5, 5), (55, 55), 0.21, 1)
    assert text.rectangles(ring) == []
    inside = text._findings([(_region(), _region(), 0.4)], held_at=0.3, found_at=0.5)
    assert [finding.answer for finding in inside] == [Answer.HELD]
    assert text._findings([(_region(), _region(), 0.2)], held_at=0.3, found_at=0.5) == []


def _region():
    from safelight.terms import Region

    return Region(0, 0, 5, 5)


def drawn(name, words, *, size=200):
    code = zxingcpp.create_barcode(words, getattr(zxingcpp.BarcodeFormat, name))
    grey = np.asarray(zxingcpp.write_barcode_to_image(code, scale=4), np.uint8)
    canvas = np.full((600, 600), 210, np.uint8)
    canvas[100 : 100 + grey.shape[0], 50 : 50 + grey.shape[1]] = grey
    dark = np.flatnonzero((canvas < 100).any(axis=0))
    return np.repeat(canvas[..., np.newaxis], 3, axis=2), (int(dark[0]), int(dark[-1]))


@pytest.mark.parametrize("name", ["QRCode", "DataMatrix", "Aztec", "Code128", "PDF417"])
def test_codes_of_every_kind_are_found_whole(name):
    pixels, (first, last) = drawn(name, "9990000018")
    found = codes.Codes().find(Sizes(pixels), scales=detect.FIRST)
    sure = [finding.box for finding in found if finding.answer is Answer.FOUND]
    assert min(box.x for box in sure) <= first
    assert max(box.x + box.width for box in sure) > last


def test_a_damaged_code_is_held():
    pixels, (first, last) = drawn("QRCode", "9990000018" * 3)
    middle, most = (first + last) // 2, (last - first) // 5
    pixels[middle + 50 - most : middle + 50 + most, middle - most : middle + most] = 255
    found = codes.Codes().find(Sizes(pixels), scales=detect.FIRST)
    assert found
    assert {finding.answer for finding in found} == {Answer.HELD}


def test_a_scanned_stripe_grows_across_its_bars_and_a_square_does_not():
    stripe = np.asarray([(0, 50), (100, 50), (100, 52), (0, 52)], np.float64)
    grown = codes._whole(stripe)
    assert grown[:, 1].tolist() == [15, 15, 87, 87]
    upright = np.asarray([(50, 0), (50, 100), (48, 100), (48, 0)], np.float64)
    assert codes._whole(upright)[:, 0].tolist() == [85, 85, 13, 13]
    square = np.asarray([(0, 0), (50, 0), (50, 50), (0, 50)], np.float64)
    assert np.array_equal(codes._whole(square), square)


def test_sizes_are_made_once_and_enlarged_only_when_asked():
    sizes = Sizes(np.zeros((300, 400, 3), np.uint8))
    assert sizes.at(400) is sizes.pixels
    assert sizes.at(1000) is sizes.pixels
    assert sizes.at(200).shape == (150, 200, 3)
    assert sizes.at(200) is sizes.at(200)
    assert sizes.at(100).shape == (75, 100, 3)
    assert sizes.at(600, enlarge=2).shape == (450, 600, 3)
    assert sizes.at(600, enlarge=2) is sizes.at(600, enlarge=2)
    assert sizes.at(4000, enlarge=2).shape == (600, 800, 3)
    assert sizes.at(400, enlarge=2) is sizes.pixels


def test_a_box_outside_the_picture_is_none():
    sizes = Sizes(np.zeros((30, 40, 3), np.uint8))
    assert sizes.region(-10, -10, -1, -1) is None
    assert sizes.region(45, 5, 60, 9) is None
    assert sizes.region(-3.5, 1.2, 5.1, 99).as_list() == [0, 1, 6, 29]


def test_the_second_look_asks_the_smaller_network_too(detectors):
    sizes = Sizes(made_up.label(8))
    once = detectors.all[1].find(sizes, scales=detect.FIRST)
    twice = detectors.all[1].find(sizes, scales=detect.AGAIN)
    assert len(twice) >= 1.5 * len(once)


def test_a_code_known_from_one_size_is_not_told_again_at_the_next():
    pixels, _ = drawn("QRCode", "9990000018")
    large = cv2.resize(pixels, (2600, 2600), interpolation=cv2.INTER_NEAREST)
    found = codes.Codes().find(Sizes(large), scales=detect.FIRST)
    assert [finding.answer for finding in found].count(Answer.FOUND) == 1


def test_a_size_in_grey_shows_the_same_as_in_colour():
    pixels = made_up.label(8, size=(1000, 750))
    sizes = Sizes(pixels)
    grey = sizes.grey(300).astype(int)
    coloured = cv2.cvtColor(sizes.at(300), cv2.COLOR_RGB2GRAY).astype(int)
    assert grey.shape == (225, 300)
    assert np.abs(grey - coloured).max() <= 2
    assert np.array_equal(sizes.grey(300), coloured)
    assert sizes.grey(5000).shape == (750, 1000)


def test_a_much_smaller_size_is_as_if_made_at_once():
    pixels = made_up.label(8, size=(1001, 749))
    small = Sizes(pixels).at(120).astype(int)
    at_once = cv2.resize(pixels, (120, 90), interpolation=cv2.INTER_AREA).astype(int)
    assert small.shape == at_once.shape
    assert np.abs(small - at_once).mean() < 2


def test_a_batch_is_filled_up_with_its_edge_and_scaled_by_channel():
    pixels = np.arange(5 * 40 * 3, dtype=np.uint8).reshape(5, 40, 3)
    batch = models.batch_of(pixels, mean=(1.0, 2.0, 3.0), scale=(1.0, 0.5, 2.0))
    assert batch.shape == (1, 3, 32, 64)
    assert batch.dtype == np.float32
    assert batch[0, :, 4, 39].tolist() == [
        (float(part) - mean) * scale
        for part, mean, scale in zip(pixels[4, 39], (1, 2, 3), (1, 0.5, 2), strict=True)
    ]
    assert batch[0, :, 31, 63].tolist() == batch[0, :, 4, 39].tolist()
