"""The generator of the client SDKs: from `openapi.json` and `sdks/surface.json` to classes in Java and Python.

Run it from `sdks/`, with nothing but Python 3.9 or later:

    python3 -m generate            writes what has changed (`make sdks`)
    python3 -m generate --check    writes nothing, and fails with the names of the files that differ

    python3 -m unittest generate.test_generate    tests the generator

How it fits together:

* `model.py` reads `openapi.json` into plain dataclasses: operations, schemas, error codes, pushes. It is the only module that knows
  the document's shape. Everything about fields (names, types, limits, words) comes from there and nowhere else.
* `surface.py` reads `sdks/surface.json`: the names that the classes of the vendor's SDKs have, and where those names or types depart from
  the document. An operation that the document does not have (yet) is left out, and so are its classes; when the server
  learns it, `make sdks` brings it to the clients.
* Each emitter is a module with `emit(model, surface) -> dict[str, str]`: from a path relative to the repository to the text of that file.

To add a language: write `generate/<language>.py` with such a function, list it in `EMITTERS` of `__main__.py` with the folders that
it owns, give `surface.json` the names that the language needs (or none, for a face of its own), and begin every file with `names.STAMP`.
An owned folder holds generated files only: `--check` reports a file there which no emitter made, and writing removes it.
"""
