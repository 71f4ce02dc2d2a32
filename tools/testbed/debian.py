# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems made from Debian packages."""

from __future__ import annotations

import re
from pathlib import Path

from testbed.artefacts import Step, Workshop, digest, install, recipe
from testbed.common import Log, need
from testbed.processes import answer

SUITE = "bookworm"
_PACKAGES = (
    "busybox-static,ca-certificates,catatonit,conntrack,containerd,containernetworking-plugins,curl,ethtool,iproute2,"
    "iptables,jq,kmod,mount,nftables,pigz,procps,runc,systemd,util-linux"
)
# In a mount namespace of its own, for debootstrap mounts /proc and /sys, and an interrupted one leaves them mounted.
OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
# What belongs to a real machine would only fail, or keep kind waiting for systemd.
_UNITS = (
    *(f"lib/systemd/system/{target}.target.wants/*" for target in ("multi-user", "local-fs", "basic")),
    "etc/systemd/system/*.wants/*",
    *(f"lib/systemd/system/sockets.target.wants/*{part}*" for part in ("udev", "initctl")),
    "lib/systemd/system/sysinit.target.wants/*-tmpfiles-setup.service",
)
_LEFT_OUT = ("dev", "var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
# Of the images that scenarios run.
LEFT_OUT = (
    *(f"{folder}/*" for folder in ("dev", "var/cache/apt", "var/cache/debconf", "var/lib/apt/lists")),
    *(f"usr/share/{folder}/*" for folder in ("doc", "man", "locale")),
)


def need_debootstrap() -> None:
    """Have it, or raise Failure."""
    need("debootstrap", "debootstrap")


def mirror() -> tuple[str, ...]:
    """The mirror this machine installs Debian packages from, if that can be told; else debootstrap's own default."""
    line = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    told = answer("apt-get", "indextargets", "--format", line, "Created-By: Packages") or ""
    return tuple(re.findall(r"^Debian\|Debian\|(.+)$", told, re.MULTILINE)[:1])


def install_packages(log: Log, root: Path, packages: str) -> None:
    """Make a root file system of a minimal Debian and these packages, separated by commas."""
    log.run(*OWN_MOUNTS, "debootstrap", "--variant=minbase", f"--include={packages}", SUITE, root, *mirror())


def rootfs(shop: Workshop) -> Step:
    """The step that makes the node's root file system."""
    return Step(
        what=f"root file system ({SUITE})",
        digest=lambda: digest(recipe(_build), f"{SUITE} {_PACKAGES} {_UNITS} {_LEFT_OUT}"),
        is_made=lambda wanted: shop.is_made(shop.rootfs, wanted),
        make=lambda inputs, log: shop.finish(_build(log, shop.tmp), shop.rootfs, inputs),
        prepare=need_debootstrap,
    )


def _build(log: Log, tmp: Path) -> Path:
    root, archive = tmp / "rootfs", tmp / "rootfs.tar"
    log.run(*OWN_MOUNTS, "debootstrap", "--variant=minbase", f"--include={_PACKAGES}", SUITE, root, *mirror())
    for unit in (path for pattern in _UNITS for path in root.glob(pattern)):
        unit.unlink()
    log.run("ln", "-sf", "/dev/null", root / "etc/systemd/system/systemd-binfmt.service")
    log.run("ln", "-sf", "/usr/lib/systemd/systemd", root / "sbin/init")
    with (root / "etc/systemd/journald.conf").open("a", encoding="utf-8") as file:
        file.write("ReadKMsg=no\n")
    left_out = [f"--exclude=./{folder}/*" for folder in _LEFT_OUT]
    log.run("tar", "-C", root, "--numeric-owner", *left_out, "-cf", archive, ".")
    return archive


def copy_with_libraries(root: Path, program: str, target: Path) -> None:
    """Copy a program and what it is linked with from one root to another."""
    install(root / program, target / program)
    linked = answer("chroot", str(root), "ldd", f"/{program}")
    if linked is None:
        raise OSError(f"ldd does not know what {root}/{program} is linked with")
    for library in re.findall(r"/[^ \n]+", linked):
        relative = library.lstrip("/")
        install((root / relative).resolve(), target / relative)
