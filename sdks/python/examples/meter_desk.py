"""A desk that looks after one water meter: it queues a command, takes another one back, and calls the meter while it is awake.

It is told what becomes of all that, and ends once the first command and the call have ended. Settings come from the environment:

    DOWNLINK_URL, DOWNLINK_APP, DOWNLINK_SECRET, DOWNLINK_DEVICE    the platform, the application, the meter
    DOWNLINK_CA                                                     the platform's own CA, if it has one
    DOWNLINK_WEBHOOK_SECRET                                         with which callbacks are signed
"""

from __future__ import annotations

import os
import queue

import downlink
from downlink import Command, CommandRsp, CommandStatus, ErrorCode, InvokeHeader, MessageConfirm, Mode, StatusCallback, ToType
from downlink.webhook import Event, Receiver, Verifier

CALL = "desk-1"
"""By this id the callbacks of the call are known."""

ENDED = {CommandStatus.SUCCESSFUL, CommandStatus.FAILED, CommandStatus.TIMEOUT, CommandStatus.EXPIRED}


def main() -> None:
    events: queue.Queue[Event] = queue.Queue()
    # A server that stands elsewhere needs an address that the platform reaches, behind something that speaks TLS.
    with Receiver(Verifier(os.environ["DOWNLINK_WEBHOOK_SECRET"]), events.put) as receiver, connected() as client:
        desk = Desk(client, os.environ["DOWNLINK_DEVICE"], receiver.url)
        desk.order()
        while not desk.is_done:
            desk.hear(events.get(timeout=600))


def connected() -> downlink.Client:
    """The client; it tries again what passes by itself."""
    return downlink.Client(
        os.environ["DOWNLINK_URL"],
        os.environ["DOWNLINK_APP"],
        os.environ["DOWNLINK_SECRET"],
        ca=os.environ.get("DOWNLINK_CA"),
        retry=downlink.Retry(),
    )


class Desk:
    """What is going on with one meter."""

    def __init__(self, client: downlink.Client, meter: str, callbacks: str):
        self.client, self.meter, self.callbacks = client, meter, callbacks
        self.period = ""
        self.open = {"period", "call"}
        self.called = False

    @property
    def is_done(self) -> bool:
        """Whether everything has ended."""
        return not self.open

    def order(self) -> None:
        """Queues two commands, and takes the second one back."""
        period = Command("WaterMeter", "SET_PERIOD", {"value": 12})
        self.period = self.client.post_device_command(self.meter, period, callback_url=self.callbacks, expire_time=3600).command_id
        close = self.client.post_device_command(self.meter, Command("WaterMeter", "CLOSE_VALVE"), callback_url=self.callbacks)
        cancelled = self.client.update_device_command(close.command_id)
        say(f"the valve stays open: {cancelled.status}")
        say("the period waits for the meter")

    def hear(self, event: Event) -> None:
        """Takes a callback."""
        told = event.callback
        if isinstance(told, StatusCallback) and told.command_id == self.period:
            say(f"the period is {told.result.result_code}")
            if told.result.result_code in ENDED:
                self.open.discard("period")
            elif not self.called:
                # What has been sent shows that the meter is awake.
                self.call()
        elif isinstance(told, MessageConfirm):
            say("the meter has heard the call")
        elif isinstance(told, CommandRsp):
            say(f"the meter has answered the call: {told.body}")
            self.open.discard("call")

    def call(self) -> None:
        """Calls the meter, now or never."""
        header = InvokeHeader(
            mode=Mode.ACK, method="SET_PRESSURE_READ_PERIOD", request_id=CALL, to_type=ToType.GATEWAY, callback_url=self.callbacks
        )
        try:
            answer = self.client.invoke_device_service(self.meter, "WaterMeter", header, body={"value": 5})
        except downlink.ContractError as error:
            if error.code != ErrorCode.DEVICE_OFFLINE:
                raise
            say("the meter sleeps again; it is called another time")
            return
        self.called = True
        say(f"the call is {answer.status}")


def say(text: str) -> None:
    """Prints it at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
