"""Operations that join the document later join this layer by `make sdks`: here all that the vendor's SDK has join at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from platform_bed import REPOSITORY

import downlink.northbound

sys.path.insert(0, str(REPOSITORY / "sdks"))

from generate import model as models
from generate import python_compat
from generate import surface as surfaces

SURFACE = REPOSITORY / "sdks" / "surface.json"
VENDORS = {
    "DeviceManagement": """queryDeviceRealtimeLocation(qdrlInDTO, appId, accessToken) queryDeviceShadow(deviceId, appId, accessToken)
        modifyDeviceShadow(mdsInDTO, deviceId, appId, accessToken)""",
    "DataCollection": """queryDeviceDataHistory(qddhInDTO, accessToken) queryDeviceDesiredHistory(qddhInDTO, accessToken)
        queryDeviceCapabilities(qdcInDTO, accessToken)""",
    "SubscriptionManagement": """subDeviceBusinessData(sdbdInDTO, accessToken) subDeviceManagementData(sdmdInDTO, accessToken)
        querySingleSubscription(subscriptionId, appId, accessToken) queryBatchSubscriptions(qbsInDTO, accessToken)
        deleteSingleSubscription(subscriptionId, appId, accessToken) deleteBatchSubscriptions(dbsInDTO, accessToken)""",
    "BatchProcess": """createBatchTask(btcInDTO, accessToken) queryOneTask(taskId, select, appId, accessToken)
        queryTaskDetails(qtdInDTO, accessToken)""",
    "DeviceGroupManagement": """createDeviceGroup(cdgInDTO, accessToken) deleteDeviceGroup(devGroupId, accessAppId, accessToken)
        modifyDeviceGroup(mdgInDTO, devGroupId, accessAppId, accessToken) queryDeviceGroups(qdgInDTO, accessToken)
        querySingleDeviceGroup(devGroupId, accessAppId, accessToken) queryDeviceGroupMembers(qdgmInDTO, accessToken)
        addDevicesToGroup(dgwdlDTO, accessAppId, accessToken) deleteDevicesFromGroup(dgwdlDTO, accessAppId, accessToken)""",
    "DeviceUpgrade": """queryUpgradePackageList(quplInDTO, accessToken) queryUpgradePackage(fileId, accessToken)
        deleteUpgradePackage(fileId, accessToken) createSoftwareUpgradeTask(cutInDTO, accessToken)
        createFirmwareUpgradeTask(cutInDTO, accessToken) queryUpgradeTask(operationId, accessToken)
        queryUpgradeSubTask(qustInDTO, operationId, accessToken) queryUpgradeTaskList(qutlInDTO, accessToken)""",
    "RuleEngine": """createRule(ruleDTO, appId, accessToken) updateRule(ruleDTO, appId, accessToken) deleteRule(ruleId, appId, accessToken)
        queryRules(qrInDTO, accessToken) updateRuleStatus(ursInDTO, appId, accessToken)
        updateBatchRuleStatus(ubrsInDTO, appId, accessToken)""",
}
REFERENCE = "#/components/schemas/"


def grown() -> dict[str, Any]:
    """The document with every operation that the vendor's SDK has, their members made up."""
    document: dict[str, Any] = json.loads((REPOSITORY / "openapi.json").read_text())
    present = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    for name, entry in json.loads(SURFACE.read_text())["operations"].items():
        if name not in present and entry["python"]:
            add(document, name, entry)
    return document


def add(document: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    signature = re.fullmatch(r"(\S+) \w+\((.*)\)", entry["python"])
    assert signature is not None
    words = [part.split() for part in signature[2].split(", ")]
    asks = name.startswith("query") or name.startswith("deleteBatch")
    variables = [one[0] for one in words if len(one) == 1 and one[0].endswith("Id") and not one[0].lower().endswith("appid")]
    queries = [one[0] for one in words if len(one) == 1 and one[0] not in (*variables, "accessToken")]
    dto = next((one[0] for one in words if len(one) == 2), None)
    text = {"type": "string"}
    if dto and asks:
        queries += ["pageNo", "deviceType"]
    operation: dict[str, Any] = {
        "operationId": name,
        "x-contract-name": name,
        "tags": [entry["class"]],
        "x-section": "0",
        "summary": name,
        "description": "",
        "security": [{"bearer": []}],
        "parameters": [
            *({"name": one, "in": "path", "required": True, "schema": text} for one in variables),
            *({"name": one, "in": "query", "schema": text} for one in queries),
        ],
        "x-success": 200,
        "responses": {},
    }
    members: dict[str, Any] = {
        "deviceId": text,
        "timestamp": text,
        "from": text,
        "timeout": {"type": "integer", "description": "Minutes."},
        "command": {"$ref": f"{REFERENCE}Command"},
        "list": {"type": "array", "items": {"$ref": f"{REFERENCE}Command"}},
        "deviceIds": {"type": "array", "items": text},
        "param": {"type": "object", "additionalProperties": True},
    }
    schemas, answer = document["components"]["schemas"], {}
    if dto and not asks:
        schemas[f"{dto}Body"] = {"type": "object", "description": "A body.", "properties": members}
        content = {"application/json": {"schema": {"$ref": f"{REFERENCE}{dto}Body"}}}
        operation["requestBody"] = {"content": content, "x-media": "application/json"}
    if signature[1] != "void":
        result = re.sub(r"\W|List", "", signature[1])
        target = f"{result}Body" if result == dto or f"{result}Body" in schemas else f"{result}Answer"
        schemas.setdefault(target, {"type": "object", "description": "An answer.", "properties": members})
        reference = {"$ref": f"{REFERENCE}{target}"}
        answer = {"application/json": {"schema": {"type": "array", "items": reference} if "List" in signature[1] else reference}}
    document["components"]["responses"][f"{name}.200"] = {"description": "", "content": answer}
    method = "get" if asks else "post"
    document["paths"][f"/made/up/{name}/" + "/".join(f"{{{one}}}" for one in variables)] = {method: operation}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """This package with what a grown document makes, beside what is written by hand."""
    (tmp_path / "openapi.json").write_text(json.dumps(grown()))
    model = models.load(tmp_path / "openapi.json")
    made = python_compat.emit(model, surfaces.load(SURFACE, model))
    here = Path(str(downlink.northbound.__file__)).parent
    for path in here.rglob("*.py"):
        made.setdefault(f"{python_compat.ROOT}/{path.relative_to(here)}", path.read_text())
    for name, text in made.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / python_compat.ROOT


PROGRAM = """
import downlink, importlib, inspect, json, pathlib, sys
import downlink.northbound
downlink.northbound.__path__ = [sys.argv[1]]
for name in list(sys.modules):
    if name.startswith("downlink.northbound."):
        del sys.modules[name]
found = {}
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    relative = path.relative_to(sys.argv[1]).with_suffix("")
    importlib.import_module(".".join(["downlink.northbound", *relative.parts]).removesuffix(".__init__"))
for service in sys.argv[2:]:
    kind = getattr(importlib.import_module("downlink.northbound.client.invokeapi." + service), service)
    for name, method in vars(kind).items():
        if inspect.isfunction(method):
            found[service + "." + name] = ", ".join(list(inspect.signature(method).parameters)[1:])
from downlink.northbound import _calls
asked = []
_calls.perform = None
for service in sys.argv[2:]:
    module = importlib.import_module("downlink.northbound.client.invokeapi." + service)
    module.perform = lambda self, operation, result, token, **said: asked.append([operation, result.__name__, token, said])
from downlink.northbound.client.invokeapi.DeviceGroupManagement import DeviceGroupManagement
from downlink.northbound.client.invokeapi.RuleEngine import RuleEngine
from downlink.northbound.client.invokeapi.DeviceUpgrade import DeviceUpgrade
from downlink.northbound.client.dto.DeviceGroupWithDeviceListDTO import DeviceGroupWithDeviceListDTO
dto = DeviceGroupWithDeviceListDTO()
dto.deviceIds = ["d1"]
dto.setDevGroupId("g")
DeviceGroupManagement().addDevicesToGroup(dto, "other", "t")
RuleEngine().queryRules({"pageNo": "1"}, None)
DeviceUpgrade().queryUpgradeSubTask({"pageNo": 2, "operationId": "no"}, "o1", "t")
print(json.dumps([found, asked]))
"""


def test_every_operation_of_the_vendor_can_join(tree: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(tree), *VENDORS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, asked = json.loads(done.stdout)
    for service, methods in VENDORS.items():
        for name, parameters in re.findall(r"(\w+)\(([^)]*)\)", methods):
            assert found[f"{service}.{name}"] == parameters
    together, rules, tasks = asked
    assert together[:3] == ["addDevicesToGroup", "DeviceGroupWithDeviceListDTO", "t"]
    assert together[3]["query"] == {"accessAppId": "other"}
    assert together[3]["body"]["deviceIds"] == ["d1"] and together[3]["body"]["devGroupId"] == "g"
    assert rules == ["queryRules", "Answer", None, {"query": {"pageNo": "1"}}]
    assert tasks[3] == {"variables": {"operationId": "o1"}, "query": {"pageNo": 2}}


def test_an_operation_that_is_kept_by_hand_is_missed(tmp_path: Path) -> None:
    document = grown()
    document["paths"]["/made/up/login"] = {"post": {**next(iter(document["paths"].values()))["post"], "operationId": "another"}}
    document["components"]["responses"]["another.200"] = {"description": ""}
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    model = models.load(tmp_path / "openapi.json")
    with pytest.raises(ValueError, match="Authentication is written by hand, and lacks .'another'"):
        python_compat.emit(model, surfaces.load(SURFACE, model))
