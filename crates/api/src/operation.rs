//! The operations of the contract: names, methods, success statuses, and each one's own table of errors.

mod tables;

use http::{Method, StatusCode};

use crate::{Code, Invalid};

/// A line of an operation's table of errors: one status, the codes sent with it.
pub type TableRow = (StatusCode, &'static [Code]);

/// Each operation once: its documentation, its name, its method, its status of success, its table of errors.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $operation:ident = $name:literal $method:ident $success:ident $table:ident;)+) => {
        /// An operation of the northbound contract (Appendix A).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $( $(#[doc = $doc])+ $operation, )+
        }

        impl Operation {
            /// Every operation, in the order of the contract.
            pub const ALL: &[Self] = &[ $( Self::$operation, )+ ];

            /// The name in the vendor's SDKs; a form that has none there adds its version.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$operation => $name, )+ }
            }

            /// The HTTP method.
            pub const fn method(self) -> Method {
                match self { $( Self::$operation => Method::$method, )+ }
            }

            /// The exact status of success: several clients compare with `==` (Appendix A). 204 has no body.
            pub const fn success(self) -> StatusCode {
                match self { $( Self::$operation => StatusCode::$success, )+ }
            }

            /// The operation's own table of errors, in the order of the documentation. An operation whose table was never captured
            /// has its sibling's: logout has login's, secret mode has verification code mode's, creating a cancel task has the
            /// query's, the command API of 2017 has that of today; of device groups, queries and deletion have the rows of the change that
            /// concern them, and putting in and taking out share one (§16.2).
            pub const fn table(self) -> &'static [TableRow] {
                match self { $( Self::$operation => tables::$table, )+ }
            }
        }
    };
}

operations! {
    /// Login [2.1].
    GetAuthToken = "getAuthToken" POST OK AUTH;
    /// New tokens for a refresh token [2.2].
    RefreshAuthToken = "refreshAuthToken" POST OK AUTH;
    /// Ends an access token [2.3].
    LogoutAuthToken = "logoutAuthToken" POST NO_CONTENT AUTH;
    /// Registration with a verification code [3.1].
    RegDirectDevice = "regDirectDevice" POST OK REGISTER;
    /// Registration with a secret, for MQTT devices [3.2].
    RegDirectDeviceWithSecret = "regDirectDevice v2.0.0" POST OK REGISTER;
    /// A new verification code: the device binds again [3.3].
    RefreshDeviceKey = "refreshDeviceKey" PUT OK REFRESH_KEY;
    /// A new secret: the device binds again [3.3].
    RefreshDeviceSecret = "refreshDeviceKey v2.0.0" PUT OK REFRESH_KEY;
    /// Has the device ever connected? [3.4]
    QueryDeviceStatus = "queryDeviceStatus" GET OK DEVICE_STATUS;
    /// Changes what is known of a device [3.5].
    ModifyDeviceInfo = "modifyDeviceInfo" PUT NO_CONTENT DEVICE_MODIFY;
    /// Deletes a device [3.6].
    DeleteDirectDevice = "deleteDirectDevice" DELETE NO_CONTENT DEVICE_DELETE;
    /// Shows a device [4.1].
    QuerySingleDeviceInfo = "querySingleDeviceInfo" GET OK DEVICE_QUERY;
    /// Lists devices [4.2].
    QueryBatchDevicesInfo = "queryBatchDevicesInfo" GET OK DEVICE_LIST;
    /// Creates a command [5.2].
    PostDeviceCommand = "postDeviceCommand" POST CREATED COMMAND_CREATE;
    /// Lists commands [5.3].
    QueryDeviceCommand = "queryDeviceCommand" GET OK COMMAND_QUERY;
    /// Cancels a command [5.4].
    UpdateDeviceCommand = "updateDeviceCommand" PUT OK COMMAND_UPDATE;
    /// Cancels all pending commands of a device [5.5].
    CreateDeviceCmdCancelTask = "createDeviceCmdCancelTask" POST CREATED CANCEL_TASK;
    /// Lists cancel tasks [5.6].
    QueryDeviceCmdCancelTask = "queryDeviceCmdCancelTask" GET OK CANCEL_TASK;
    /// Calls a device directly [5.7].
    InvokeDeviceService = "invokeDeviceService" POST ACCEPTED INVOKE;
    /// Creates a command, as in 2017 [5.8].
    PostDeviceCommandOld = "postDeviceCommand v1.2.0" POST CREATED COMMAND_CREATE;
    /// Lists the commands of a device, as in 2017 [5.8].
    QueryDeviceCommandOld = "queryDeviceCommand v1.2.0" GET OK COMMAND_QUERY;
    /// Cancels all pending commands of a device, as in 2017 [5.8].
    CancelDeviceCommandOld = "createDeviceCmdCancelTask v1.2.0" POST OK CANCEL_TASK;
    /// Creates a device group [10].
    CreateDeviceGroup = "createDeviceGroup" POST OK GROUP_CREATE;
    /// Deletes a device group [10].
    DeleteDeviceGroup = "deleteDeviceGroup" DELETE NO_CONTENT GROUP;
    /// Changes a device group [10].
    ModifyDeviceGroup = "modifyDeviceGroup" PUT OK GROUP_MODIFY;
    /// Lists device groups [10].
    QueryDeviceGroups = "queryDeviceGroups" GET OK GROUP_LIST;
    /// Shows a device group [10].
    QuerySingleDeviceGroup = "querySingleDeviceGroup" GET OK GROUP;
    /// Lists the devices of a group [10].
    QueryDeviceGroupMembers = "queryDeviceGroupMembers" GET OK GROUP;
    /// Puts devices into a group [10].
    AddDevicesToGroup = "addDevicesToGroup" POST OK GROUP_DEVICES;
    /// Takes devices out of a group [10]. The 200 has an empty body (R3.11).
    DeleteDevicesFromGroup = "deleteDevicesFromGroup" POST OK GROUP_DEVICES;
}

impl Operation {
    /// What tells this operation from every other: its `operationId` in `openapi.json`. The [name](Self::name) is shared by the shapes that
    /// an operation has had.
    pub const fn id(self) -> &'static str {
        match self {
            Self::RegDirectDeviceWithSecret => "regDirectDeviceWithSecret",
            Self::RefreshDeviceSecret => "refreshDeviceKeyWithSecret",
            Self::PostDeviceCommandOld => "postDeviceCommandV12",
            Self::QueryDeviceCommandOld => "queryDeviceCommandV12",
            Self::CancelDeviceCommandOld => "createDeviceCmdCancelTaskV12",
            Self::GetAuthToken
            | Self::RefreshAuthToken
            | Self::LogoutAuthToken
            | Self::RegDirectDevice
            | Self::RefreshDeviceKey
            | Self::QueryDeviceStatus
            | Self::ModifyDeviceInfo
            | Self::DeleteDirectDevice
            | Self::QuerySingleDeviceInfo
            | Self::QueryBatchDevicesInfo
            | Self::PostDeviceCommand
            | Self::QueryDeviceCommand
            | Self::UpdateDeviceCommand
            | Self::CreateDeviceCmdCancelTask
            | Self::QueryDeviceCmdCancelTask
            | Self::InvokeDeviceService
            | Self::CreateDeviceGroup
            | Self::DeleteDeviceGroup
            | Self::ModifyDeviceGroup
            | Self::QueryDeviceGroups
            | Self::QuerySingleDeviceGroup
            | Self::QueryDeviceGroupMembers
            | Self::AddDevicesToGroup
            | Self::DeleteDevicesFromGroup => self.name(),
        }
    }

    /// The operation with this [id](Self::id), in exactly these letters.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|operation| operation.id() == id)
    }

    /// Whether `Authorization` and `app_key` are asked for: not by login, refresh and logout [1].
    pub const fn needs_token(self) -> bool {
        !matches!(
            self,
            Self::GetAuthToken | Self::RefreshAuthToken | Self::LogoutAuthToken
        )
    }

    /// Whether it is about device groups: its owner is `accessAppId` in the query, and a wrong shape is 50400 [10].
    pub const fn is_about_groups(self) -> bool {
        matches!(
            self,
            Self::CreateDeviceGroup
                | Self::DeleteDeviceGroup
                | Self::ModifyDeviceGroup
                | Self::QueryDeviceGroups
                | Self::QuerySingleDeviceGroup
                | Self::QueryDeviceGroupMembers
                | Self::AddDevicesToGroup
                | Self::DeleteDevicesFromGroup
        )
    }

    /// Whether the operation's own table has a code, under any status.
    pub fn lists(self, code: Code) -> bool {
        self.table().iter().any(|(_, codes)| codes.contains(&code))
    }

    /// The documented status of a code in this operation: the first row that lists it (R3.1), else the code's own.
    pub fn documented_status(self, code: Code) -> StatusCode {
        let row = self.table().iter().find(|(_, codes)| codes.contains(&code));
        row.map_or(code.status_default(), |(status, _)| *status)
    }

    /// The code of a request whose shape is wrong: a table's special code for one member goes first; then what the table has for any
    /// member (102202 of login, refresh and logout, 100405 of the device queries); a body that cannot be read at all is 100007 where the
    /// table has it; everything else is 100022, or 50400 with device groups, where too many devices are 100609 (R3.1, R3.9).
    pub fn invalid(self, invalid: &Invalid) -> Code {
        if self.is_about_groups() {
            return if invalid.is_too_many() {
                Code::TooManyDevices
            } else {
                Code::InvalidInputNewer
            };
        }
        let special = match invalid.name() {
            Some("isSecure") => Some(Code::InvalidIsSecure),
            Some("verifyCode") => Some(Code::InvalidVerifyCode),
            Some("pageNo" | "pageSize") => Some(Code::InvalidPage),
            Some(_) => None,
            None => Some(Code::BadRequest),
        };
        let usual = [Code::MissingParameter, Code::InvalidParameter];
        special
            .into_iter()
            .chain(usual)
            .find(|code| self.lists(*code))
            .unwrap_or(Code::InvalidInput)
    }

    /// The code of a device that does not exist: 100418 (R3.1), but 100403 where the operation's table has only that.
    pub fn device_missing(self) -> Code {
        if self.lists(Code::DeviceUnknown) && !self.lists(Code::DeviceDataUnknown) {
            Code::DeviceUnknown
        } else {
            Code::DeviceDataUnknown
        }
    }

    /// The code of a failure inside: 100001 (R3.2), but 50252 where the operation's table has only that.
    pub fn internal(self) -> Code {
        if self.lists(Code::InternalFault) && !self.lists(Code::Internal) {
            Code::InternalFault
        } else {
            Code::Internal
        }
    }
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
            (Operation::CreateDeviceGroup, "100203", 200),
            (Operation::CreateDeviceGroup, "100217", 200),
            (Operation::CreateDeviceGroup, "100418", 200),
            (Operation::CreateDeviceGroup, "100602", 200),
            (Operation::CreateDeviceGroup, "100607", 200),
            (Operation::CreateDeviceGroup, "100609", 400),
            (Operation::CreateDeviceGroup, "50400", 400),
            (Operation::CreateDeviceGroup, "1010005", 403),
            (Operation::CreateDeviceGroup, "50252", 500),
            (Operation::ModifyDeviceGroup, "100601", 200),
            (Operation::ModifyDeviceGroup, "100603", 200),
            (Operation::QueryDeviceGroups, "100217", 200),
            (Operation::QueryDeviceGroupMembers, "100603", 200),
            (Operation::DeleteDevicesFromGroup, "100601", 200),
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
    fn ids_are_words_that_lead_back() {
        for &operation in Operation::ALL {
            let id = operation.id();
            assert_eq!(Operation::from_id(id), Some(operation));
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        }
        assert_eq!(Operation::from_id("postDeviceCommand v1.2.0"), None);
        assert_eq!(Operation::from_id("postdevicecommand"), None);
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
        assert_eq!(invalid(Operation::QueryDeviceGroups, "pageNo"), "50400");
        let devices = Invalid::member("deviceIds", "are too many");
        let add = |invalid: &Invalid| Operation::AddDevicesToGroup.invalid(invalid).number();
        assert_eq!(add(&devices), "50400");
        assert_eq!(add(&devices.too_many()), "100609");
        assert_eq!(
            Operation::PostDeviceCommand
                .invalid(&Invalid::whole("no JSON"))
                .number(),
            "100022"
        );
    }
}
