"""For applications that were written against the vendor's Python SDK.

The tree of modules is the vendor's, with another root: `com.huawei.iotplatform` becomes `downlink.northbound`, and nothing else in an
import changes:

    from downlink.northbound.client.invokeapi.SignalDelivery import SignalDelivery
    from downlink.northbound.client.dto.PostDeviceCommandInDTO import PostDeviceCommandInDTO
    from downlink.northbound.constant.Constant import Constant

Where it behaves otherwise, and why, is in `docs/migration.md`. An import of these modules prints nothing, writes nothing, reads no file
and configures no logging. New applications take `downlink` itself, which is typed and raises exceptions.
"""
