# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the Jinja snippets of templates/, in Jinja's sandbox; a missing variable is an error."""

from __future__ import annotations

import functools
import json
import re
import traceback
from collections.abc import Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import jinja2, yaml
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj

SUFFIX = ".yaml.j2"


class SnippetError(ValueError):
    """A template that cannot be used. The message names its file, the line where known, and the reason."""


class Snippets:
    """Rendered by remedy name; `sources` maps a remedy to (file name for messages, template text)."""

    def __init__(self, sources: Mapping[str, tuple[str, str]]):
        self._environment = jinja2.sandbox.SandboxedEnvironment(
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
        )
        # A value from a manifest or a cluster never becomes YAML syntax: templates quote it as JSON, and JSON is YAML.
        self._environment.filters["quoted"] = json.dumps
        self._files = {name: file for name, (file, _text) in sources.items()}
        self._templates = {}
        for name, (file, text) in sources.items():
            try:
                self._templates[name] = self._environment.from_string(text)
            except jinja2.TemplateSyntaxError as error:
                raise SnippetError(f"{file}:{error.lineno}: {error.message}") from None

    def render(self, remedy: str, kind: str, variables: Mapping[str, Any]) -> str:
        """The snippet as YAML text for an object of this kind. Raises SnippetError."""
        if remedy not in self._templates:
            raise SnippetError(f"no template {remedy}{SUFFIX}")
        try:
            text = self._templates[remedy].render(**variables).strip() + "\n"
        except Exception as error:
            # A template may fail in any way that an expression can: divide by zero, add a number to text.
            raise SnippetError(f"{self._files[remedy]}{_line(error)}: {error}") from None
        return _under_job_template(text) if kind == "CronJob" else text

    def patch(self, remedy: str, kind: str, variables: Mapping[str, Any]) -> Obj:
        """The snippet as a strategic merge patch. Raises SnippetError."""
        text = self.render(remedy, kind, variables)
        try:
            patch = _parse(text)
        except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
            problem = getattr(error, "problem", None) or "not valid YAML, or not what JSON can hold"
            raise SnippetError(f"{self._files[remedy]}: renders to YAML that cannot be read: {problem}") from None
        if not isinstance(patch, dict) or set(patch) != {"spec"} or not isinstance(patch["spec"], dict):
            raise SnippetError(f"{self._files[remedy]}: must render to a map with the one key spec")
        if kind == "CronJob" and "template" in patch["spec"]:
            # Written in a form that moving the text did not recognise, such as on one line.
            return {"spec": {"jobTemplate": {"spec": patch["spec"]}}}
        return patch


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Any:
    """What a snippet says: thousands of workloads have few different ones. The result must not be modified.

    Through JSON: a patch must be valid JSON, its keys are text, and nothing in it refers to itself.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return json.loads(json.dumps(yaml.load(text, Loader=loader)))


def _under_job_template(text: str) -> str:
    """Move `spec.template` of a snippet to where a CronJob has it, comments included."""
    match = re.search(r"^spec:[ \t]*\n(?P<step> +)template:", text, re.MULTILINE)
    if not match:
        return text
    step = match["step"]
    body = text[match.start("step") :].splitlines(keepends=True)
    indented = "".join(f"{2 * step}{line}" if line.strip() else line for line in body)
    return f"{text[: match.start('step')]}{step}jobTemplate:\n{2 * step}spec:\n{indented}"


def _line(error: Exception) -> str:
    """The template line at which rendering stopped, to follow a file name; empty if unknown."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return f":{lines[-1]}" if lines else ""
