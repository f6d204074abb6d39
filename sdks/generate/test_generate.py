"""What the generator promises: `python3 -m unittest generate.test_generate` in `sdks/`."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import __main__ as program
from . import model as models
from . import surface as surfaces
from .names import STAMP, snake, upper

DOCUMENT = json.loads((program.REPOSITORY / "openapi.json").read_text(encoding="utf-8"))
SURFACE = program.REPOSITORY / "sdks" / "surface.json"
SERVICES = "sdks/java/src/generated/java/io/downlink/client/invokeapi"
DTOS = "sdks/java/src/generated/java/io/downlink/client/dto"


def joined() -> tuple[models.Model, surfaces.Surface]:
    """The model of a document with operations and a push that the server does not have yet."""
    document = json.loads(json.dumps(DOCUMENT))
    schemas = document["components"]["schemas"]
    schemas["SubscribeRequest"] = thing(notifyType="string", callbackUrl="string")
    schemas["SubscriptionAnswer"] = thing(subscriptionId="string")
    schemas["RuleAnswer"] = thing(ruleId="string")
    schemas["DeviceAddedPush"] = thing(deviceId="string")
    schemas["DeviceAddedPush"]["properties"]["notifyType"] = {"type": "string", "const": "deviceAdded", "description": "Which."}
    add(document, "post", "/sub", "subDeviceData", "SubscriptionManagement", "SubscribeRequest", "SubscriptionAnswer", ["ownerFlag"])
    add(document, "get", "/rules", "queryRules", "RuleEngine", None, "RuleAnswer", ["author"], a_list=True)
    add(document, "get", "/news/{newsId}", "queryNews", "News", None, "RuleAnswer", ["appId"])
    push = json.loads(json.dumps(document["webhooks"]["commandRsp"]))
    push["post"]["requestBody"]["content"]["application/json"]["schema"] = reference("DeviceAddedPush")
    document["webhooks"]["deviceAdded"] = push
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        model = models.load(path)
    return model, surfaces.load(SURFACE, model)


def thing(**members: str) -> dict:
    """A schema with these members."""
    properties = {name: {"type": kind, "description": "It."} for name, kind in members.items()}
    return {"type": "object", "description": "A thing.", "required": [], "properties": properties}


def reference(name: str) -> dict:
    """A reference to a schema."""
    return {"$ref": f"{models.REFERENCE}{name}"}


def add(document, method, path, name, tag, body, answer, queries, a_list=False) -> None:
    """Adds an operation to a document."""
    variables = [one[1:-1] for one in path.split("/") if one.startswith("{")]
    text = {"type": "string"}
    operation = {
        "summary": "Do it", "operationId": name, "x-contract-name": name, "tags": [tag], "description": "Does it.", "security": [{"bearer": []}],
        "parameters": [{"name": one, "in": "path", "required": True, "description": "It.", "schema": text} for one in variables]
        + [{"name": one, "in": "query", "description": "It.", "schema": text} for one in queries],
        "x-section": "7.1", "x-success": 200,
    }
    if body:
        operation["requestBody"] = {"content": {"application/json": {"schema": reference(body)}}, "x-media": "application/json"}
    schema = {"type": "array", "items": reference(answer)} if a_list else reference(answer)
    document["components"]["responses"][f"{name}.200"] = {"content": {"application/json": {"schema": schema}}}
    document["paths"].setdefault(path, {})[method] = operation


def emitted(model: models.Model, surface: surfaces.Surface) -> dict[str, str]:
    """What all emitters make."""
    made: dict[str, str] = {}
    for emit, _ in program.EMITTERS:
        made.update(emit(model, surface))
    return made


class Generated(unittest.TestCase):
    """The files, their marks and the check."""

    def setUp(self) -> None:
        self.model = models.load(program.REPOSITORY / "openapi.json")
        self.surface = surfaces.load(SURFACE, self.model)

    def test_every_file_says_that_it_is_generated(self) -> None:
        for path, text in emitted(self.model, self.surface).items():
            self.assertIn(STAMP, text.split("\n")[0], path)

    def test_the_same_document_makes_the_same_files(self) -> None:
        self.assertEqual(emitted(self.model, self.surface), emitted(*self.again()))

    def again(self) -> tuple[models.Model, surfaces.Surface]:
        model = models.load(program.REPOSITORY / "openapi.json")
        return model, surfaces.load(SURFACE, model)

    def test_every_operation_has_a_method_in_java(self) -> None:
        named = {one.operation for one in self.surface.signatures("java") if not one.deprecated or self.model.operations[one.operation].deprecated}
        self.assertEqual(set(self.model.operations) - {"logoutAuthToken"}, named - {"logoutAuthToken"})
        self.assertGreater(len(named), 20)

    def test_a_changed_a_missing_and_a_stray_file_are_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "sdks").mkdir()
            (root / "openapi.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
            (root / "sdks" / "surface.json").write_text(SURFACE.read_text(encoding="utf-8"), encoding="utf-8")
            with mock.patch.object(program, "REPOSITORY", root):
                self.assertEqual(1, self.run_program("--check")[0])
                self.assertEqual(0, self.run_program()[0])
                self.assertEqual(0, self.run_program("--check")[0])
                changed = root / f"{SERVICES}/SignalDelivery.java"
                changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
                (root / f"{DTOS}/Stray.java").write_text("", encoding="utf-8")
                (root / f"{DTOS}/Tag2.java").unlink()
                status, said = self.run_program("--check")
                self.assertEqual(1, status)
                for name in ("SignalDelivery.java", "Stray.java", "Tag2.java"):
                    self.assertIn(name, said)
                self.assertEqual(0, self.run_program()[0])
                self.assertEqual(0, self.run_program("--check")[0])
            self.assertEqual(2, self.run_program("--what")[0])

    def run_program(self, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = program.main(list(arguments))
        return status, said.getvalue()


class Joining(unittest.TestCase):
    """Operations that join the server join the clients by regeneration."""

    def test_an_operation_of_the_vendors_comes_under_its_names(self) -> None:
        made = emitted(*joined())
        service = made[f"{SERVICES}/SubscriptionManagement.java"]
        self.assertIn("public SubscriptionDTO subDeviceData(SubDeviceDataInDTO sddInDTO, String ownerFlag, String accessToken)", service)
        self.assertIn('.query("ownerFlag", ownerFlag)', service)
        self.assertIn("private String callbackUrl;", made[f"{DTOS}/SubDeviceDataInDTO.java"])
        self.assertIn("public List<RuleDTO2> queryRules(QueryRulesInDTO2 qrInDTO, String accessToken)", made[f"{SERVICES}/RuleEngine.java"])
        self.assertIn("private String ruleId;", made[f"{DTOS}/RuleDTO2.java"])

    def test_an_operation_that_nobody_named_comes_under_its_own(self) -> None:
        made = emitted(*joined())
        self.assertIn("public QueryNewsOutDTO queryNews(String newsId, String appId, String accessToken)", made[f"{SERVICES}/News.java"])

    def test_a_push_gets_its_handler(self) -> None:
        handlers = emitted(*joined())[f"{SERVICES}/PushHandlers.java"]
        self.assertIn("public void handleDeviceAdded(NotifyDeviceAddedDTO body)", handlers)
        self.assertIn("case ServiceConstant.DEVICE_ADDED:", handlers)


class Names(unittest.TestCase):
    """Spellings."""

    def test_names_are_taken_apart_at_their_words(self) -> None:
        for name, wanted in {"callbackURL": "callback_url", "queryDeviceCommandV12": "query_device_command_v12", "isHD": "is_hd"}.items():
            self.assertEqual(wanted, snake(name))
        self.assertEqual("DeviceId", upper("deviceId"))


if __name__ == "__main__":
    unittest.main()
