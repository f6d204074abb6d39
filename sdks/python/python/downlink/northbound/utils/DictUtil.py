"""Data objects as dicts."""

from __future__ import annotations

from typing import Any

from downlink.northbound._dto import to_wire


class DictUtil:
    """Turns data objects into dicts. It is called on the class: `DictUtil.dto2dict(dto)`."""

    @staticmethod
    def dto2dict(object: Any) -> dict[str, Any]:
        """The members of a data object by their names on the wire, as JSON has them, nested ones included.

        What is not set is None; key carriers and nested objects that nobody touched are left out. A dict is copied, None gives an empty one, and
        an object of another class gives its public attributes that cannot be called.
        """
        made = to_wire({} if object is None else object)
        if not isinstance(made, dict):
            raise TypeError(f"a {type(object).__name__} has no members")
        return made
