//! The operations of the contract: names, methods, success statuses, and each one's own table of errors.

use http::{Method, StatusCode};

use crate::{Code, Invalid};

/// An operation of the northbound contract (Appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Login [2.1].
    GetAuthToken,
    /// New tokens for a refresh token [2.2].
    RefreshAuthToken,
    /// Ends an access token [2.3].
    LogoutAuthToken,
    /// Registration with a verification code [3.1].
    RegDirectDevice,
    /// Registration with a secret, for MQTT devices [3.2].
    RegDirectDeviceWithSecret,
    /// Has the device ever connected? [3.4]
    QueryDeviceStatus,
    /// Changes what is known of a device [3.5].
    ModifyDeviceInfo,
    /// Deletes a device [3.6].
    DeleteDirectDevice,
    /// Shows a device [4.1].
    QuerySingleDeviceInfo,
    /// Creates a command [5.2].
    PostDeviceCommand,
    /// Lists commands [5.3].
    QueryDeviceCommand,
    /// Cancels a command [5.4].
    UpdateDeviceCommand,
    /// Cancels all pending commands of a device [5.5].
    CreateDeviceCmdCancelTask,
    /// Lists cancel tasks [5.6].
    QueryDeviceCmdCancelTask,
    /// Calls a device directly [5.7].
    InvokeDeviceService,
}

/// A line of an operation's table of errors: one status, the codes sent with it.
pub type TableRow = (StatusCode, &'static [Code]);

impl Operation {
    /// Every operation, in the order of the contract.
    pub const ALL: &[Self] = &[
        Self::GetAuthToken,
        Self::RefreshAuthToken,
        Self::LogoutAuthToken,
        Self::RegDirectDevice,
        Self::RegDirectDeviceWithSecret,
        Self::QueryDeviceStatus,
        Self::ModifyDeviceInfo,
        Self::DeleteDirectDevice,
        Self::QuerySingleDeviceInfo,
        Self::PostDeviceCommand,
        Self::QueryDeviceCommand,
        Self::UpdateDeviceCommand,
        Self::CreateDeviceCmdCancelTask,
        Self::QueryDeviceCmdCancelTask,
        Self::InvokeDeviceService,
    ];

    /// The name in the vendor's SDKs; secret mode has none there and adds its version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetAuthToken => "getAuthToken",
            Self::RefreshAuthToken => "refreshAuthToken",
            Self::LogoutAuthToken => "logoutAuthToken",
            Self::RegDirectDevice => "regDirectDevice",
            Self::RegDirectDeviceWithSecret => "regDirectDevice v2.0.0",
            Self::QueryDeviceStatus => "queryDeviceStatus",
            Self::ModifyDeviceInfo => "modifyDeviceInfo",
            Self::DeleteDirectDevice => "deleteDirectDevice",
            Self::QuerySingleDeviceInfo => "querySingleDeviceInfo",
            Self::PostDeviceCommand => "postDeviceCommand",
            Self::QueryDeviceCommand => "queryDeviceCommand",
            Self::UpdateDeviceCommand => "updateDeviceCommand",
            Self::CreateDeviceCmdCancelTask => "createDeviceCmdCancelTask",
            Self::QueryDeviceCmdCancelTask => "queryDeviceCmdCancelTask",
            Self::InvokeDeviceService => "invokeDeviceService",
        }
    }

    /// The HTTP method.
    pub const fn method(self) -> Method {
        match self {
            Self::GetAuthToken
            | Self::RefreshAuthToken
            | Self::LogoutAuthToken
            | Self::RegDirectDevice
            | Self::RegDirectDeviceWithSecret
            | Self::PostDeviceCommand
            | Self::CreateDeviceCmdCancelTask
            | Self::InvokeDeviceService => Method::POST,
            Self::QueryDeviceStatus
            | Self::QuerySingleDeviceInfo
            | Self::QueryDeviceCommand
            | Self::QueryDeviceCmdCancelTask => Method::GET,
            Self::ModifyDeviceInfo | Self::UpdateDeviceCommand => Method::PUT,
            Self::DeleteDirectDevice => Method::DELETE,
        }
    }

    /// The exact status of success: several clients compare with `==` (Appendix A). 204 has no body.
    pub const fn success(self) -> StatusCode {
        match self {
            Self::GetAuthToken
            | Self::RefreshAuthToken
            | Self::RegDirectDevice
            | Self::RegDirectDeviceWithSecret
            | Self::QueryDeviceStatus
            | Self::QuerySingleDeviceInfo
            | Self::QueryDeviceCommand
            | Self::UpdateDeviceCommand
            | Self::QueryDeviceCmdCancelTask => StatusCode::OK,
            Self::PostDeviceCommand | Self::CreateDeviceCmdCancelTask => StatusCode::CREATED,
            Self::InvokeDeviceService => StatusCode::ACCEPTED,
            Self::LogoutAuthToken | Self::ModifyDeviceInfo | Self::DeleteDirectDevice => {
                StatusCode::NO_CONTENT
            }
        }
    }

    /// Whether `Authorization` and `app_key` are asked for: not by login, refresh and logout [1].
    pub const fn needs_token(self) -> bool {
        match self {
            Self::GetAuthToken | Self::RefreshAuthToken | Self::LogoutAuthToken => false,
            Self::RegDirectDevice
            | Self::RegDirectDeviceWithSecret
            | Self::QueryDeviceStatus
            | Self::ModifyDeviceInfo
            | Self::DeleteDirectDevice
            | Self::QuerySingleDeviceInfo
            | Self::PostDeviceCommand
            | Self::QueryDeviceCommand
            | Self::UpdateDeviceCommand
            | Self::CreateDeviceCmdCancelTask
            | Self::QueryDeviceCmdCancelTask
            | Self::InvokeDeviceService => true,
        }
    }

    /// The operation's own table of errors, in the order of the documentation. An operation whose table was never captured has its
    /// sibling's: logout has login's, secret mode has registration's, creating a cancel task has the query's (§16.2).
    pub const fn table(self) -> &'static [TableRow] {
        match self {
            Self::GetAuthToken | Self::RefreshAuthToken | Self::LogoutAuthToken => tables::AUTH,
            Self::RegDirectDevice | Self::RegDirectDeviceWithSecret => tables::REGISTER,
            Self::QueryDeviceStatus => tables::DEVICE_STATUS,
            Self::ModifyDeviceInfo => tables::DEVICE_MODIFY,
            Self::DeleteDirectDevice => tables::DEVICE_DELETE,
            Self::QuerySingleDeviceInfo => tables::DEVICE_QUERY,
            Self::PostDeviceCommand => tables::COMMAND_CREATE,
            Self::QueryDeviceCommand => tables::COMMAND_QUERY,
            Self::UpdateDeviceCommand => tables::COMMAND_UPDATE,
            Self::CreateDeviceCmdCancelTask | Self::QueryDeviceCmdCancelTask => tables::CANCEL_TASK,
            Self::InvokeDeviceService => tables::INVOKE,
        }
    }

    /// The documented status of a code in this operation: the first row that lists it (R3.1), else the code's own.
    pub fn documented_status(self, code: Code) -> StatusCode {
        let row = self.table().iter().find(|(_, codes)| codes.contains(&code));
        row.map_or(code.status_default(), |(status, _)| *status)
    }

    /// The code of a request whose shape is wrong: 100022 (R3.1, R3.9), but 102202 for login, refresh and logout, whose table has only
    /// that, and 100405 for the device query, likewise. A table's special code for one member goes first.
    pub fn invalid(self, invalid: &Invalid) -> Code {
        match (self, invalid.name()) {
            (Self::GetAuthToken | Self::RefreshAuthToken | Self::LogoutAuthToken, _) => {
                Code::MissingParameter
            }
            (Self::QuerySingleDeviceInfo, _) => Code::InvalidParameter,
            (Self::ModifyDeviceInfo, Some("isSecure")) => Code::InvalidIsSecure,
            (Self::RegDirectDevice, Some("verifyCode")) => Code::InvalidVerifyCode,
            (
                Self::RegDirectDevice
                | Self::RegDirectDeviceWithSecret
                | Self::QueryDeviceStatus
                | Self::ModifyDeviceInfo
                | Self::DeleteDirectDevice
                | Self::PostDeviceCommand
                | Self::QueryDeviceCommand
                | Self::UpdateDeviceCommand
                | Self::CreateDeviceCmdCancelTask
                | Self::QueryDeviceCmdCancelTask
                | Self::InvokeDeviceService,
                _,
            ) => Code::InvalidInput,
        }
    }

    /// The code of a device that does not exist: 100418 (R3.1), but 100403 where the operation's table has only that.
    pub const fn device_missing(self) -> Code {
        match self {
            Self::QueryDeviceStatus => Code::DeviceUnknown,
            Self::GetAuthToken
            | Self::RefreshAuthToken
            | Self::LogoutAuthToken
            | Self::RegDirectDevice
            | Self::RegDirectDeviceWithSecret
            | Self::ModifyDeviceInfo
            | Self::DeleteDirectDevice
            | Self::QuerySingleDeviceInfo
            | Self::PostDeviceCommand
            | Self::QueryDeviceCommand
            | Self::UpdateDeviceCommand
            | Self::CreateDeviceCmdCancelTask
            | Self::QueryDeviceCmdCancelTask
            | Self::InvokeDeviceService => Code::DeviceDataUnknown,
        }
    }

    /// The code of a failure inside: 100001 (R3.2), but 50252 where the operation's table has only that.
    pub const fn internal(self) -> Code {
        match self {
            Self::GetAuthToken
            | Self::RefreshAuthToken
            | Self::LogoutAuthToken
            | Self::QueryDeviceStatus
            | Self::ModifyDeviceInfo
            | Self::DeleteDirectDevice
            | Self::QuerySingleDeviceInfo => Code::InternalFault,
            Self::RegDirectDevice
            | Self::RegDirectDeviceWithSecret
            | Self::PostDeviceCommand
            | Self::QueryDeviceCommand
            | Self::UpdateDeviceCommand
            | Self::CreateDeviceCmdCancelTask
            | Self::QueryDeviceCmdCancelTask
            | Self::InvokeDeviceService => Code::Internal,
        }
    }
}

/// The tables as documented, a code under two statuses included: the first row wins.
mod tables {
    use http::StatusCode;

    use super::TableRow;
    use crate::Code::{
        AlreadyBound, AppFrozen, AppUnknown, AuthAppUnknown, BadRequest, CallbackUnreadable,
        CalledServiceUnknown, CommandMuted, CommandNameInvalid, CommandNotCancellable,
        CommandQueueFull, CommandUnknown, DeviceDataUnknown, DeviceLimit, DeviceOffline,
        DeviceUnknown, DeviceZombie, FlowControlled, FrozenDeviceLimit, GatewayOffline, Internal,
        InternalFault, InvalidInput, InvalidInputNewer, InvalidIsSecure, InvalidParameter,
        InvalidToken, InvalidVerifyCode, LicensePoolEmpty, LicenseSalesUnknown, LicenseUnknown,
        MissingParameter, NoAppKey, NodeIdDuplicated, NonSecureDeviceLimit, NotAuthorised,
        ProductUnknown, ServiceUnknown, SessionNotFound, StoredDataAbnormal, Throttled,
        WrongSecret,
    };

    const OK: StatusCode = StatusCode::OK;
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
    const FAULT: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

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
        (UNAUTHORIZED, &[AuthAppUnknown]),
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

    /// [3.4]
    pub(super) const DEVICE_STATUS: &[TableRow] = &[
        (
            FORBIDDEN,
            &[AppUnknown, NotAuthorised, Throttled, InvalidToken],
        ),
        (NOT_FOUND, &[DeviceUnknown]),
        (FAULT, &[AppUnknown, InternalFault]),
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
        (NOT_FOUND, &[DeviceUnknown, DeviceDataUnknown]),
        (FAULT, &[AppUnknown, NonSecureDeviceLimit, InternalFault]),
    ];

    /// [3.6]
    pub(super) const DEVICE_DELETE: &[TableRow] = &[
        (
            FORBIDDEN,
            &[AppUnknown, NotAuthorised, Throttled, InvalidToken],
        ),
        (NOT_FOUND, &[DeviceUnknown, DeviceDataUnknown]),
        (FAULT, &[AppUnknown, InternalFault]),
    ];

    /// [4.1]
    pub(super) const DEVICE_QUERY: &[TableRow] = &[
        (BAD, &[InvalidParameter]),
        (
            FORBIDDEN,
            &[AppUnknown, NotAuthorised, Throttled, InvalidToken],
        ),
        (NOT_FOUND, &[DeviceUnknown, DeviceDataUnknown]),
        (FAULT, &[AppUnknown, InternalFault]),
    ];

    /// [5.2]
    pub(super) const COMMAND_CREATE: &[TableRow] = &[
        (
            OK,
            &[
                AppUnknown,
                NotAuthorised,
                DeviceDataUnknown,
                DeviceOffline,
                ServiceUnknown,
            ],
        ),
        (BAD, &[InvalidInput, CommandQueueFull]),
        (
            FORBIDDEN,
            &[NotAuthorised, DeviceZombie, Throttled, InvalidToken],
        ),
        (
            FAULT,
            &[
                Internal,
                StoredDataAbnormal,
                NoAppKey,
                SessionNotFound,
                CallbackUnreadable,
            ],
        ),
        (BUSY, &[FlowControlled]),
    ];

    /// [5.3]: as [5.2] without 100223 and 100612.
    pub(super) const COMMAND_QUERY: &[TableRow] = &[
        (
            OK,
            &[
                AppUnknown,
                NotAuthorised,
                DeviceDataUnknown,
                DeviceOffline,
                ServiceUnknown,
            ],
        ),
        (BAD, &[InvalidInput]),
        (FORBIDDEN, &[NotAuthorised, Throttled, InvalidToken]),
        (
            FAULT,
            &[
                Internal,
                StoredDataAbnormal,
                NoAppKey,
                SessionNotFound,
                CallbackUnreadable,
            ],
        ),
        (BUSY, &[FlowControlled]),
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
        (
            FAULT,
            &[
                Internal,
                StoredDataAbnormal,
                NoAppKey,
                SessionNotFound,
                CallbackUnreadable,
            ],
        ),
        (BUSY, &[FlowControlled]),
    ];

    /// [5.6]; [5.5] too.
    pub(super) const CANCEL_TASK: &[TableRow] = &[
        (OK, &[AppUnknown, NotAuthorised, DeviceDataUnknown]),
        (BAD, &[InvalidInput]),
        (
            FORBIDDEN,
            &[AppUnknown, NotAuthorised, Throttled, InvalidToken],
        ),
        (FAULT, &[Internal, NoAppKey]),
        (BUSY, &[FlowControlled]),
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
        (BUSY, &[FlowControlled]),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented statuses that decide between clients, by operation name.
    #[test]
    fn r3_1_a_code_has_the_status_of_the_operations_own_table_and_its_first_row() {
        use Operation::{
            CreateDeviceCmdCancelTask as CancelTask, InvokeDeviceService as Invoke,
            ModifyDeviceInfo as Modify, PostDeviceCommand as Post, QueryDeviceStatus as Status,
            QuerySingleDeviceInfo as Single, RegDirectDevice as Register,
            UpdateDeviceCommand as Update,
        };
        for (operation, number, status) in [
            (Post, "100217", 200),
            (Post, "100203", 200),
            (Post, "100418", 200),
            (Post, "100431", 200),
            (Post, "100223", 400),
            (Post, "100612", 403),
            (Post, "101016", 500),
            (Post, "1010005", 403),
            (Update, "100434", 200),
            (Update, "100435", 200),
            (Update, "100022", 400),
            (Update, "100217", 200),
            (Update, "100220", 500),
            (Invoke, "100428", 200),
            (Invoke, "100432", 200),
            (Invoke, "102203", 400),
            (Invoke, "100450", 403),
            (Invoke, "100444", 404),
            (Invoke, "50252", 500),
            (Invoke, "100501", 503),
            (Register, "100203", 403),
            (Register, "100412", 500),
            (Register, "600002", 403),
            (Register, "100426", 400),
            (Register, "100022", 400),
            (Modify, "100203", 200),
            (Modify, "100418", 404),
            (Single, "100418", 404),
            (Single, "100405", 400),
            (Status, "100403", 404),
            (Status, "100203", 403),
            (CancelTask, "100418", 200),
            (Operation::QueryDeviceCmdCancelTask, "100203", 200),
            (Operation::QueryDeviceCommand, "100418", 200),
            (Operation::DeleteDirectDevice, "100418", 404),
            (Operation::DeleteDirectDevice, "100203", 403),
            (Operation::GetAuthToken, "100208", 401),
            (Operation::GetAuthToken, "102202", 400),
            (Operation::GetAuthToken, "1010009", 403),
            (Operation::GetAuthToken, "190413", 413),
        ] {
            let code = Code::from_number(number).unwrap();
            assert_eq!(
                operation.documented_status(code).as_u16(),
                status,
                "{} {number}",
                operation.name()
            );
        }
    }

    #[test]
    fn what_an_operation_answers_by_itself_stands_in_its_table_or_is_ruled() {
        let listed = |operation: Operation, code| {
            operation
                .table()
                .iter()
                .any(|(_, codes)| codes.contains(&code))
        };
        for &operation in Operation::ALL {
            assert!(
                listed(operation, operation.internal()),
                "{} internal",
                operation.name()
            );
            let has_device = operation
                .table()
                .iter()
                .any(|(_, codes)| codes.contains(&Code::DeviceUnknown))
                || listed(operation, Code::DeviceDataUnknown);
            if has_device {
                assert!(
                    listed(operation, operation.device_missing()),
                    "{} device",
                    operation.name()
                );
            }
        }
    }

    #[test]
    fn r3_9_a_wrong_shape_is_100022_unless_the_table_says_otherwise() {
        let invalid = |operation: Operation, member: &str| {
            operation
                .invalid(&Invalid::member(member, "is wrong"))
                .number()
        };
        assert_eq!(invalid(Operation::RegDirectDevice, "psk"), "100022");
        assert_eq!(
            invalid(Operation::RegDirectDeviceWithSecret, "secret"),
            "100022"
        );
        assert_eq!(invalid(Operation::RegDirectDevice, "verifyCode"), "100003");
        assert_eq!(invalid(Operation::ModifyDeviceInfo, "isSecure"), "100440");
        assert_eq!(invalid(Operation::ModifyDeviceInfo, "name"), "100022");
        assert_eq!(invalid(Operation::GetAuthToken, "appId"), "102202");
        assert_eq!(invalid(Operation::UpdateDeviceCommand, "status"), "100022");
        assert_eq!(
            invalid(Operation::InvokeDeviceService, "header.mode"),
            "100022"
        );
        assert_eq!(
            Operation::PostDeviceCommand
                .invalid(&Invalid::whole("no JSON"))
                .number(),
            "100022"
        );
    }
}
