# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the extra variables of a playbook that tools/play runs. Arguments: the report's folder, the source or nothing.

A name is a name, and no template, whatever it looks like: a folder that is called {{ … }} must not run anything.
"""

from __future__ import annotations

import sys

NAMES = ("termination_report_dir", "termination_source")


def quoted(text: str) -> str:
    """A text as YAML has it between double quotes, with nothing in it that means anything to YAML or to Jinja."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text)


def main(arguments: list[str]) -> None:
    """Print them as YAML in one line."""
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        sys.exit("SOURCE or REPORT is not UTF-8: rename it, or give a folder above it")
    pairs = [f'{name}: !unsafe "{quoted(value)}"' for name, value in zip(NAMES, arguments, strict=True) if value]
    print("{" + ", ".join(pairs) + "}")


if __name__ == "__main__":
    main(sys.argv[1:])
