"""The tree of modules is the vendor's, and an import does nothing but import."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import downlink.northbound

VENDORS = """
client.NorthApiClient client.NorthApiException
client.invokeapi.Authentication client.invokeapi.DataCollection client.invokeapi.DeviceManagement
client.invokeapi.DeviceServiceInvocation client.invokeapi.PushMessageReceiver client.invokeapi.SignalDelivery
client.dto.AuthInDTO client.dto.AuthOutDTO client.dto.AuthRefreshInDTO client.dto.AuthRefreshOutDTO client.dto.ClientInfo
client.dto.CommandDTO client.dto.CommandDTOV4 client.dto.CommandNA2CloudHeader client.dto.CommandRspHeader
client.dto.CreateDeviceCmdCancelTaskInDTO client.dto.CreateDeviceCmdCancelTaskOutDTO client.dto.CustomField client.dto.DataConfigDTO
client.dto.DeviceCommandCancelTaskRespV4 client.dto.DeviceCommandRespV4 client.dto.DeviceConfigDTO client.dto.DeviceInfo
client.dto.DeviceInfoDTO client.dto.DeviceInfoDTO2 client.dto.DeviceService client.dto.InvokeDeviceServiceOutDTO client.dto.Location
client.dto.MessageConfirmHeader client.dto.ModifyDeviceInfoInDTO client.dto.NBCommandResult client.dto.NotifyCommandRspDTO
client.dto.NotifyMessageConfirmDTO client.dto.NotifyNBCommandStatusChangedDTO client.dto.Pagination client.dto.PostDeviceCommandInDTO
client.dto.PostDeviceCommandOutDTO client.dto.QueryBatchDevicesInfoInDTO client.dto.QueryBatchDevicesInfoOutDTO
client.dto.QueryDeviceCmdCancelTaskInDTO client.dto.QueryDeviceCmdCancelTaskOutDTO client.dto.QueryDeviceCommandInDTO
client.dto.QueryDeviceCommandOutDTO client.dto.QueryDeviceStatusOutDTO client.dto.QuerySingleDeviceInfoOutDTO
client.dto.RefreshDeviceKeyInDTO client.dto.RefreshDeviceKeyOutDTO client.dto.RegDirectDeviceInDTO client.dto.RegDirectDeviceOutDTO
client.dto.SSLConfig client.dto.ServiceInfo client.dto.TagDTO2 client.dto.UpdateDeviceCommandInDTO client.dto.UpdateDeviceCommandOutDTO
constant.Constant constant.RestConstant utils.DictUtil
""".split()

EVERY = [module.name for module in pkgutil.walk_packages(downlink.northbound.__path__, "downlink.northbound.")]


@pytest.mark.parametrize("path", VENDORS)
def test_a_module_of_the_vendors_holds_the_class_of_its_name(path: str) -> None:
    module = importlib.import_module(f"downlink.northbound.{path}")
    name = path.rpartition(".")[2]
    found = getattr(module, name)
    assert isinstance(found, type)
    assert found.__name__ == name
    assert found.__doc__


def test_the_log_lies_where_the_vendor_has_it() -> None:
    from downlink.northbound.utils.LogUtil import Log

    assert callable(Log().setLogConfig)


def test_an_import_prints_writes_and_configures_nothing(tmp_path: Path) -> None:
    program = "\n".join(
        [
            *(f"import {name}" for name in EVERY),
            "import json, logging, sys, threading",
            "print(json.dumps([len(logging.getLogger().handlers), threading.active_count(), 'requests' in sys.modules, 'flask' in sys.modules]))",
        ]
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, 1, False, False]
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_every_data_object_is_made_without_arguments() -> None:
    made = 0
    for name in EVERY:
        if ".client.dto." in name:
            kind = getattr(importlib.import_module(name), name.rpartition(".")[2])
            assert repr(kind())
            made += 1
    assert made >= 58
