"""The codes of an operation, from the document: what a test has to cause."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[4] / "openapi.json"
FROM_THE_CONNECTION_ALONE = {"100007", "190408"}
"""What only broken HTTP and half a request cause; no sound client can."""


@dataclass(frozen=True)
class Refusal:
    """A row of an operation's table."""

    code: str
    text: str
    status: int


def sent(operation: str) -> dict[str, Refusal]:
    """The codes that the platform sends for an operation and a client can cause, by their number."""
    codes = json.loads(DOCUMENT.read_text())["components"]["x-codes"]
    found = {}
    for code in codes:
        entry = code["operations"].get(operation, {"sent": False})
        if entry["sent"] and code["number"] not in FROM_THE_CONNECTION_ALONE:
            found[code["number"]] = Refusal(code["number"], entry.get("text", code["text"]), entry["documented"])
    return found
