# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Jinja snippets on the controller: the collection's own, and those of the user that replace them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import SUFFIX
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import REMEDIES

# resolve(): in a checkout the collection is reached through a link.
OWN = Path(__file__).resolve().parents[2] / "templates"


def read_templates(override: str | None) -> dict[str, tuple[str, str]]:
    """Map each remedy to (file, text). Raises ValueError for a folder or file of the user that cannot be used."""
    sources = {remedy: (f"templates/{remedy}{SUFFIX}", _read(OWN / f"{remedy}{SUFFIX}")) for remedy in REMEDIES}
    if not override:
        return sources
    folder = Path(override).expanduser()
    if not folder.is_dir():
        raise ValueError(f"template_dir: {override} is not a folder")
    for path in sorted(folder.glob("*.j2")):
        remedy = path.name.removesuffix(SUFFIX)
        if remedy not in REMEDIES:
            names = ", ".join(name + SUFFIX for name in REMEDIES)
            raise ValueError(f"template_dir: {path} replaces no template; the names are {names}")
        sources[remedy] = (str(path), _read(path))
    return sources


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"template {path}: {getattr(error, 'strerror', None) or error}") from None
