# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build makes and keeps, with the digest of what it was made from: a file has a stamp, an image a label."""

from __future__ import annotations

import hashlib
import inspect
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.common import Log
from testbed.processes import answer

_LABEL = "graceful.inputs"
_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Workshop:
    """Where a build keeps what it makes (`work`), and where it works (`tmp`, on the same file system)."""

    work: Path
    tmp: Path

    @property
    def bin(self) -> Path:
        """The programs."""
        return self.work / "bin"

    @property
    def rootfs(self) -> Path:
        """The archive of the node's root file system."""
        return self.work / "rootfs.tar"

    def stamp(self, made: Path) -> Path:
        """The file with the digest of what a file was made from."""
        return self.work / "stamps" / made.name

    def is_made(self, target: Path, digest: str) -> bool:
        """Whether the file was made from just this."""
        stamp = self.stamp(target)
        return target.exists() and stamp.is_file() and stamp.read_text(encoding="ascii") == digest

    def finish(self, new: Path, target: Path, digest: str) -> None:
        """Put a finished file in its place."""
        for folder in (target.parent, self.stamp(target).parent):
            folder.mkdir(parents=True, exist_ok=True)
        new.replace(target)
        self.stamp(target).write_text(digest, encoding="ascii")


@dataclass(frozen=True)
class Step:
    """One step of a build. `digest` is that of what is made, once the steps before are done."""

    what: str
    digest: Callable[[], str]
    is_made: Callable[[str], bool]
    make: Callable[[str, Log], None]  # from this digest
    prepare: Callable[[], None] = lambda: None  # what only a step that is not yet made needs; it reports by itself


def digest(*parts: str | Path) -> str:
    """The digest of texts and of the content of files."""
    return hashlib.sha256(b"".join(map(_content, parts))).hexdigest()[:16]


def _content(part: str | Path) -> bytes:
    return part.encode() if isinstance(part, str) else part.read_bytes()


def recipe(*functions: Callable[..., object]) -> str:
    """The code of functions without comments and blank lines: what is made by other code is made anew."""
    lines = [line.strip() for function in functions for line in inspect.getsource(function).splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith(("#", '"""')))


def image_step(image: str, make: Callable[[str, Log], None], inputs: Callable[[], str]) -> Step:
    """The step that makes an image from these inputs."""
    return Step(f"image {image}", inputs, lambda wanted: image_is_made(image, wanted), make)


def image_is_made(image: str, digest: str) -> bool:
    """Whether Docker has the image, made from just this. One without a label was pulled or loaded: it is kept."""
    label = answer("docker", "image", "inspect", "-f", f'{{{{or (index .Config.Labels "{_LABEL}") "none"}}}}', image)
    return label in (digest, "none")


def import_image(log: Log, image: str, root: Path, digest: str, *changes: str) -> None:
    """Make an image of a folder, and remove the one that had its name. What is in it should belong to root."""
    old = answer("docker", "image", "inspect", "-f", "{{.Id}}", image)
    options = [word for change in (f"LABEL {_LABEL}={digest}", _PATH, *changes) for word in ("--change", change)]
    log.run("docker", "import", *options, "-", image, feed=("tar", "-C", root, "-c", "."))
    if old and answer("docker", "image", "rm", old) is None:
        log.note(f"{old} is kept: a cluster may still run on it")


def build_image(log: Log, image: str, folder: Path, digest: str, *lines: str) -> None:
    """Make an image of the lines of a Dockerfile and what is in a folder: an import cannot declare a stop signal."""
    file = folder.with_name(f"{folder.name}.Dockerfile")
    file.write_text("\n".join((*lines, f"LABEL {_LABEL}={digest}", _PATH, "")), encoding="ascii")
    log.run("docker", "build", "--tag", image, "--file", file, folder)


def install(program: Path, target: Path) -> None:
    """Copy a program for everybody to run, whatever its mode and owner are."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(program, target)
    target.chmod(0o755)
