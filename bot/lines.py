"""Where in the text of `recoup.toml` a section or one of its keys stands, so that a problem can be found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[{1,2})\s*([^\[\]#]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*[.=]")


@dataclass(slots=True)
class _Section:
    name: tuple[str, ...]
    line: int
    keys: dict[str, int] = field(default_factory=dict)


class Lines:
    """Lines of a TOML text by the path of a value: `("allow", 1, "actions")` is a key of the second `[[allow]]`.

    It reads headers and keys only, so a text of several lines that looks like one may mislead it; a problem is then told
    with a line that does not fit, never hidden.
    """

    def __init__(self, text: str = "") -> None:
        self._sections = [_Section((), 1)]
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.fullmatch(line):
                name = tuple(part.strip().strip("\"'") for part in header[2].split("."))
                self._sections.append(_Section(name, number))
            elif key := _KEY.match(line):
                self._sections[-1].keys.setdefault(key[1].strip("\"'"), number)

    def of(self, path: Sequence[str | int]) -> int | None:
        """The line of the key, of the section where the key is missing; None for what the text does not hold."""
        names = [part for part in path if isinstance(part, str)]
        numbers = [part for part in path if isinstance(part, int)]
        for length in range(min(len(names), 2), -1, -1):
            found = [section for section in self._sections if section.name == tuple(names[:length])]
            if len(found) > 1:  # an array of tables: the number says which
                found = found[numbers[0] : numbers[0] + 1] if numbers else []
            if found and (length or names[0] in found[0].keys):
                key = names[length] if length < len(names) else ""
                return found[0].keys.get(key, found[0].line)
        return None

    def told(self, path: Sequence[str | int]) -> str:
        """ " (line 12)" for a sentence, empty where the line is not known."""
        line = self.of(path)
        return f" (line {line})" if line is not None else ""
