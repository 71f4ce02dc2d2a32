# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The annotations in which an owner declares what cannot be read elsewhere, and those meant so that have no effect."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import PREFIX
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION, Workload

# Read in drain.py, workload.py and profile.py. What follows PREFIX is handled in waiver.py.
NAMES = ("drain-seconds", "managed", "profile")


def without_effect(workload: Workload) -> list[str]:
    """What an owner should know about annotations that are not read, as sentences."""
    found = [
        f"annotation {key:.80} has no effect: the valid ones are {', '.join(NAMES)}"
        for key in sorted(workload.annotations)
        if key.startswith(ANNOTATION) and key.removeprefix(ANNOTATION) not in NAMES
    ]
    misplaced = [
        f"annotation {key:.80} has no effect on the pod template: it belongs to the {workload.kind}"
        for key in sorted(workload.template_annotations)
        if key.startswith((ANNOTATION, PREFIX))
    ]
    return found + misplaced
