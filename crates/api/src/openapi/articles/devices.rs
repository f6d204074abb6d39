//! Codes of devices: registration, information, limits.

use super::{Article, Who};
use crate::Operation;

pub(super) const INVALID_VERIFY_CODE: Article = Article {
    causes: &[(
        Who::Listing,
        "`verifyCode` is no text of at most 256 characters.",
    )],
    never: &[(
        &[
            Operation::RegDirectDeviceWithSecret,
            Operation::RefreshDeviceSecret,
        ],
        "a request of secret mode has no `verifyCode`",
    )],
    remedy: "Send a text, the device's IMEI or serial number for instance, or leave it away and take the one in the answer.",
};

pub(super) const DEVICE_UNKNOWN: Article = Article {
    causes: &[(
        Who::Only(&[Operation::QueryDeviceStatus]),
        "The application has no device with this id, it was deleted, it was not bound in time and its registration is gone, or the caller's grant \
         does not cover it.",
    )],
    never: &[(
        &[
            Operation::RefreshDeviceKey,
            Operation::RefreshDeviceSecret,
            Operation::ModifyDeviceInfo,
            Operation::DeleteDirectDevice,
            Operation::QuerySingleDeviceInfo,
        ],
        "the table lists 100418 too, and that is sent (R3.1)",
    )],
    remedy: "Check the id: it is the `deviceId` of the registration's answer, not the `nodeId`. If the device never made its first contact \
             within `timeout` seconds, register it again.",
};

pub(super) const DEVICE_DATA_UNKNOWN: Article = Article {
    causes: &[
        (
            Who::Listing,
            "The application has no device with this id, it was deleted, it was not bound in time and its registration is gone, or the caller's \
             grant does not cover it. A filter by `deviceId` is judged likewise; commands of a deleted device stay readable (R1.11).",
        ),
        (
            Who::Only(&[Operation::CreateDeviceGroup, Operation::AddDevicesToGroup]),
            "One of `deviceIds` is no device of the application whose group it is: `detail` names it, and none was put in.",
        ),
    ],
    never: &[
        (
            &[Operation::UpdateDeviceCommand],
            "a cancel needs no device: an unknown command is 100434, and the commands of a deleted device have ended",
        ),
        (
            &[Operation::DeleteDevicesFromGroup],
            "what is not in the group is passed over, and so is what is no device",
        ),
    ],
    remedy: "Check the id: it is the `deviceId` of the registration's answer, not the `nodeId`. For a device of another application, name that \
             one as `appId` and see that its grant covers the device. If the device never made its first contact within `timeout` seconds, \
             register it again.",
};

pub(super) const INVALID_PARAMETER: Article = Article {
    causes: &[(
        Who::Listing,
        "A key of the query or the id in the path is not as it must be: `detail` names it.",
    )],
    never: &[],
    remedy: "Correct what `detail` names. Keys that nobody knows are ignored, so a misspelt key is no error but has no effect either.",
};

pub(super) const DEVICE_LIMIT: Article = Article {
    causes: &[(
        Who::Listing,
        "The platform has as many devices as its operator allows.",
    )],
    never: &[],
    remedy: "Delete devices that are no longer there, or ask the operator for more room. Registering again later helps only if one of the two \
             has happened.",
};

pub(super) const NON_SECURE_DEVICE_LIMIT: Article = Article {
    causes: &[(
        Who::Listing,
        "The platform has as many devices without `isSecure` as its operator allows.",
    )],
    never: &[],
    remedy: "Register the device with `isSecure` true and let it connect over DTLS, or ask the operator for more room.",
};

pub(super) const FROZEN_DEVICE_LIMIT: Article = Article {
    causes: &[],
    never: &[(
        &[Operation::ModifyDeviceInfo],
        "a frozen device costs no more than another one, so their number has no limit",
    )],
    remedy: "Nothing: it is not sent.",
};

pub(super) const ALREADY_BOUND: Article = Article {
    causes: &[(
        Who::Listing,
        "The application has registered a device with this `nodeId`, and it has been in contact since.",
    )],
    never: &[],
    remedy: "The device is there: use it, or delete it and register anew. Nothing of the existing registration has changed.",
};

pub(super) const NODE_ID_DUPLICATED: Article = Article {
    causes: &[(
        Who::Listing,
        "Another device of the platform has this `nodeId`: it is unique over all applications (R3.9).",
    )],
    never: &[(
        &[Operation::RefreshDeviceSecret],
        "its request names no `nodeId`",
    )],
    remedy: "If it is a repeat of a registration whose answer was lost, the device is registered: find it, or delete it and register anew. \
             Otherwise two devices claim one mark: look at their labels.",
};

pub(super) const INVALID_IS_SECURE: Article = Article {
    causes: &[(Who::Listing, "`isSecure` is neither true nor false.")],
    never: &[],
    remedy: "Send a JSON boolean. The words `TRUE` and `FALSE` are read in any case.",
};

pub(super) const PRODUCT_UNKNOWN: Article = Article {
    causes: &[(
        Who::Listing,
        "`productId` names no profile of this platform: a profile's is its deviceType, manufacturerId and model, joined by `_`.",
    )],
    never: &[],
    remedy: "Ask the operator for the profile (`downlink profile list`), or name it by `manufacturerId`, `model` and `deviceType` instead: a \
             profile that is added later is then found by itself.",
};

pub(super) const DEVICE_INACTIVE: Article = Article {
    causes: &[(
        Who::Listing,
        "The device has never connected, or not since its credentials were refreshed last: there is nothing to refresh yet.",
    )],
    never: &[],
    remedy: "Let the device connect with the credentials it has. If those are lost, delete the device and register it anew.",
};

pub(super) const DEVICE_ONLINE: Article = Article {
    causes: &[(
        Who::Listing,
        "The device is connected: its credentials can be refreshed only while it is offline.",
    )],
    never: &[],
    remedy: "Wait until it is offline, or switch it off, and send the request again. Nothing has changed: its credentials hold.",
};

pub(super) const INVALID_PAGE: Article = Article {
    causes: &[(
        Who::Listing,
        "`pageNo` or `pageSize` is no number or out of its range: `detail` names it.",
    )],
    never: &[],
    remedy: "Pages count from 0 and have 1 to 250 devices. To read a long list, ask for page after page until one is not full.",
};

pub(super) const GATEWAY_AND_PAGE_MISSING: Article = Article {
    causes: &[(
        Who::Listing,
        "The query has neither `pageNo` nor `gatewayId`: the platform does not list all devices at once.",
    )],
    never: &[],
    remedy: "Send `pageNo` (0 is the first page), or the `gatewayId` whose devices are wanted.",
};
