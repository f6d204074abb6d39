"""An application that was written against the vendor's Python SDK: it queues, cancels and calls, and is told what became of it.

What has changed is the root of the imports, `com.huawei.iotplatform` to `downlink.northbound`, and that the receiver's handlers, which now
can be overridden, get the message. Run it with the folder of `resources/application.ini` and the id of a device that sleeps, then wake that:

    python northbound_application.py WORK_PATH DEVICE_ID
    downlink device play meter-1 --secret-file FILE --commands 2
"""

import json
import queue
import sys

from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO
from downlink.northbound.client.dto.CommandDTO import CommandDTO
from downlink.northbound.client.dto.NotifyCommandRspDTO import NotifyCommandRspDTO
from downlink.northbound.client.dto.NotifyMessageConfirmDTO import NotifyMessageConfirmDTO
from downlink.northbound.client.dto.NotifyNBCommandStatusChangedDTO import NotifyNBCommandStatusChangedDTO
from downlink.northbound.client.dto.PostDeviceCommandInDTO import PostDeviceCommandInDTO
from downlink.northbound.client.dto.UpdateDeviceCommandInDTO import UpdateDeviceCommandInDTO
from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.client.invokeapi.DeviceServiceInvocation import DeviceServiceInvocation
from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver
from downlink.northbound.client.invokeapi.SignalDelivery import SignalDelivery
from downlink.northbound.constant.Constant import Constant

told: "queue.Queue[str]" = queue.Queue()


class Receiver(PushMessageReceiver):
    def handleNBCommandStateChanged(self, body: NotifyNBCommandStatusChangedDTO) -> None:
        told.put(f"{body.commandId} {body.result.resultCode}")

    def handleMessageConfirm(self, body: NotifyMessageConfirmDTO) -> None:
        told.put(f"{body.header.requestId} {body.header.status}")

    def handleCommandRsp(self, body: NotifyCommandRspDTO) -> None:
        told.put(f"{body.header.requestId} answered {json.dumps(body.body)}")


def order(deviceId: str, value: int, callbackUrl: str) -> PostDeviceCommandInDTO:
    pdcInDTO = PostDeviceCommandInDTO()
    pdcInDTO.deviceId = deviceId
    pdcInDTO.command = {
        pdcInDTO.command.serviceId: "WaterMeter",
        pdcInDTO.command.method: "SET_PERIOD",
        pdcInDTO.command.paras: {"value": value},
    }
    pdcInDTO.setCallbackUrl(callbackUrl)
    return pdcInDTO


def expect(what: str) -> None:
    heard = told.get(timeout=60)
    print(heard, flush=True)
    assert heard == what, f"expected {what}"


def main(workPath: str, deviceId: str) -> None:
    Constant.workPath = workPath

    # get accessToken at first
    authOutDTO = AuthOutDTO()
    authOutDTO.setAccessToken(json.loads(Authentication().getAuthToken(Constant().clientInfo()))["accessToken"])
    accessToken = authOutDTO.getAccessToken()

    with Receiver().start() as receiver:
        delivery = SignalDelivery()

        # Two commands wait for the device; the second one is taken back.
        result: str = delivery.postDeviceCommand(order(deviceId, 12, receiver.url + "/cmd"), None, accessToken)
        first = json.loads(result)["commandId"]
        result = delivery.postDeviceCommand(order(deviceId, 13, receiver.url + "/cmd"), None, accessToken)
        second = json.loads(result)["commandId"]
        udcInDTO = UpdateDeviceCommandInDTO()
        udcInDTO.setStatus("CANCELED")
        result = delivery.updateDeviceCommand(udcInDTO, second, None, accessToken)
        assert json.loads(result)["status"] == "CANCELED", result

        # A second time that is refused, in the contract's words.
        result = delivery.updateDeviceCommand(udcInDTO, second, None, accessToken)
        print("refused: " + result)

        print("waiting for the device to wake", flush=True)
        expect(f"{first} SENT")
        expect(f"{first} DELIVERED")
        expect(f"{first} SUCCESSFUL")

        # It is awake: a direct call reaches it now.
        commandDTO = CommandDTO()
        commandDTO.header = {
            commandDTO.header.mode: "ACK",
            commandDTO.header.method: "SET_PERIOD",
            commandDTO.header.requestId: "call-1",
            commandDTO.header.callbackURL: receiver.url,
        }
        commandDTO.body = {"value": 14}
        result = DeviceServiceInvocation().invokeDeviceService(commandDTO, deviceId, "WaterMeter", None, accessToken)
        assert json.loads(result)["status"] == "sent", result
        expect("call-1 delivered")
        expect('call-1 answered {"result": 0}')
    print("all is as it should be")


if __name__ == "__main__":
    main(*sys.argv[1:])
