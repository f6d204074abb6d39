"""What a member or a method says about itself, in words that every language uses: lengths, bounds, units, values and errors."""

from __future__ import annotations

from .model import Field, Operation

MAX = 2147483647
"""The bound of a 32-bit number, which needs no mention."""

PLAIN = "^[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]*$"
"""The pattern of texts without control characters, which needs no mention."""


def limits(field: Field) -> list[str]:
    """Short sentences about what the member may be."""
    found = [_length(field), _bounds(field), _items(field)]
    if field.values:
        found.append(f"One of {', '.join(f'`{word}`' for word in field.values)}.")
    if field.known_values:
        found.append(f"Known: {', '.join(f'`{word}`' for word in field.known_values)}.")
    if field.time_format:
        found.append(f"UTC, as `{field.time_format}`.")
    elif field.pattern and field.pattern.replace("\\\\", "\\") != PLAIN and "\x00" not in field.pattern and not _control(field.pattern):
        found.append(f"Matches `{field.pattern}`.")
    if field.default is not None and field.default != {}:
        found.append(f"Absent means `{_plain(field.default)}`.")
    if field.empty_means_absent:
        found.append("An empty text is the same as none.")
    if field.also_accepts:
        found.append(f"Also read: {field.also_accepts}.")
    said = field.doc.lower()
    return [one for one in found if one and one.lower().rstrip(".") not in said]


def requirement(field: Field) -> str:
    """Whether a request must have it."""
    return "Required." if field.required else "Optional."


def presence(field: Field) -> str:
    """Whether an answer has it."""
    if not field.required:
        return "May be absent."
    return "May be null." if field.nullable else ""


def errors(operation: Operation) -> list[tuple[str, str]]:
    """Each code that the server sends, and what it means there."""
    found = [one for one in operation.errors if one.sent]
    return [(f"{one.code} ({one.status})", f"{one.text.rstrip('.')}. {one.meaning}") for one in found]


def _control(pattern: str) -> bool:
    return pattern.startswith("^[^") and "\\u0000" in pattern


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _length(field: Field) -> str:
    if field.time_format or field.values:
        return ""
    low, high = field.min_length, field.max_length
    if low and high:
        return f"{low} characters." if low == high else f"{low} to {high} characters."
    if high:
        return f"At most {high} characters."
    return f"At least {low} characters." if low else ""


def _bounds(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    low, high = field.minimum, field.maximum
    if low is not None and high is not None and high < MAX:
        return f"{low} to {high}{unit}."
    if low is not None:
        return f"{low} or more{unit}."
    return f"In{unit}." if unit else ""


def _items(field: Field) -> str:
    return f"At most {field.max_items} elements." if field.max_items else ""
