# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of plugins/module_utils: each is in the table of its README.md, and imports only what stands above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
PACKAGE = "ansible_collections.graceful.termination.plugins.module_utils"
ROOMS = re.findall(r"^\| (\w+) \|", (MODULE_UTILS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)[1:]
MODULES = {
    ".".join((PACKAGE, *path.relative_to(MODULE_UTILS).with_suffix("").parts)): path
    for path in sorted(MODULE_UTILS.rglob("*.py"))
}
LAYERS = 14
LINES = 300


def imports(path: Path) -> Iterator[str]:
    """The modules of the domain that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith(PACKAGE))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found = (whole, str(node.module), f"{node.module}.__init__")
                yield from [module for module in found if module in MODULES][:1]
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield f"{PACKAGE}.a-relative-import"


def room(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").partition(".")[0]


EDGES = {
    (room(module), room(imported)): f"{module} imports {imported}"
    for module, path in MODULES.items()
    for imported in imports(path)
    if room(module) != room(imported)
}


def test_the_table_names_each_room_once() -> None:
    folders = {room(module) for module in MODULES}
    assert sorted(ROOMS) == sorted(folders)


def test_no_module_lies_outside_of_a_room() -> None:
    assert [path.name for path in MODULE_UTILS.glob("*.py")] == []


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_what_stands_above_it(name: str) -> None:
    above = ROOMS[: ROOMS.index(name)]
    assert [why for (by, of), why in EDGES.items() if by == name and of not in above] == []


def test_only_the_room_of_ansible_opens_connections() -> None:
    assert {by for by, of in EDGES if of == "_k8s"} == {"_ansible"}


def test_the_rooms_are_few_layers() -> None:
    depth: dict[str, int] = {}
    for name in ROOMS:
        depth[name] = 1 + max((depth[of] for by, of in EDGES if by == name), default=0)
    assert max(depth.values()) <= LAYERS


def test_no_two_modules_import_each_other() -> None:
    open_modules = {module: set(imports(path)) & set(MODULES) for module, path in MODULES.items()}
    while leaves := {module for module, needed in open_modules.items() if not needed & set(open_modules)}:
        for module in leaves:
            del open_modules[module]
    assert sorted(open_modules) == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith(".__init__")])
def test_the_face_of_a_package_is_empty_but_for_the_catalogue_of_rules(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert module == f"{PACKAGE}.rules.__init__" or len(tree.body) == 1


def test_every_package_is_one_for_ansible_too() -> None:
    """Only packages with an __init__.py travel with a module."""
    folders = {path.parent for path in MODULES.values()} - {MODULE_UTILS}
    folders |= {parent for folder in folders for parent in folder.parents if MODULE_UTILS in parent.parents}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


def test_long_files_say_why() -> None:
    long = [
        str(path.relative_to(MODULE_UTILS.parent))
        for path in sorted(MODULE_UTILS.parent.rglob("*.py"))
        if len(lines := path.read_text(encoding="utf-8").splitlines()) > LINES
        and not any(line.startswith("# Long because ") for line in lines)
    ]
    assert long == []
