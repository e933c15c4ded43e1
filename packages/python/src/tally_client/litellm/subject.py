"""Who pays: the entity and the project of a LiteLLM key, from a template such as ``{org_id}/{team_id}``."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

FIELDS = {
    "org_id": "org_id",
    "org_alias": "organization_alias",
    "team_id": "team_id",
    "team_alias": "team_alias",
    "project_id": "project_id",
    "project_alias": "project_alias",
    "user_id": "user_id",
    "key_alias": "key_alias",
    "key_hash": "token",
}
"""What a template may name, and where a key has it. A caller can choose none of them."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TEMPLATE = re.compile(r"[^/]+/[^/]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_KNOWN_NAMES_MAX = 10_000


class NoSubjectError(Exception):
    """The key names nobody who could pay."""


class SubjectTemplate:
    """Blanks and other characters that no name may have become ``-``: the team ``Web Search`` is the project ``Web-Search``."""

    def __init__(self, template: str) -> None:
        unknown = sorted(set(_PLACEHOLDER.findall(template)) - FIELDS.keys())
        if unknown:
            raise ValueError(f"names {', '.join(unknown)}; it may name {', '.join(FIELDS)}")
        if _TEMPLATE.fullmatch(template) is None:
            raise ValueError("must be two parts with a slash between them, such as {org_id}/{team_id}")
        self._template = template
        self._originals: OrderedDict[str, str] = OrderedDict()

    def of(self, key: Any) -> str:
        """``entity/project`` of a LiteLLM key. Raises ``NoSubjectError`` with a sentence for its caller."""
        entity, project = self._template.split("/")
        return f"{self._part(entity, key)}/{self._part(project, key)}"

    def _part(self, part: str, key: Any) -> str:
        def value_of(match: re.Match[str]) -> str:
            value = getattr(key, FIELDS[match[1]], None)
            if not isinstance(value, str) or value == "":
                raise NoSubjectError(
                    f"This API key has no {match[1]}, so nobody can be charged for its requests"
                )
            return value

        original = _PLACEHOLDER.sub(value_of, part)
        name = _NOT_IN_NAMES.sub("-", original).lstrip("._-")
        if _NAME.fullmatch(name) is None:
            raise NoSubjectError(f"{original!r} of this API key cannot be the name of an entity or a project")
        self._claim(name, original)
        return name

    def _claim(self, name: str, original: str) -> None:
        """Two names that become one would let one customer pay for the other."""
        if self._originals.setdefault(name, original) != original:
            raise NoSubjectError(f"{original!r} and {self._originals[name]!r} both become {name!r}")
        self._originals.move_to_end(name)
        if len(self._originals) > _KNOWN_NAMES_MAX:
            self._originals.popitem(last=False)
