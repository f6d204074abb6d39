//! The tables as documented, a code under two statuses included: the first row wins.

use http::StatusCode;

use super::TableRow;
use crate::Code::{
    AlreadyBound, AppFrozen, AppUnknown, AuthAppUnknown, BadRequest, CallbackUnreadable,
    CalledServiceUnknown, CommandMuted, CommandNameInvalid, CommandNotCancellable,
    CommandQueueFull, CommandUnknown, DeviceDataUnknown, DeviceInactive, DeviceLimit,
    DeviceOffline, DeviceOnline, DeviceUnknown, DeviceZombie, FlowControlled, FrozenDeviceLimit,
    GatewayAndPageMissing, GatewayOffline, GroupFull, GroupLimit, GroupNameTaken, GroupUnknown,
    Internal, InternalFault, InvalidInput, InvalidInputNewer, InvalidIsSecure, InvalidPage,
    InvalidParameter, InvalidToken, InvalidVerifyCode, LicensePoolEmpty, LicenseSalesUnknown,
    LicenseUnknown, MissingParameter, NoAppKey, NodeIdDuplicated, NonSecureDeviceLimit,
    NotAuthorised, ProductUnknown, ServiceUnknown, SessionNotFound, StoredDataAbnormal, Throttled,
    TooManyDevices, WrongSecret,
};

const OK: StatusCode = StatusCode::OK;
const BAD: StatusCode = StatusCode::BAD_REQUEST;
const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const FAULT: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// Rows that several tables share.
mod rows {
    use super::{
        AppUnknown, AuthAppUnknown, BUSY, CallbackUnreadable, DeviceDataUnknown, DeviceOffline,
        DeviceUnknown, FAULT, FORBIDDEN, FlowControlled, Internal, InternalFault, InvalidToken,
        NOT_FOUND, NoAppKey, NotAuthorised, OK, ServiceUnknown, SessionNotFound,
        StoredDataAbnormal, TableRow, Throttled, UNAUTHORIZED,
    };

    pub(super) const CALLER: TableRow = (
        FORBIDDEN,
        &[AppUnknown, NotAuthorised, Throttled, InvalidToken],
    );
    pub(super) const NO_DEVICE: TableRow = (NOT_FOUND, &[DeviceUnknown, DeviceDataUnknown]);
    pub(super) const NO_AUTH_APP: TableRow = (UNAUTHORIZED, &[AuthAppUnknown]);
    pub(super) const DEVICE_FAULT: TableRow = (FAULT, &[AppUnknown, InternalFault]);
    pub(super) const NO_COMMAND_TARGET: TableRow = (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            DeviceDataUnknown,
            DeviceOffline,
            ServiceUnknown,
        ],
    );
    pub(super) const COMMAND_FAULT: TableRow = (
        FAULT,
        &[
            Internal,
            StoredDataAbnormal,
            NoAppKey,
            SessionNotFound,
            CallbackUnreadable,
        ],
    );
    pub(super) const GATEWAY: TableRow = (FORBIDDEN, &[Throttled, InvalidToken]);
    pub(super) const GROUP_FAULT: TableRow = (FAULT, &[InternalFault]);
    pub(super) const CONGESTED: TableRow = (BUSY, &[FlowControlled]);
}

/// [2.1], [2.2]; logout too.
pub(super) const AUTH: &[TableRow] = &[
    (BAD, &[AppFrozen, MissingParameter]),
    (UNAUTHORIZED, &[WrongSecret]),
    (FAULT, &[InternalFault]),
];

/// [3.1]; secret mode too.
pub(super) const REGISTER: &[TableRow] = &[
    (OK, &[LicensePoolEmpty]),
    (
        BAD,
        &[
            InvalidVerifyCode,
            BadRequest,
            AlreadyBound,
            NodeIdDuplicated,
            InvalidInputNewer,
        ],
    ),
    rows::NO_AUTH_APP,
    (
        FORBIDDEN,
        &[
            AppUnknown,
            NotAuthorised,
            Throttled,
            InvalidToken,
            ProductUnknown,
        ],
    ),
    (
        FAULT,
        &[
            Internal,
            AppUnknown,
            DeviceLimit,
            NonSecureDeviceLimit,
            LicenseUnknown,
            LicenseSalesUnknown,
        ],
    ),
];

/// [3.3]; secret mode too.
pub(super) const REFRESH_KEY: &[TableRow] = &[
    (OK, &[NotAuthorised]),
    (
        BAD,
        &[
            InvalidVerifyCode,
            BadRequest,
            NodeIdDuplicated,
            DeviceInactive,
            DeviceOnline,
            InvalidInputNewer,
        ],
    ),
    rows::NO_AUTH_APP,
    rows::CALLER,
    rows::NO_DEVICE,
    (FAULT, &[InternalFault]),
];

/// [3.4]
pub(super) const DEVICE_STATUS: &[TableRow] = &[
    rows::CALLER,
    (NOT_FOUND, &[DeviceUnknown]),
    rows::DEVICE_FAULT,
];

/// [3.5]
pub(super) const DEVICE_MODIFY: &[TableRow] = &[
    (OK, &[AppUnknown]),
    (BAD, &[InvalidInput, InvalidIsSecure, InvalidInputNewer]),
    (
        FORBIDDEN,
        &[
            AppUnknown,
            NotAuthorised,
            Throttled,
            InvalidToken,
            FrozenDeviceLimit,
        ],
    ),
    rows::NO_DEVICE,
    (FAULT, &[AppUnknown, NonSecureDeviceLimit, InternalFault]),
];

/// [3.6]
pub(super) const DEVICE_DELETE: &[TableRow] = &[rows::CALLER, rows::NO_DEVICE, rows::DEVICE_FAULT];

/// [4.1]
pub(super) const DEVICE_QUERY: &[TableRow] = &[
    (BAD, &[InvalidParameter]),
    rows::CALLER,
    rows::NO_DEVICE,
    rows::DEVICE_FAULT,
];

/// [4.2]
pub(super) const DEVICE_LIST: &[TableRow] = &[
    (BAD, &[InvalidPage, GatewayAndPageMissing, InvalidParameter]),
    rows::CALLER,
    rows::DEVICE_FAULT,
];

/// [5.2]
pub(super) const COMMAND_CREATE: &[TableRow] = &[
    rows::NO_COMMAND_TARGET,
    (BAD, &[InvalidInput, CommandQueueFull]),
    (
        FORBIDDEN,
        &[NotAuthorised, DeviceZombie, Throttled, InvalidToken],
    ),
    rows::COMMAND_FAULT,
    rows::CONGESTED,
];

/// [5.3]: as [5.2] without 100223 and 100612.
pub(super) const COMMAND_QUERY: &[TableRow] = &[
    rows::NO_COMMAND_TARGET,
    (BAD, &[InvalidInput]),
    (FORBIDDEN, &[NotAuthorised, Throttled, InvalidToken]),
    rows::COMMAND_FAULT,
    rows::CONGESTED,
];

/// [5.4], DOC-JAVA.
pub(super) const COMMAND_UPDATE: &[TableRow] = &[
    (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            DeviceDataUnknown,
            DeviceOffline,
            ServiceUnknown,
            CommandUnknown,
            CommandNotCancellable,
        ],
    ),
    (BAD, &[InvalidInput]),
    (FORBIDDEN, &[Throttled, InvalidToken]),
    rows::COMMAND_FAULT,
    rows::CONGESTED,
];

/// [5.6]; [5.5] too.
pub(super) const CANCEL_TASK: &[TableRow] = &[
    (OK, &[AppUnknown, NotAuthorised, DeviceDataUnknown]),
    (BAD, &[InvalidInput]),
    rows::CALLER,
    (FAULT, &[Internal, NoAppKey]),
    rows::CONGESTED,
];

/// [5.7], DOC-PY.
pub(super) const INVOKE: &[TableRow] = &[
    (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            DeviceDataUnknown,
            DeviceOffline,
            CommandMuted,
        ],
    ),
    (BAD, &[InvalidInput, CommandNameInvalid]),
    (FORBIDDEN, &[GatewayOffline, Throttled, InvalidToken]),
    (NOT_FOUND, &[CalledServiceUnknown]),
    (FAULT, &[Internal, StoredDataAbnormal, InternalFault]),
    rows::CONGESTED,
];

/// [10]
pub(super) const GROUP_CREATE: &[TableRow] = &[
    (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            DeviceDataUnknown,
            GroupNameTaken,
            GroupLimit,
        ],
    ),
    (BAD, &[TooManyDevices, InvalidInputNewer]),
    rows::GATEWAY,
    rows::GROUP_FAULT,
];

/// [10]
pub(super) const GROUP_MODIFY: &[TableRow] = &[
    (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            GroupFull,
            GroupNameTaken,
            GroupUnknown,
        ],
    ),
    (BAD, &[InvalidInputNewer]),
    rows::GATEWAY,
    rows::GROUP_FAULT,
];

/// One group [10].
pub(super) const GROUP: &[TableRow] = &[
    (OK, &[AppUnknown, NotAuthorised, GroupUnknown]),
    (BAD, &[InvalidInputNewer]),
    rows::GATEWAY,
    rows::GROUP_FAULT,
];

/// Many groups [10].
pub(super) const GROUP_LIST: &[TableRow] = &[
    (OK, &[AppUnknown, NotAuthorised]),
    (BAD, &[InvalidInputNewer]),
    rows::GATEWAY,
    rows::GROUP_FAULT,
];

/// The devices of a group [10].
pub(super) const GROUP_DEVICES: &[TableRow] = &[
    (
        OK,
        &[
            AppUnknown,
            NotAuthorised,
            DeviceDataUnknown,
            GroupFull,
            GroupUnknown,
        ],
    ),
    (BAD, &[TooManyDevices, InvalidInputNewer]),
    rows::GATEWAY,
    rows::GROUP_FAULT,
];
