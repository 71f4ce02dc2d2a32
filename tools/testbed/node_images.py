# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the test cluster: its node, and what the scenarios run."""

from __future__ import annotations

from pathlib import Path

from testbed import images
from testbed.artefacts import Step, Workshop, digest, image_step, import_image, install, recipe
from testbed.common import Failure, Log
from testbed.debian import copy_with_libraries
from testbed.golang import PARTS
from testbed.images import KIND_NODE
from testbed.processes import answer

_STATIC = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


def image_steps(shop: Workshop) -> list[Step]:
    """The steps that make them, from the programs and the root file system."""
    rootfs = shop.stamp(shop.rootfs)
    stamps = [shop.stamp(shop.bin / name) for name in (*PARTS, "etcd")]
    overlay = sorted(path for path in (KIND_NODE / "rootfs").rglob("*") if path.is_file())
    busybox = recipe(import_image, _busybox_root)
    return [
        image_step(
            images.BUILT_NODE,
            lambda inputs, log: _build_node(log, shop, inputs),
            lambda: digest(recipe(import_image, copy_with_libraries, _build_node, _parts), *stamps, rootfs, *overlay),
        ),
        image_step(
            images.AGNHOST,
            lambda inputs, log: _build_agnhost(log, shop, inputs),
            lambda: digest(busybox, recipe(_build_agnhost), shop.stamp(shop.bin / "agnhost"), rootfs),
        ),
        image_step(
            images.BUSYBOX,
            lambda inputs, log: _build_busybox(log, shop, inputs),
            lambda: digest(busybox, recipe(_build_busybox), rootfs),
        ),
    ]


def _names(kubeadm: Path) -> dict[str, str]:
    """What kubeadm calls the images of the control plane: it knows the versions of etcd and pause that go with it."""
    told = answer(str(kubeadm), "config", "images", "list", "--kubernetes-version", f"v{images.KUBERNETES}")
    if told is None:
        raise Failure(f"{kubeadm} lists no images")
    return {image.rpartition("/")[2].partition(":")[0]: image for image in told.split()}


def _parts(shop: Workshop, root: Path) -> dict[str, Path]:
    """A folder with what is in the image of each part of the control plane."""
    folder = shop.tmp / "parts"
    for name in _STATIC:
        install(shop.bin / name, folder / name / "usr/local/bin" / name)
        (folder / name / "tmp").mkdir()
    install(shop.bin / "kube-proxy", folder / "kube-proxy/usr/local/bin/kube-proxy")
    copy_with_libraries(root, "usr/sbin/nft", folder / "kube-proxy")
    install(root / "usr/bin/catatonit", folder / "pause/pause")
    return {name: folder / name for name in (*_STATIC, "kube-proxy", "pause")}


def _build_node(log: Log, shop: Workshop, inputs: str) -> None:
    root, names = shop.tmp / "node", _names(shop.bin / "kubeadm")
    root.mkdir()
    log.run("tar", "-C", root, "-xf", shop.rootfs)

    parts = _parts(shop, root)
    for name, folder in parts.items():
        changes = ['ENTRYPOINT ["/pause", "-P"]'] if name == "pause" else []
        import_image(log, names[name], folder, inputs, *changes)

    log.run("cp", "-r", "--no-preserve=ownership", f"{KIND_NODE}/rootfs/.", root)
    for script in (root / "usr/local/bin").iterdir():
        script.chmod(0o755)
    config = root / "etc/containerd/config.toml"
    text = config.read_text(encoding="utf-8").replace("@PAUSE_IMAGE@", names["pause"])
    config.write_text(text, encoding="utf-8")
    for name in ("kubeadm", "kubelet", "kubectl"):
        install(shop.bin / name, root / "usr/bin" / name)
    links = root / "etc/systemd/system/multi-user.target.wants"
    for made in (root / "kind/images", root / "kind/manifests", root / "etc/kubernetes/manifests", links):
        made.mkdir(parents=True, exist_ok=True)
    for unit in ("containerd.service", "kubelet.service"):
        (links / unit).symlink_to(f"../{unit}")
    (root / "kind/version").write_text(f"v{images.KUBERNETES}\n", encoding="utf-8")
    loaded = [names[name] for name in parts]
    log.run("docker", "save", "-o", root / "kind/images/kubernetes.tar", *loaded)
    entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
    import_image(log, images.BUILT_NODE, root, inputs, entrypoint, "ENV container=docker")
    log.run("docker", "image", "rm", *loaded)


def _busybox_root(log: Log, shop: Workshop, root: Path) -> None:
    """busybox and a link for each of its commands."""
    for name in ("bin", "etc", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    log.run("tar", "-C", root, "-xf", shop.rootfs, "--strip-components=2", "./usr/bin/busybox")
    for name in (answer(str(root / "bin/busybox"), "--list") or "").split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text(_PASSWD, encoding="ascii")
    (root / "etc/group").write_text(_GROUP, encoding="ascii")


def _build_agnhost(log: Log, shop: Workshop, inputs: str) -> None:
    root = shop.tmp / "agnhost-root"
    _busybox_root(log, shop, root)
    (root / "uploads").mkdir()
    install(shop.bin / "agnhost", root / "agnhost")
    import_image(log, images.AGNHOST, root, inputs, 'ENTRYPOINT ["/agnhost"]', 'CMD ["pause"]')


def _build_busybox(log: Log, shop: Workshop, inputs: str) -> None:
    root = shop.tmp / "busybox-root"
    _busybox_root(log, shop, root)
    import_image(log, images.BUSYBOX, root, inputs, 'CMD ["sh"]')
