"""Real clinical, street and portrait pictures, where the machine has them: none crashes, none half-done.

SAFELIGHT_PICTURES names a folder of pictures that are not part of the project and never become so.
Without it the same code is tested on made-up pictures (test_pictures.py).
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.detect import Answer
from safelight.flows import pictures
from safelight.interop import audit
from safelight.interop import pictures as files

FOLDER = os.environ.get("SAFELIGHT_PICTURES", "")
AT_MOST_REFUSED = 0.03
"""Of the pictures: refused with a reason, since something stayed to be seen after every look."""

pytestmark = [
    pytest.mark.pictures,
    pytest.mark.skipif(not FOLDER, reason="SAFELIGHT_PICTURES names no folder of real pictures"),
]


def real_pictures() -> list[Path]:
    return sorted(path for path in Path(FOLDER or os.devnull).glob("*") if path.is_file())


def test_every_real_picture_becomes_a_checked_copy_or_is_refused_with_a_reason(capsys):
    paths = real_pictures()
    assert paths, "the folder of real pictures is empty"
    refused = []
    for path in paths:
        copy = pictures.make_copy(path.read_bytes())
        audit.account(copy.data)
        assert Answer.FAILED not in copy.answers.values()
        assert copy.problems == ()
        black = np.asarray(Image.open(io.BytesIO(copy.data)))
        for each in copy.covered:
            box = each.box
            inner = black[box.y + 8 : box.y + box.height - 8, box.x + 8 : box.x + box.width - 8]
            assert not inner.size or inner.max() == 0
        if not copy.verified:
            assert copy.residual
            refused.append(path.stem)
    with capsys.disabled():
        print(  # noqa: T201 (the count is asked for)
            f"\n{len(paths)} real pictures, {len(refused)} refused: {', '.join(refused) or 'none'}"
        )
    assert len(refused) <= AT_MOST_REFUSED * len(paths)


def test_nothing_of_the_file_survives_in_any_copy():
    for path in real_pictures()[::25]:
        copy = pictures.make_copy(path.read_bytes())
        assert files.decode(copy.data).file_findings == ()
