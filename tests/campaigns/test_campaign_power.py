"""Cut the power at any moment: what was acknowledged is on the disk, what was erased is not."""

from __future__ import annotations

import random

import pytest
from benchmarks.campaigns import disk, power, tracing

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not tracing.can_trace(), reason="no strace here, or it may not watch"),
]


def test_no_power_cut_loses_what_was_acknowledged(work):
    outcome = power.run(work, states=60, planted=())
    assert outcome.bad == []
    assert outcome.tried == 60
    assert outcome.figures["changes recorded"] > 300


def test_a_build_without_fsync_or_with_the_wrong_order_is_found_by_power_cuts(work):
    outcome = power.run(work, states=0)
    assert set(outcome.found) == set(power.PLANTED)
    assert all(outcome.found.values()), outcome.as_text()


def change(kind: str, node: int, path: str = "", **more) -> disk.Change:
    folder, _, name = path.rpartition("/")
    return disk.Change(kind, node, folder=folder or ".", name=name, **more)


def every_state(tmp_path, *changes: disk.Change, before=None) -> list[dict[str, bytes]]:
    made = disk.Recording(tmp_path, before or {}, list(changes))
    dice, found = random.Random(3), []
    for _ in range(400):
        files = dict(disk.state(made, len(changes), dice).files)
        if files not in found:
            found.append(files)
    return found


def test_what_was_not_synced_may_be_missing_there_or_torn(tmp_path):
    data = b"a" * disk.SECTOR + b"b" * disk.SECTOR
    write = change("data", 1, data=data)
    found = every_state(tmp_path, write, before={"file": b""})
    assert {"file": b""} in found
    assert {"file": data} in found
    assert {"file": data[: disk.SECTOR]} in found
    assert {"file": bytes(disk.SECTOR) + data[disk.SECTOR :]} in found


def test_what_was_synced_is_there_in_every_state(tmp_path):
    write = change("data", 1, data=b"kept", durable_at=1)
    name = change("name", 1, "folder/file", durable_at=2)
    later = change("data", 1, offset=4, data=b" more")
    found = every_state(tmp_path, write, name, later)
    assert all(state["folder/file"].startswith(b"kept") for state in found)
    assert {"folder/file": b"kept"} in found
    assert {"folder/file": b"kept more"} in found


def test_a_name_without_its_folders_fsync_may_be_missing_though_the_bytes_are_safe(tmp_path):
    write = change("data", 1, data=b"kept", durable_at=1)
    name = change("name", 1, "file")
    assert {} in every_state(tmp_path, write, name)


def test_a_rename_is_whole_or_has_not_been(tmp_path):
    moved = change("moved", 2, "new", to_folder=".", to_name="old")
    found = every_state(tmp_path, moved, before={"old": b"1", "new": b"2"})
    assert sorted(map(sorted, found)) == [["new", "old"], ["old"]]
    assert {"old": b"2"} in found
