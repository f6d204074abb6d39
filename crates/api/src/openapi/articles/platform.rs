//! Codes of the platform itself: failures inside, overload, requests that are none.

use super::{Article, Who};
use crate::Operation;

pub(super) const INTERNAL: Article = Article {
    causes: &[(
        Who::Failing,
        "Something inside failed that no other code names, such as a read of the database. The log has a line with the cause and the \
         `x-request-id` of the answer.",
    )],
    never: &[],
    remedy: "Nobody knows whether the request took effect. After a create, look first (`queryDeviceCommand`), or repeat it under the same \
             `Idempotency-Key`: then at most one command comes of it. Everything else can simply be sent again, with a growing pause. If it \
             stays, give the operator the `x-request-id`.",
};

pub(super) const INTERNAL_FAULT: Article = Article {
    causes: &[
        (
            Who::Failing,
            "Something inside failed: this operation's table has 50252 where others have 100001. The log has a line with the cause and the \
             `x-request-id` of the answer.",
        ),
        (
            Who::Only(&[Operation::InvokeDeviceService]),
            "The link failed while it took over the frame, or the call cannot be written for this device: the call is FAILED (R4.6). `detail` \
             says that no byte left, where that is certain.",
        ),
    ],
    never: &[],
    remedy: "A direct call that ended so did not reach the device when `detail` says that no byte left: call again. Otherwise look before you \
             repeat what must not happen twice. Reads can simply be sent again. If it stays, give the operator the `x-request-id`.",
};

pub(super) const STORED_DATA_ABNORMAL: Article = Article {
    causes: &[(
        Who::WithToken,
        "A row of the database does not decode: a device, a command or a report that the request needs. It was damaged, or written by a newer \
         version.",
    )],
    never: &[],
    remedy: "Repeating does not help; other devices and commands are not concerned. Give the operator the `x-request-id` of the answer: the log \
             names the row.",
};

pub(super) const SESSION_NOT_FOUND: Article = Article {
    causes: &[(
        Who::Only(&[
            Operation::PostDeviceCommand,
            Operation::PostDeviceCommandOld,
            Operation::UpdateDeviceCommand,
            Operation::InvokeDeviceService,
        ]),
        "The session that holds the device was not found in time. On one node this comes from the fault `session-lookup` only (R9.2).",
    )],
    never: &[(
        &[
            Operation::QueryDeviceCommand,
            Operation::QueryDeviceCommandOld,
        ],
        "a list asks no session",
    )],
    remedy: "Send it again after a moment. After a create look first, or repeat it under the same `Idempotency-Key`.",
};

pub(super) const CALLBACK_UNREADABLE: Article = Article {
    causes: &[(
        Who::Only(&[
            Operation::PostDeviceCommand,
            Operation::PostDeviceCommandOld,
            Operation::QueryDeviceCommand,
            Operation::QueryDeviceCommandOld,
            Operation::UpdateDeviceCommand,
            Operation::InvokeDeviceService,
        ]),
        "The callback address that is stored with the command cannot be read.",
    )],
    never: &[],
    remedy: "Repeating does not help. Give the operator the `x-request-id`; a new command with its `callbackUrl` is not concerned.",
};

pub(super) const FLOW_CONTROLLED: Article = Article {
    causes: &[
        (
            Who::Every,
            "More requests are being worked on than the platform takes at once, or too many logins wait for their turn. Nothing was taken on; \
             the header `Retry-After` says when to come again, in seconds.",
        ),
        (
            Who::Only(&[
                Operation::RegDirectDevice,
                Operation::RegDirectDeviceWithSecret,
                Operation::PostDeviceCommand,
                Operation::PostDeviceCommandOld,
                Operation::InvokeDeviceService,
                Operation::CreateDeviceGroup,
                Operation::AddDevicesToGroup,
            ]),
            "Less than 64 MB of disk space are free: what creates something is refused, while cancels, queries and the answers of devices go on \
             (R2.5).",
        ),
        (
            Who::Only(&[Operation::InvokeDeviceService]),
            "The device has too many open commands (R1.12).",
        ),
    ],
    never: &[],
    remedy: "Wait as long as `Retry-After` says, then send the same request again, with a growing pause and some jitter. It is certain that \
             nothing happened. If it lasts for minutes, look at the platform's disk and at `/metrics`.",
};

pub(super) const NO_SUCH_PATH: Article = Article {
    causes: &[],
    never: &[],
    remedy: "Compare the address with the operation's page: version, spelling and number of segments count, a trailing or double slash does not. \
             A part of the contract that is not served yet answers so too. Belongs to no operation.",
};

pub(super) const METHOD_NOT_ALLOWED: Article = Article {
    causes: &[],
    never: &[],
    remedy: "The header `Allow` lists the methods of this address. One client family cancels commands with GET by mistake: the method is PUT. \
             Belongs to no operation.",
};

pub(super) const REQUEST_TOO_SLOW: Article = Article {
    causes: &[(
        Who::Every,
        "The head or the body of the request did not arrive in time; `detail` says within how many seconds. The connection ends.",
    )],
    never: &[],
    remedy: "Send it again on a new connection. If it happens often, a proxy in between holds requests back, or the client announces a longer \
             body (`Content-Length`) than it sends.",
};

pub(super) const BODY_TOO_LARGE: Article = Article {
    causes: &[(
        Who::Every,
        "The body is larger than the platform takes; `detail` names the limit in bytes. The connection ends.",
    )],
    never: &[],
    remedy: "Send less: nothing in the contract needs so much. The operator can raise the limit.",
};

pub(super) const BAD_REQUEST: Article = Article {
    causes: &[
        (
            Who::Listing,
            "The body is no JSON object: `detail` says where it goes wrong. Operations whose table lacks this code say 100022 instead, or 102202.",
        ),
        (
            Who::Every,
            "The request is no sound HTTP, or its body ended before it was whole.",
        ),
    ],
    never: &[],
    remedy: "Send one JSON object, in UTF-8. If what was sent is sound, it was cut off on its way: look at the client's `Content-Length` and at \
             proxies in between, and send it again.",
};

pub(super) const LICENSE: Article = Article {
    causes: &[],
    never: &[(
        &[
            Operation::RegDirectDevice,
            Operation::RegDirectDeviceWithSecret,
        ],
        "Downlink knows no licences",
    )],
    remedy: "Never sent here. A client of the old platform may keep its branch for it.",
};

pub(super) const LICENSE_SALES: Article = LICENSE;
pub(super) const LICENSE_POOL: Article = LICENSE;
