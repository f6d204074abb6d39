//! Every error code the contract names for the operations served, one row each.
//!
//! A row gives number, text (verbatim, spelling included), the status where an operation's own table is silent, and what the code means
//! to the caller, which is also its line in `docs/errors/`. The status *within* an operation is that of the operation's own table:
//! [`Operation::table`](crate::Operation::table).

use std::fmt;

use http::StatusCode;

use crate::Operation;

macro_rules! codes {
    ($( #[doc = $meaning:literal] $name:ident = $number:literal $status:ident $text:literal; )+) => {
        /// An error code of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $( #[doc = $meaning] $name, )+
        }

        impl Code {
            /// Every code, by number within its family.
            pub const ALL: &[Self] = &[$( Self::$name, )+];

            /// The code as it stands on the wire: a JSON string.
            pub const fn number(self) -> &'static str {
                match self { $( Self::$name => $number, )+ }
            }

            /// What it means to the caller, one line.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$name => $meaning.trim_ascii(), )+ }
            }

            /// The documented status where an operation's own table does not list the code.
            pub(crate) const fn status_default(self) -> StatusCode {
                match self { $( Self::$name => StatusCode::$status, )+ }
            }

            const fn text_default(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }
        }
    };
}

codes! {
    /// The platform failed inside. The request may have taken effect: look, or repeat it under the same `Idempotency-Key`.
    Internal = "100001" INTERNAL_SERVER_ERROR "Internal server error.";
    /// A name of 2018 for a wrong token. Never sent here: a wrong token is 1010005.
    OldInvalidToken = "100002" UNAUTHORIZED "Invalid access token.";
    /// `verifyCode` is no text of at most 256 characters.
    InvalidVerifyCode = "100003" BAD_REQUEST "Invalid verify code.";
    /// The body is no JSON object, or did not arrive whole.
    BadRequest = "100007" BAD_REQUEST "Bad request message.";
    /// A member, key or path variable is missing or not as it must be, or paras do not fit the profile: `detail` says which.
    InvalidInput = "100022" BAD_REQUEST "The input is invalid.";
    /// What is stored for this request cannot be read. Only the operator can help.
    StoredDataAbnormal = "100023" INTERNAL_SERVER_ERROR "The data in dataBase is abnomal.";
    /// The application named for authentication does not exist.
    AuthAppUnknown = "100025" UNAUTHORIZED "AppId for auth not exist.";
    /// The `appId` names no application.
    AppUnknown = "100203" FORBIDDEN "The application is not existed.";
    /// The application or its secret is wrong.
    WrongSecret = "100208" UNAUTHORIZED "AppId or secret is not right.";
    /// A page that cannot be: `detail` names the faulty key.
    InvalidPage = "100216" BAD_REQUEST "The application input is invalid.";
    /// The owner of the device has not authorised the calling application.
    NotAuthorised = "100217" FORBIDDEN "The application hasn't been authorized.";
    /// A list of devices asks for neither a page nor a gateway.
    GatewayAndPageMissing = "100218" BAD_REQUEST "The gatewayId and pageNo can't be both null.";
    /// The request has no `app_key` header.
    NoAppKey = "100220" INTERNAL_SERVER_ERROR "Get AppKey from header failed.";
    /// The device has as many pending commands as it may (20), or too many open ones. Wait until some have left, or cancel some.
    CommandQueueFull = "100223" BAD_REQUEST "Command counts has reached the upLimit.";
    /// The application has been frozen by the operator.
    AppFrozen = "100247" BAD_REQUEST "Operation not allowed. The application has been frozen.";
    /// There is no such device.
    DeviceUnknown = "100403" NOT_FOUND "The device is not existed.";
    /// A query key or path variable is invalid: `detail` names it.
    InvalidParameter = "100405" BAD_REQUEST "The request parameter is invalid.";
    /// The platform has as many devices as it may.
    DeviceLimit = "100412" INTERNAL_SERVER_ERROR "The amount of device has reached the limit.";
    /// A device of the application with this `nodeId` has connected already.
    AlreadyBound = "100416" BAD_REQUEST "The device has already been binded.";
    /// There is no such device for the calling application.
    DeviceDataUnknown = "100418" NOT_FOUND "The deviceData is not existed.";
    /// Another device has this `nodeId`.
    NodeIdDuplicated = "100426" BAD_REQUEST "The nodeId is duplicated.";
    /// The device cannot be reached now, or is not subscribed to its command topic: `detail` says so. A direct call is never kept.
    DeviceOffline = "100428" OK "The device is not online.";
    /// The device's profile has no such service.
    ServiceUnknown = "100431" OK "The serviceType is not exist.";
    /// The command is muted for this service of the device.
    CommandMuted = "100432" OK "The device command is muted.";
    /// There is no such command for the calling application.
    CommandUnknown = "100434" OK "The device command is not existed.";
    /// The command has ended, or may have reached the device: it can no longer be cancelled. Its true state is unchanged.
    CommandNotCancellable = "100435" OK "The device command already canceled, expired or executed, Cannot cancel.";
    /// `isSecure` is no boolean.
    InvalidIsSecure = "100440" BAD_REQUEST "The isSecure is invalid.";
    /// The platform has as many devices without security as it may.
    NonSecureDeviceLimit = "100441" INTERNAL_SERVER_ERROR "The amount of nonSecure device has reached the limit.";
    /// The profile of the called device has no such service, or `toType` is neither CLOUD nor GATEWAY.
    CalledServiceUnknown = "100444" NOT_FOUND "The serviceType is not exist.";
    /// The gateway of the called device cannot be reached now.
    GatewayOffline = "100450" FORBIDDEN "The gateway is not online.";
    /// The platform is overloaded or short of disk space, or the device of a direct call has too many open commands. Nothing was taken on.
    FlowControlled = "100501" SERVICE_UNAVAILABLE "Congestion occurs, and the current network has been flow-controlled";
    /// The group would have more devices than it may. Nothing has changed.
    GroupFull = "100601" OK "The number of device in the group has reach the max.";
    /// The application has another group of this name.
    GroupNameTaken = "100602" OK "The device group name has been used.";
    /// There is no such device group for the calling application.
    GroupUnknown = "100603" OK "The device group is not existed.";
    /// The application has as many device groups as it may.
    GroupLimit = "100607" OK "The devGroup has reached the limit.";
    /// More than 1000 `deviceIds` in one request, or more than the new group may have.
    TooManyDevices = "100609" BAD_REQUEST "Too much devices to add.";
    /// The device has never connected, or not since its credentials were refreshed last: it has nothing to refresh.
    DeviceInactive = "100610" BAD_REQUEST "Device is not active.";
    /// The device is connected; its credentials can be refreshed while it is offline only.
    DeviceOnline = "100611" BAD_REQUEST "Device is online.";
    /// The device has been silent for so long (7 days) that nothing is queued for it any more; its next contact ends this.
    DeviceZombie = "100612" FORBIDDEN "Device is zombie.";
    /// The session that holds the device could not be found in time.
    SessionNotFound = "101016" INTERNAL_SERVER_ERROR "Get iotws address failed.";
    /// The stored callback address cannot be read. Only the operator can help.
    CallbackUnreadable = "101017" INTERNAL_SERVER_ERROR "Get newCallbackUrl from oss failed.";
    /// A field of the login, refresh or logout is missing, empty or too long: `detail` names it.
    MissingParameter = "102202" BAD_REQUEST "Required Parameter is null or empty.";
    /// The called service has no such command, or the members of `body` do not fit it: `detail` names the faulty one.
    CommandNameInvalid = "102203" BAD_REQUEST "CommandName is invalid.";
    /// There is no licence. Not caused here.
    LicenseUnknown = "103026" INTERNAL_SERVER_ERROR "The license is not exist.";
    /// There is no licence for sale. Not caused here.
    LicenseSalesUnknown = "103027" INTERNAL_SERVER_ERROR "The license sales is not exist.";
    /// The licences are used up. Not caused here.
    LicensePoolEmpty = "103028" OK "The license pool resources.";
    /// The platform has as many frozen devices as it may. Not caused here.
    FrozenDeviceLimit = "500004" FORBIDDEN "The amount of frozen devices has reached the limit.";
    /// No profile has this `productId`.
    ProductUnknown = "600002" FORBIDDEN "The product not existed.";
    /// The platform failed inside; for a direct call: the link failed while it took over the frame, and the call is FAILED.
    InternalFault = "50252" INTERNAL_SERVER_ERROR "Internal server error.";
    /// As 100022, in the operations on device groups: a member, key or path variable is missing or not as it must be; `detail` says which.
    InvalidInputNewer = "50400" BAD_REQUEST "The input is invalid.";
    /// The access token is wrong, has expired or was replaced by a later login, or `app_key` is another application's. Log in again.
    InvalidToken = "1010005" FORBIDDEN "Invalid access token or appId.";
    /// The application has made its calls of this minute (100). `Retry-After` tells how long to wait.
    Throttled = "1010009" FORBIDDEN "app throttle exceed.";
    /// The address is none of the contract's (of our own making: R3.4).
    NoSuchPath = "200001" NOT_FOUND "The resource is not found.";
    /// The address does not take this method; the header `Allow` lists those it takes (of our own making: R3.4).
    MethodNotAllowed = "190405" METHOD_NOT_ALLOWED "The method is not allowed.";
    /// The request did not arrive in time (of our own making: R3.4).
    RequestTooSlow = "190408" REQUEST_TIMEOUT "The request is too slow.";
    /// The `Idempotency-Key` belongs to another request (of our own making: R1.15, R3.4).
    IdempotencyKeyConflict = "190409" CONFLICT "The Idempotency-Key is used by another request.";
    /// The body is larger than the platform takes (of our own making: R3.4).
    BodyTooLarge = "190413" PAYLOAD_TOO_LARGE "The request body is too large.";
}

impl Code {
    /// The code of a wire number; `None` for numbers this contract does not name.
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }

    /// `error_desc`, verbatim as the operation's own table has it (R3.1): sendCommand (DOC-PY) and the PUT of a command (DOC-JAVA) word
    /// 1010005 in the old way, and sendCommand alone spells 100023 right. `None` is a request that belongs to no operation.
    pub fn text(self, operation: Option<Operation>) -> &'static str {
        match (self, operation) {
            (
                Self::InvalidToken,
                Some(Operation::InvokeDeviceService | Operation::UpdateDeviceCommand),
            ) => "App_key or access_token is invalid.",
            (Self::StoredDataAbnormal, Some(Operation::InvokeDeviceService)) => {
                "The data in database is abnormal."
            }
            (code, _) => code.text_default(),
        }
    }

    /// The status under `error_status = http` (§15.1) where it differs from the tables.
    pub(crate) const fn status_http(self) -> Option<StatusCode> {
        if matches!(
            self,
            Self::DeviceUnknown
                | Self::DeviceDataUnknown
                | Self::ServiceUnknown
                | Self::CommandUnknown
                | Self::CalledServiceUnknown
                | Self::GroupUnknown
        ) {
            Some(StatusCode::NOT_FOUND)
        } else if matches!(
            self,
            Self::AppUnknown | Self::NotAuthorised | Self::DeviceOffline | Self::CommandMuted
        ) {
            Some(StatusCode::FORBIDDEN)
        } else if matches!(self, Self::CommandNotCancellable | Self::GroupNameTaken) {
            Some(StatusCode::CONFLICT)
        } else {
            None
        }
    }

    /// Whether the gateway in front of the old platform sent it, with members of its own [1.1].
    pub const fn is_gateway(self) -> bool {
        matches!(self, Self::InvalidToken | Self::Throttled)
    }

    /// Whether the same request, sent again later, may succeed though nobody changes the request, the registration or the platform's
    /// settings in between.
    pub const fn retryable(self) -> bool {
        match self {
            Self::Internal
            | Self::InternalFault
            | Self::SessionNotFound
            | Self::FlowControlled
            | Self::Throttled
            | Self::RequestTooSlow
            | Self::DeviceOffline
            | Self::GatewayOffline
            | Self::DeviceInactive
            | Self::DeviceOnline
            | Self::DeviceZombie
            | Self::CommandQueueFull => true,
            Self::OldInvalidToken
            | Self::InvalidVerifyCode
            | Self::BadRequest
            | Self::InvalidInput
            | Self::StoredDataAbnormal
            | Self::AuthAppUnknown
            | Self::AppUnknown
            | Self::WrongSecret
            | Self::InvalidPage
            | Self::NotAuthorised
            | Self::GatewayAndPageMissing
            | Self::NoAppKey
            | Self::AppFrozen
            | Self::DeviceUnknown
            | Self::InvalidParameter
            | Self::DeviceLimit
            | Self::AlreadyBound
            | Self::DeviceDataUnknown
            | Self::NodeIdDuplicated
            | Self::ServiceUnknown
            | Self::CommandMuted
            | Self::CommandUnknown
            | Self::CommandNotCancellable
            | Self::InvalidIsSecure
            | Self::NonSecureDeviceLimit
            | Self::CalledServiceUnknown
            | Self::CallbackUnreadable
            | Self::MissingParameter
            | Self::CommandNameInvalid
            | Self::LicenseUnknown
            | Self::LicenseSalesUnknown
            | Self::LicensePoolEmpty
            | Self::FrozenDeviceLimit
            | Self::ProductUnknown
            | Self::InvalidInputNewer
            | Self::InvalidToken
            | Self::NoSuchPath
            | Self::MethodNotAllowed
            | Self::IdempotencyKeyConflict
            | Self::BodyTooLarge
            | Self::GroupFull
            | Self::GroupNameTaken
            | Self::GroupUnknown
            | Self::GroupLimit
            | Self::TooManyDevices => false,
        }
    }

    /// Whether it proves that the request changed nothing and that no byte left for the device.
    pub const fn surely_harmless(self) -> bool {
        match self {
            Self::Internal
            | Self::InternalFault
            | Self::StoredDataAbnormal
            | Self::SessionNotFound
            | Self::CallbackUnreadable => false,
            Self::OldInvalidToken
            | Self::InvalidVerifyCode
            | Self::BadRequest
            | Self::InvalidInput
            | Self::AuthAppUnknown
            | Self::AppUnknown
            | Self::WrongSecret
            | Self::InvalidPage
            | Self::NotAuthorised
            | Self::GatewayAndPageMissing
            | Self::NoAppKey
            | Self::CommandQueueFull
            | Self::AppFrozen
            | Self::DeviceUnknown
            | Self::InvalidParameter
            | Self::DeviceLimit
            | Self::AlreadyBound
            | Self::DeviceDataUnknown
            | Self::NodeIdDuplicated
            | Self::DeviceOffline
            | Self::ServiceUnknown
            | Self::CommandMuted
            | Self::CommandUnknown
            | Self::CommandNotCancellable
            | Self::InvalidIsSecure
            | Self::NonSecureDeviceLimit
            | Self::CalledServiceUnknown
            | Self::GatewayOffline
            | Self::FlowControlled
            | Self::DeviceInactive
            | Self::DeviceOnline
            | Self::DeviceZombie
            | Self::MissingParameter
            | Self::CommandNameInvalid
            | Self::LicenseUnknown
            | Self::LicenseSalesUnknown
            | Self::LicensePoolEmpty
            | Self::FrozenDeviceLimit
            | Self::ProductUnknown
            | Self::InvalidInputNewer
            | Self::InvalidToken
            | Self::Throttled
            | Self::NoSuchPath
            | Self::MethodNotAllowed
            | Self::RequestTooSlow
            | Self::IdempotencyKeyConflict
            | Self::BodyTooLarge
            | Self::GroupFull
            | Self::GroupNameTaken
            | Self::GroupUnknown
            | Self::GroupLimit
            | Self::TooManyDevices => true,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_finds_its_code_and_no_other() {
        for &code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        assert_eq!(Code::from_number("100613"), None);
        assert_eq!(Code::from_number(""), None);
    }

    #[test]
    fn r3_1_texts_are_those_of_the_operations_own_table() {
        let old = "App_key or access_token is invalid.";
        let new = "Invalid access token or appId.";
        for &operation in Operation::ALL {
            let expected = match operation.name() {
                "invokeDeviceService" | "updateDeviceCommand" => old,
                _ => new,
            };
            assert_eq!(Code::InvalidToken.text(Some(operation)), expected);
        }
        assert_eq!(Code::InvalidToken.text(None), new);
        let abnormal = |operation| Code::StoredDataAbnormal.text(Some(operation));
        assert_eq!(
            abnormal(Operation::InvokeDeviceService),
            "The data in database is abnormal."
        );
        assert_eq!(
            abnormal(Operation::UpdateDeviceCommand),
            "The data in dataBase is abnomal."
        );
    }

    #[test]
    fn what_is_unclear_is_never_called_harmless() {
        let unclear: Vec<_> = Code::ALL
            .iter()
            .filter(|code| !code.surely_harmless())
            .map(|code| code.number())
            .collect();
        assert_eq!(unclear, ["100001", "100023", "101016", "101017", "50252"]);
    }

    #[test]
    fn a_refusal_that_only_a_change_can_lift_is_not_retryable() {
        let retryable: Vec<_> = Code::ALL
            .iter()
            .filter(|code| code.retryable())
            .map(|code| code.number())
            .collect();
        let expected = [
            "100001", "100223", "100428", "100450", "100501", "100610", "100611", "100612",
            "101016", "50252", "1010009", "190408",
        ];
        assert_eq!(retryable, expected);
    }
}
