# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of servers of the catalogue, made from Debian packages: two for the scenarios, all others for `make servers`.

What declares a stop signal in public has its public name here, too, and the same signal.
"""

from __future__ import annotations

from pathlib import Path

from testbed import debian, images
from testbed.artefacts import Step, Workshop, build_image, digest, image_step, import_image, install, recipe
from testbed.common import Log
from testbed.proof_images import envoy_step

_PROXIES = "haproxy,nginx-light"
_PACKAGES = "ca-certificates,caddy,gunicorn,nodejs,openjdk-17-jre-headless,php8.2-fpm,procps,puma,python3,tini,tomcat10"
# Of the images that have nothing but one program.
_FILES = {"etc/passwd": "root:x:0:0:root:/root:/\nnobody:x:65534:65534:nobody:/:/\n", "etc/group": "root:x:0:\n"}


def scenario_steps(shop: Workshop) -> list[Step]:
    """The steps that make the images of the scenarios."""
    root = Step(
        what=f"servers of the scenarios ({debian.SUITE})",
        digest=lambda: digest(recipe(_build_proxies, debian.install_packages), f"{debian.SUITE} {_PROXIES} {_FILES}"),
        is_made=lambda wanted: shop.is_made(_proxies(shop), wanted),
        make=lambda inputs, log: shop.finish(_build_proxies(log, shop), _proxies(shop), inputs),
        prepare=debian.need_debootstrap,
    )
    return [root, _small(shop, images.NGINX, "nginx", "QUIT"), _small(shop, images.HAPROXY, "haproxy", "USR1")]


def server_steps(shop: Workshop) -> list[Step]:
    """The steps that make the images of `make servers`."""
    recipes = recipe(import_image, _build_servers, debian.install_packages)

    def made_from() -> str:
        return digest(recipes, shop.stamp(shop.bin / "envoy"), f"{debian.SUITE} {_PACKAGES} {debian.LEFT_OUT}")

    def make_php_fpm(inputs: str, log: Log) -> None:
        folder = shop.tmp / "php-fpm"
        folder.mkdir()
        build_image(log, images.PHP_FPM, folder, inputs, *php_fpm)

    php_fpm = (f"FROM {images.SERVERS}", "STOPSIGNAL SIGQUIT")
    return [
        envoy_step(shop),
        image_step(images.SERVERS, lambda inputs, log: _build_servers(log, shop, inputs), made_from),
        image_step(images.PHP_FPM, make_php_fpm, lambda: digest(made_from(), recipe(build_image), *php_fpm)),
    ]


def _proxies(shop: Workshop) -> Path:
    return shop.work / "proxies.tar"


def _build_proxies(log: Log, shop: Workshop) -> Path:
    """An archive with a folder for each program: all that its image has."""
    root, archive, parts = shop.tmp / "proxies", shop.tmp / "proxies.tar", shop.tmp / "parts"
    debian.install_packages(log, root, _PROXIES)
    for program in ("nginx", "haproxy"):
        debian.copy_with_libraries(root, f"usr/sbin/{program}", parts / program)
        for name, text in _FILES.items():
            (parts / program / name).parent.mkdir(exist_ok=True)
            (parts / program / name).write_text(text, encoding="ascii")
        (parts / program / "tmp").mkdir()
    log.run("tar", "-C", parts, "--numeric-owner", "-cf", archive, ".")
    return archive


def _small(shop: Workshop, image: str, program: str, signal: str) -> Step:
    """The step that makes the image of one program and its libraries."""
    lines = ("FROM scratch", "ADD . /", f"STOPSIGNAL SIG{signal}", f'CMD ["{program}"]')

    def make(inputs: str, log: Log) -> None:
        log.run("tar", "-C", shop.tmp, "-xf", _proxies(shop), f"./{program}")
        build_image(log, image, shop.tmp / program, inputs, *lines)

    return image_step(image, make, lambda: digest(recipe(build_image), shop.stamp(_proxies(shop)), image, *lines))


def _build_servers(log: Log, shop: Workshop, inputs: str) -> None:
    root = shop.tmp / "servers"
    debian.install_packages(log, root, _PACKAGES)
    log.run("rm", "-rf", *(path for pattern in debian.LEFT_OUT for path in root.glob(pattern)))
    install(shop.bin / "envoy", root / "usr/local/bin/envoy")
    (root / "usr/local/bin/php-fpm").symlink_to("/usr/sbin/php-fpm8.2")
    import_image(log, images.SERVERS, root, inputs, 'CMD ["sh"]')
