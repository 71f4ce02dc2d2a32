# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced whole or not at all, whoever is killed, writes beside or has no room."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file, write_file

OURS = '{"schema": "graceful.termination/report/v1"}\n'
# Stops just before the rename: is killed there, or says so and goes on when it is told to.
KILLED = """
import os, signal, sys
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file
os.replace = lambda *_paths: os.kill(os.getpid(), signal.SIGKILL)
replace_file(sys.argv[1], b"half")
"""
SLOW = """
import os, sys
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file
rename = os.replace
def wait(*paths):
    print("written", flush=True)
    sys.stdin.readline()
    rename(*paths)
os.replace = wait
replace_file(sys.argv[1], b"slow")
"""


def python(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_file_has_the_usual_mode_and_its_folders_are_made(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a" / "b" / "report.json", OURS)
    finally:
        os.umask(before)
    path = tmp_path / "a" / "b" / "report.json"
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (OURS, 0o640)
    assert names(path.parent) == ["report.json"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o444])
def test_the_mode_and_the_owner_stay(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("old")
    path.chmod(mode)
    owner = (12345, 23456) if os.geteuid() == 0 else (path.stat().st_uid, path.stat().st_gid)
    os.chown(path, *owner)
    before = path.stat()
    os.utime(path, (1, 1))
    replace_file(path, b"new")
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_mtime > 1, "it was written just now"


def test_a_kill_before_the_rename_leaves_the_old_file_and_the_next_write_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("old")
    assert python(KILLED, path).wait() == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2, "the unfinished one lies beside it, hidden"
    replace_file(path, b"new")
    assert (names(tmp_path), path.read_bytes()) == (["app.yaml"], b"new")


def test_two_runs_at_once_do_not_take_each_others_file_away(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("old")
    other = python(SLOW, path)
    assert other.stdout and other.stdout.readline() == "written\n"
    replace_file(path, b"quick")
    assert path.read_bytes() == b"quick" and len(names(tmp_path)) == 2
    other.communicate("go on\n")
    assert (other.returncode, path.read_bytes(), names(tmp_path)) == (0, b"slow", ["app.yaml"])


def test_files_of_others_with_a_similar_name_stay(tmp_path: Path) -> None:
    for name in (".app.yaml.swp", ".app.yaml.new.bak", "app.yaml.new", ".other.yaml.1-a.new"):
        (tmp_path / name).write_text("x")
    before = names(tmp_path)
    replace_file(tmp_path / "app.yaml", b"new")
    assert names(tmp_path) == sorted([*before, "app.yaml"])


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "app.yaml"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["app.yaml"])


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder with a file that others may read, but nobody write."""
    folder = Path(tempfile.mkdtemp())
    (folder / "app.yaml").write_text("old")
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_is_read_only(closed: Path) -> None:
    child = os.fork()
    if not child:  # root may write everywhere: become somebody else
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            replace_file(closed / "app.yaml", b"new")
        except PermissionError:
            os._exit(13)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 13
    assert ((closed / "app.yaml").read_text(), names(closed)) == ("old", ["app.yaml"])


def test_a_link_keeps_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "app.yaml").write_text("old")
    (tmp_path / "app.yaml").symlink_to("real/app.yaml")
    replace_file(tmp_path / "app.yaml", b"new")
    assert (tmp_path / "app.yaml").is_symlink()
    assert (tmp_path / "real" / "app.yaml").read_bytes() == b"new"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_out_of_the_folder_is_not_followed(there: bool, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    if there:
        outside.write_text("theirs")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "app.yaml").symlink_to(outside)
    with pytest.raises(PermissionError, match="a link to a file outside"):
        replace_file(folder / "app.yaml", b"new")
    assert outside.exists() == there and (not there or outside.read_text() == "theirs")
    replace_file(folder / "app.yaml", b"new", root=tmp_path)
    assert outside.read_bytes() == b"new", "unless the folder is larger"


def test_a_folder_that_is_a_link_is_the_callers_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "reports").symlink_to("real")
    write_file(tmp_path / "reports" / "report.json", OURS)
    assert (tmp_path / "real" / "report.json").read_text() == OURS


@pytest.mark.parametrize("theirs", ['{"schema": "somebody/else"}', "x" * 10, "\0\0"])
def test_a_report_does_not_take_the_place_of_what_somebody_else_wrote(theirs: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(theirs)
    with pytest.raises(FileExistsError, match="did not write this file") as caught:
        write_file(path, OURS)
    assert caught.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == (theirs, ["report.json"])


def test_a_report_does_not_take_the_place_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(FileExistsError, match="not a regular file"):
            write_file(tmp_path / name, OURS)
    assert names(tmp_path) == ["folder", "pipe"]


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_file(path, OURS)
    os.utime(path, (1, 1))
    write_file(path, OURS)
    assert path.stat().st_mtime == 1
    write_file(path, OURS.replace("v1", "v2"))
    assert path.stat().st_mtime > 1 and "v2" in path.read_text()


@pytest.mark.parametrize("ours", [OURS, "", "# Graceful termination report\n\nby graceful.termination 0.9.0\n"])
def test_a_report_takes_the_place_of_an_earlier_one(ours: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(ours)
    write_file(path, OURS)
    assert path.read_text() == OURS
