# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module begins: what it must never show is known from then on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.graceful.termination.plugins.module_utils._ansible.front import open_module

CLUSTERS = [{"name": "c", "cluster": {"server": "https://u:pass-a@h", "proxy-url": "http://u:pass-b@h"}}]


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        ({"host": "https://jane:hunter2@a.example"}, ["hunter2"]),
        ({"proxy": "http://jane:hunter%402@proxy.example:3128"}, ["hunter%402"]),
        ({"kubeconfig": {"clusters": CLUSTERS, "contexts": [], "users": []}}, ["pass-a", "pass-b"]),
        ({"password": "hunter2", "username": "jane"}, ["hunter2"]),
        ({"api_key": "t0ken"}, ["t0ken"]),
    ],
)
def test_a_password_is_in_no_result_whatever_the_verbosity(
    given: dict[str, Any], secrets: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with patch_module_args(given):
        module = open_module({})
        with pytest.raises(SystemExit):
            module.exit_json(changed=False, said=f"cannot reach {given}")
    text = capsys.readouterr().out
    assert "module_args" in json.loads(text)["invocation"]
    assert not [secret for secret in secrets if secret in text]
