# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a mesh's proxy goes on after SIGTERM."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh_config import (
    IstioDrain,
    MeshConfigError,
    istio_drain,
    linkerd_grace,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import read_container

CONFIG = "proxy.istio.io/config"


def test_without_settings_istio_s_default_holds() -> None:
    assert istio_drain({}, None) == IstioDrain(5, until_idle=False)


def test_the_annotation_beats_what_the_whole_mesh_is_set_to() -> None:
    env = [{"name": "PROXY_CONFIG", "value": '{"terminationDrainDuration":"60s","proxyMetadata":{"A":"b"}}'}]
    proxy = read_container({"name": "istio-proxy", "image": "a", "env": env}, "containers[0]")
    assert istio_drain({}, proxy).seconds == 60
    assert istio_drain({CONFIG: "terminationDrainDuration: 7s"}, proxy).seconds == 7


def test_a_variable_without_a_literal_value_says_nothing() -> None:
    env = [{"name": "PROXY_CONFIG", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}]
    proxy = read_container({"name": "istio-proxy", "image": "a", "env": env}, "containers[0]")
    assert istio_drain({}, proxy).seconds == 5


def test_linkerd() -> None:
    assert linkerd_grace({}) == (120, False)
    assert linkerd_grace({"config.linkerd.io/shutdown-grace-period": "10s"}) == (10, True)


@pytest.mark.parametrize("depth", [10, 100, 300, 400, 500, 1000, 5000])
def test_depth_is_an_error_of_its_own_or_none(depth: int) -> None:
    config = {CONFIG: "a: " + "[" * depth + "]" * depth}
    with suppress(MeshConfigError) if depth < 1000 else pytest.raises(MeshConfigError):
        istio_drain(config, None)


def test_references_do_not_multiply() -> None:
    bomb = "a0: &a0 {k: v}\n" + "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)
    )
    started = time.process_time()
    with pytest.raises(MeshConfigError, match="is not readable YAML"):
        istio_drain({CONFIG: bomb}, None)
    assert time.process_time() - started < 1
