# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the proxies of service meshes are known."""

from __future__ import annotations

ISTIO_PROXY = "istio-proxy"

MESH_PROXIES = (ISTIO_PROXY, "linkerd-proxy")  # injected: cannot be fixed in the template
LINKERD_ADMIN = 4191  # the admin port of a Linkerd proxy
