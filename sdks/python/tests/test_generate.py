"""The generated part of `downlink`: as openapi.json makes it, and ready for operations that join."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import downlink
from downlink import AsyncClient, Client, ErrorCode, types
from platform_bed import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "sdks"))

from generate import model as models
from generate import python_modern, surface
from generate.names import snake

DOCUMENT = json.loads((REPOSITORY / "openapi.json").read_text())
MODEL = models.load(REPOSITORY / "openapi.json")


def test_the_files_are_what_the_document_makes() -> None:
    made = python_modern.emit(MODEL, surface.load(REPOSITORY / "sdks" / "surface.json", MODEL))
    for path, text in made.items():
        assert (REPOSITORY / path).read_text() == text, f"{path}: run `make sdks`"


def test_every_operation_is_a_method_of_both_clients_with_the_same_arguments() -> None:
    for operation in MODEL.operations:
        one, other = getattr(Client, snake(operation)), getattr(AsyncClient, snake(operation))
        assert inspect.signature(one) == inspect.signature(other)
        assert inspect.iscoroutinefunction(other) and not inspect.iscoroutinefunction(one)
        assert one.__doc__ == other.__doc__


def test_every_schema_code_and_word_is_there() -> None:
    for schema in MODEL.schemas.values():
        if schema.kind == "object":
            assert [member.wire for member in getattr(types, schema.name)._MEMBERS] == [field.wire for field in schema.fields]
        elif schema.kind == "enum":
            assert [str(word) for word in getattr(types, schema.name)] == list(schema.values)
    assert [str(code) for code in ErrorCode] == list(MODEL.codes)
    for code in MODEL.codes.values():
        facts = ErrorCode(code.number).facts
        assert facts is not None and (facts.retryable, facts.surely_harmless) == (code.retryable, code.surely_harmless)


def test_secrets_are_not_shown() -> None:
    for schema in MODEL.schemas.values():
        secrets = {field.wire for field in schema.fields if field.secret}
        if secrets:
            kind: Any = getattr(types, schema.name)
            shown = {member.wire for member in kind._MEMBERS if kind.__dataclass_fields__[member.name].repr}
            assert not shown & secrets, schema.name


def test_an_operation_that_joins_the_document_joins_the_client(tmp_path: Path) -> None:
    """A list as an answer, a nested list, a free member, a keyword as a name, pages: in a package that is made of it and imported."""
    document = json.loads(json.dumps(DOCUMENT))
    document["paths"]["/new/{from}/things"] = {
        method: {
            "operationId": f"{name}Things",
            "x-contract-name": f"{name}Things",
            "x-section": "9.9",
            "x-success": 200,
            "tags": ["Things"],
            "summary": f"{name} things",
            "description": "New.",
            "security": [{"token": []}],
            "parameters": [
                {"name": "from", "in": "path", "required": True, "schema": {"type": "string"}},
                *({"name": key, "in": "query", "schema": {"type": "integer"}} for key in ("pageNo", "pageSize")),
            ],
            **body,
        }
        for method, name, body in (
            ("get", "query", {}),
            ("post", "create", {"requestBody": {"x-media": "application/json", "content": {"application/json": {"schema": reference("Thing")}}}}),
        )
    }
    listed = {"type": "array", "items": reference("Thing")}
    document["components"]["responses"]["createThings.200"] = {"content": {"application/json": {"schema": listed}}}
    document["components"]["responses"]["queryThings.200"] = {"content": {"application/json": {"schema": reference("Things")}}}
    document["components"]["schemas"]["Things"] = {"type": "object", "required": ["list"], "properties": {"list": listed}}
    document["components"]["schemas"]["Thing"] = {
        "type": "object",
        "required": ["thingId"],
        "properties": {
            "size": {"type": "number"},
            "thingId": {"type": "string", "minLength": 1, "maxLength": 64},
            "class": {"type": ["boolean", "null"]},
            "anything": {},
            "tags": {"anyOf": [listed | {"items": reference("Tag")}, {"type": "null"}]},
            "names": {"type": "array", "items": {"type": "string"}},
        },
    }
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    model = models.load(tmp_path / "openapi.json")
    made = python_modern.emit(model, surface.load(REPOSITORY / "sdks" / "surface.json", model))
    package = Path(inspect.getfile(downlink)).parent
    for file in [*package.glob("*.py"), *package.glob("*.so")]:
        (tmp_path / "downlink").mkdir(exist_ok=True)
        (tmp_path / "downlink" / file.name).symlink_to(file)
    for path, text in made.items():
        ast.parse(text)
        file = tmp_path / "downlink" / "_generated" / Path(path).name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    script = """
import downlink, inspect, json
thing = downlink.types.Thing("t", size=1.5, class_=True, anything=[1], tags=[downlink.types.Tag("a", "b")], names=["x"])
assert downlink.types.Thing.from_json(json.loads(json.dumps(thing.to_json()))) == thing
class Sent(downlink.Client):
    def call(self, operation, variables, **rest):
        print(operation, variables, rest["query"], rest["body"])
        things = [thing.to_json()]
        return downlink.Reply(200, json.dumps(things if operation == "createThings" else {"list": things}))
client = Sent("http://localhost", "app", "secret")
assert client.create_things("here", "t", class_=False, page_no=1) == [thing]
assert list(client.iter_query_things("here", page_size=2)) == [thing]
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        """createThings ('here',) pageNo=1 {"thingId": "t", "class": false}""",
        """queryThings ('here',) pageNo=0&pageSize=2 None""",
    ]


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize("body", [[], {"commandId": 1}, {"serviceId": "x"}, {"serviceId": "x", "method": 1}])
def test_an_answer_of_another_shape_is_refused_by_name(body: Any) -> None:
    with pytest.raises(ValueError, match="Command"):
        types.Command.from_json(body)
