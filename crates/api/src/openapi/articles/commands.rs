//! Codes of commands and direct calls, and of requests whose shape is wrong.

use super::{Article, Who};
use crate::Operation;

pub(super) const INVALID_INPUT: Article = Article {
    causes: &[
        (
            Who::Listing,
            "A member, a key of the query or the id in the path is missing, too long, out of range or of the wrong type, or the body is no JSON: \
             `detail` names what and why. Also: `endTime` not after `startTime`, an `Idempotency-Key` that is not 1 to 255 visible ASCII \
             characters, a callback address that is malformed or a private address.",
        ),
        (
            Who::Only(&[
                Operation::RegDirectDevice,
                Operation::RegDirectDeviceWithSecret,
                Operation::RefreshDeviceKey,
                Operation::RefreshDeviceSecret,
                Operation::QueryDeviceStatus,
                Operation::DeleteDirectDevice,
            ]),
            "As above: this operation's own table has no code for it (R3.1, R3.9).",
        ),
        (
            Who::Only(&[
                Operation::PostDeviceCommand,
                Operation::PostDeviceCommandOld,
            ]),
            "The device's profile has no such command, or `paras` do not fit it.",
        ),
        (
            Who::Only(&[Operation::ModifyDeviceInfo]),
            "`productId` names no profile of this platform: a profile's is its deviceType, manufacturerId and model, joined by `_`.",
        ),
    ],
    never: &[],
    remedy: "Correct what `detail` names; the request changed nothing, and sent again as it is it will be refused again. Numbers and booleans may \
             be sent as strings and null stands for absent, so it is never that.",
};

pub(super) const INVALID_INPUT_NEWER: Article = Article {
    causes: &[(
        Who::Listing,
        "A member, a key of the query or the id in the path is missing, too long, out of range or of the wrong type, or the body is no JSON: \
         `detail` names what and why.",
    )],
    never: &[(
        &[
            Operation::RegDirectDevice,
            Operation::RegDirectDeviceWithSecret,
            Operation::RefreshDeviceKey,
            Operation::RefreshDeviceSecret,
            Operation::ModifyDeviceInfo,
        ],
        "the same fault is 100022 here, as everywhere (R3.1)",
    )],
    remedy: "Correct what `detail` names; the request changed nothing, and sent again as it is it will be refused again. Elsewhere the same fault \
             is 100022: treat both alike.",
};

pub(super) const COMMAND_QUEUE_FULL: Article = Article {
    causes: &[(
        Who::Listing,
        "The device has 20 PENDING commands, or too many open ones (R1.12): `detail` tells which.",
    )],
    never: &[],
    remedy: "Wait until the device has come for some of them, or cancel what is no longer wanted: `createDeviceCmdCancelTask` cancels all that are \
             pending. Then send it again; nothing was queued. A shorter `expireTime` keeps queues short by itself.",
};

pub(super) const DEVICE_OFFLINE: Article = Article {
    causes: &[(
        Who::Only(&[Operation::InvokeDeviceService]),
        "The device is not connected, or it is connected and has not subscribed to its command topic; then `detail` says so (R6.5).",
    )],
    never: &[
        (
            &[
                Operation::PostDeviceCommand,
                Operation::PostDeviceCommandOld,
            ],
            "a queued command waits for its device, and an immediate one that never reaches it ends in TIMEOUT (R1.5)",
        ),
        (
            &[Operation::UpdateDeviceCommand],
            "a cancel needs no device: the command of an offline device is cancelled, or refused with 100435, like any other (R3.2)",
        ),
        (
            &[
                Operation::QueryDeviceCommand,
                Operation::QueryDeviceCommandOld,
            ],
            "a list needs no device that is online",
        ),
    ],
    remedy: "Call again when the device is online, or queue the command with `postDeviceCommand`: it leaves by itself at the next contact. It is \
             certain that no byte left. `querySingleDeviceInfo` tells the status; if that is ONLINE, the device lacks its subscription.",
};

pub(super) const GATEWAY_OFFLINE: Article = Article {
    causes: &[(
        Who::Listing,
        "The device stands behind a gateway that cannot be reached now (R4.6, R8.2).",
    )],
    never: &[],
    remedy: "Look after the gateway: it, not the device, has lost its connection, and all of its children are concerned. Call again when it is \
             online; no byte left.",
};

pub(super) const SERVICE_UNKNOWN: Article = Article {
    causes: &[(
        Who::Listing,
        "The device's profile has no service with this `serviceId`. With `strict_profile`, a device without a profile is refused so too (R3.10).",
    )],
    never: &[
        (
            &[Operation::UpdateDeviceCommand],
            "a cancel looks at no service (R3.2)",
        ),
        (
            &[
                Operation::QueryDeviceCommand,
                Operation::QueryDeviceCommandOld,
            ],
            "a list looks at no service",
        ),
    ],
    remedy: "Compare `command.serviceId` with the profile, case included. If the profile is right and the device is not found in it, its \
             `manufacturerId`, `model` and `deviceType` name another profile: correct them with `modifyDeviceInfo`.",
};

pub(super) const CALLED_SERVICE_UNKNOWN: Article = Article {
    causes: &[(
        Who::Listing,
        "The device's profile has no service with the `serviceId` of the path, or `toType` is neither CLOUD nor GATEWAY; `detail` tells which. \
         With `strict_profile`, a device without a profile is refused so too (R3.10).",
    )],
    never: &[],
    remedy: "Compare the `serviceId` in the path with the profile, case included. DISCOVERY and REMOVE bypass the profile (R4.5).",
};

pub(super) const COMMAND_MUTED: Article = Article {
    causes: &[(
        Who::Only(&[
            Operation::InvokeDeviceService,
            Operation::PostDeviceCommand,
            Operation::PostDeviceCommandOld,
        ]),
        "The operator has muted this command for this service of the device (`downlink device mute-command`). What was queued before that goes on.",
    )],
    never: &[],
    remedy: "Do not repeat it: it is refused on purpose, and no byte left. `serviceInfo.muteCmds` of `querySingleDeviceInfo` lists what is muted; \
             ask the operator to lift it.",
};

pub(super) const COMMAND_UNKNOWN: Article = Article {
    causes: &[(
        Who::Listing,
        "There is no command with this id for the caller: it was never accepted, it is another application's, its grant does not cover it, or it \
         ended so long ago that it was forgotten (90 days).",
    )],
    never: &[],
    remedy: "Check the `commandId`: 32 hexadecimal digits, from the 201. If the 201 was lost, repeat the create under the same `Idempotency-Key` \
             and you get the command as it is now. For another application's command, name that one as `appId`.",
};

pub(super) const COMMAND_NOT_CANCELLABLE: Article = Article {
    causes: &[(
        Who::Listing,
        "The command has ended, or it is SENT or DELIVERED: the device may have it. Only PENDING commands can be cancelled (R1.3).",
    )],
    never: &[],
    remedy: "Read the command (`queryDeviceCommand`, or its callbacks) for what became of it; the refusal has not changed it. To undo a command \
             that was sent, send another one.",
};

pub(super) const COMMAND_NAME_INVALID: Article = Article {
    causes: &[(
        Who::Listing,
        "The called service has no command with this `header.method`, or the members of `body` do not fit it: `detail` names the faulty one.",
    )],
    never: &[],
    remedy: "Compare `header.method` and `body` with the profile. A `body` parameter may be sent as text where the profile has a number; it may \
             not be missing if the profile requires it, nor be out of its range.",
};

pub(super) const DEVICE_ZOMBIE: Article = Article {
    causes: &[(
        Who::Listing,
        "The device has been silent for 7 days: nothing is queued for it any more.",
    )],
    never: &[],
    remedy: "Look after the device: power, coverage, card. Its next contact of any kind ends this, and the same request is accepted again. \
             Nothing was queued.",
};

pub(super) const IDEMPOTENCY_KEY_CONFLICT: Article = Article {
    causes: &[(
        Who::Only(&[
            Operation::PostDeviceCommand,
            Operation::PostDeviceCommandOld,
            Operation::InvokeDeviceService,
        ]),
        "Within the last 24 h the application has used this `Idempotency-Key` for another request: another operation, path, `appId` or body \
         (R1.15).",
    )],
    never: &[],
    remedy: "If the request is a new one, give it a key of its own, a UUID for instance. If it is meant as a repeat, send exactly what was sent \
             the first time.",
};
