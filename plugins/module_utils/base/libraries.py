# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: third-party libraries. A host without them gets a message, not a traceback."""

from __future__ import annotations

from types import SimpleNamespace

__all__ = ("MISSING", "jinja2", "yaml")

try:
    import jinja2
    import jinja2.sandbox
    import yaml

    MISSING: str | None = None
except ImportError as error:
    # Only what imports of other files use; a module stops with a message before it uses anything else.
    jinja2 = SimpleNamespace()  # type: ignore[assignment]
    yaml = SimpleNamespace(SafeLoader=object, YAMLError=Exception)  # type: ignore[assignment]
    MISSING = error.name
