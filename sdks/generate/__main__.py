"""Writes the generated files, or checks them: see the package's own words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import java
from . import model as models
from . import python_compat, python_modern
from . import surface as surfaces

REPOSITORY = Path(__file__).resolve().parents[2]

Emitter = Callable[[models.Model, surfaces.Surface], "dict[str, str]"]

EMITTERS: list[tuple[Emitter, tuple[str, ...]]] = [
    (python_compat.emit, python_compat.OWNED),
    (java.emit, ("sdks/java/src/generated",)),
    (python_modern.emit, (python_modern.FOLDER,)),
]
"""Each language's emitter, and the folders that hold nothing but its files."""


def main(arguments: list[str]) -> int:
    """Returns the status to end with."""
    if arguments not in ([], ["--check"]):
        print("usage: python3 -m generate [--check]", file=sys.stderr)
        return 2
    model = models.load(REPOSITORY / "openapi.json")
    surface = surfaces.load(REPOSITORY / "sdks" / "surface.json", model)
    made: dict[str, str] = {}
    strays: list[str] = []
    for emit, owned in EMITTERS:
        files = emit(model, surface)
        made.update(files)
        strays.extend(path for folder in owned for path in _present(folder) if path not in files)
    changed = [path for path, text in made.items() if _read(path) != text]
    if arguments:
        return _report(changed, strays, len(made))
    for path in changed:
        file = REPOSITORY / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made[path], encoding="utf-8")
    for path in strays:
        (REPOSITORY / path).unlink()
    print(f"{len(made)} files: {len(changed)} written, {len(strays)} removed")
    return 0


def _report(changed: list[str], strays: list[str], count: int) -> int:
    for path in changed:
        print(f"{path} is not what openapi.json and sdks/surface.json make; run `make sdks`", file=sys.stderr)
    for path in strays:
        print(f"{path} stands among generated files, and nothing makes it; run `make sdks`", file=sys.stderr)
    if changed or strays:
        return 1
    print(f"{count} generated files are as they should be")
    return 0


def _present(folder: str) -> list[str]:
    files = (path for path in (REPOSITORY / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sorted(str(path.relative_to(REPOSITORY)) for path in files)


def _read(path: str) -> str | None:
    file = REPOSITORY / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
