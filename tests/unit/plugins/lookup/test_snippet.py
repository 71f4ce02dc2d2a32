# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup: what it documents, and the numbers that it fills in from a workload."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.constants import config
from ansible.errors import AnsibleError

from ansible_collections.graceful.termination.plugins.lookup.snippet import DOCUMENTATION, LookupModule
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import REMEDIES
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import container, workload

NAME = "graceful.termination.snippet"
OPTIONS = yaml.safe_load(DOCUMENTATION)["options"]


def rendered(remedy: str, obj: dict[str, Any]) -> str:
    """The only snippet that the lookup returns."""
    # What the plugin loader does, which finds no collection outside of a playbook.
    config.initialize_plugin_configuration_definitions("lookup", NAME, OPTIONS)
    lookup = LookupModule()
    lookup._load_name = NAME
    (text,) = lookup.run([remedy], workload=obj)
    return text


def test_it_documents_every_remedy_that_it_takes() -> None:
    assert tuple(OPTIONS["_terms"]["choices"]) == REMEDIES


@pytest.mark.parametrize("remedy", REMEDIES)
def test_it_takes_every_remedy(remedy: str) -> None:
    assert yaml.safe_load(rendered(remedy, workload()))


def test_it_takes_no_other() -> None:
    with pytest.raises(AnsibleError, match="no remedy 'prestop-slep'; there are prestop-sleep, "):
        rendered("prestop-slep", workload())


@pytest.mark.parametrize(
    ("drain", "script", "grace"),
    [
        ("45", "sleep 10; kill -QUIT 1; sleep 45", 65),
        (None, "sleep 10; kill -QUIT 1; sleep 10", 40),
        ("soon", "sleep 10; kill -QUIT 1; sleep 10", 40),
    ],
)
def test_the_stop_signal_leaves_the_declared_drain(drain: str | None, script: str, grace: int) -> None:
    text = rendered("stop-signal", workload(container(command=["nginx"], lifecycle=None), drain=drain))
    spec = yaml.safe_load(text)["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == grace
    assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sh", "-c", script]
    assert ("the last sleep is a default" in text) == (drain != "45")
    assert "SIGQUIT is a default" not in text
