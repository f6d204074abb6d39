//! What each code means for the person who meets it: how a request comes to it, what to do, and where a table lists it in vain.
//!
//! The pages of `docs/errors/` and `x-codes` of the document are made of this. A new code does not compile until it stands here.

mod access;
mod commands;
mod devices;
mod groups;
mod platform;

use crate::{Code, Operation};

/// Whom a cause concerns.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Every operation.
    Every,
    /// Every operation that needs a token.
    WithToken,
    /// Every operation whose own table lists the code, but for those where it cannot happen.
    Listing,
    /// Every operation whose failures inside have this code.
    Failing,
    /// These.
    Only(&'static [Operation]),
}

/// All that is said of a code beside its number, text and meaning.
#[derive(Clone, Copy, Debug)]
pub struct Article {
    /// How a request comes to it.
    pub causes: &'static [(Who, &'static str)],
    /// Operations whose table lists it though it cannot happen there, and why not.
    pub never: &'static [(&'static [Operation], &'static str)],
    /// What the caller does.
    pub remedy: &'static str,
}

impl Article {
    /// The article of a code.
    pub fn of(code: Code) -> Self {
        match code {
            Code::Internal => platform::INTERNAL,
            Code::InternalFault => platform::INTERNAL_FAULT,
            Code::StoredDataAbnormal => platform::STORED_DATA_ABNORMAL,
            Code::SessionNotFound => platform::SESSION_NOT_FOUND,
            Code::CallbackUnreadable => platform::CALLBACK_UNREADABLE,
            Code::FlowControlled => platform::FLOW_CONTROLLED,
            Code::NoSuchPath => platform::NO_SUCH_PATH,
            Code::MethodNotAllowed => platform::METHOD_NOT_ALLOWED,
            Code::RequestTooSlow => platform::REQUEST_TOO_SLOW,
            Code::BodyTooLarge => platform::BODY_TOO_LARGE,
            Code::BadRequest => platform::BAD_REQUEST,
            Code::LicenseUnknown => platform::LICENSE,
            Code::LicenseSalesUnknown => platform::LICENSE_SALES,
            Code::LicensePoolEmpty => platform::LICENSE_POOL,
            Code::OldInvalidToken => access::OLD_INVALID_TOKEN,
            Code::InvalidToken => access::INVALID_TOKEN,
            Code::Throttled => access::THROTTLED,
            Code::NoAppKey => access::NO_APP_KEY,
            Code::WrongSecret => access::WRONG_SECRET,
            Code::MissingParameter => access::MISSING_PARAMETER,
            Code::AppFrozen => access::APP_FROZEN,
            Code::AuthAppUnknown => access::AUTH_APP_UNKNOWN,
            Code::AppUnknown => access::APP_UNKNOWN,
            Code::NotAuthorised => access::NOT_AUTHORISED,
            Code::InvalidVerifyCode => devices::INVALID_VERIFY_CODE,
            Code::DeviceUnknown => devices::DEVICE_UNKNOWN,
            Code::DeviceDataUnknown => devices::DEVICE_DATA_UNKNOWN,
            Code::InvalidParameter => devices::INVALID_PARAMETER,
            Code::DeviceLimit => devices::DEVICE_LIMIT,
            Code::NonSecureDeviceLimit => devices::NON_SECURE_DEVICE_LIMIT,
            Code::FrozenDeviceLimit => devices::FROZEN_DEVICE_LIMIT,
            Code::AlreadyBound => devices::ALREADY_BOUND,
            Code::NodeIdDuplicated => devices::NODE_ID_DUPLICATED,
            Code::InvalidIsSecure => devices::INVALID_IS_SECURE,
            Code::ProductUnknown => devices::PRODUCT_UNKNOWN,
            Code::InvalidInput => commands::INVALID_INPUT,
            Code::InvalidInputNewer => commands::INVALID_INPUT_NEWER,
            Code::CommandQueueFull => commands::COMMAND_QUEUE_FULL,
            Code::DeviceOffline => commands::DEVICE_OFFLINE,
            Code::GatewayOffline => commands::GATEWAY_OFFLINE,
            Code::ServiceUnknown => commands::SERVICE_UNKNOWN,
            Code::CalledServiceUnknown => commands::CALLED_SERVICE_UNKNOWN,
            Code::CommandMuted => commands::COMMAND_MUTED,
            Code::CommandUnknown => commands::COMMAND_UNKNOWN,
            Code::CommandNotCancellable => commands::COMMAND_NOT_CANCELLABLE,
            Code::CommandNameInvalid => commands::COMMAND_NAME_INVALID,
            Code::DeviceZombie => commands::DEVICE_ZOMBIE,
            Code::DeviceInactive => devices::DEVICE_INACTIVE,
            Code::DeviceOnline => devices::DEVICE_ONLINE,
            Code::InvalidPage => devices::INVALID_PAGE,
            Code::GatewayAndPageMissing => devices::GATEWAY_AND_PAGE_MISSING,
            Code::IdempotencyKeyConflict => commands::IDEMPOTENCY_KEY_CONFLICT,
            Code::GroupFull => groups::GROUP_FULL,
            Code::GroupNameTaken => groups::GROUP_NAME_TAKEN,
            Code::GroupUnknown => groups::GROUP_UNKNOWN,
            Code::GroupLimit => groups::GROUP_LIMIT,
            Code::TooManyDevices => groups::TOO_MANY_DEVICES,
        }
    }
}

/// Whether an operation can answer with a code.
pub fn happens(operation: Operation, code: Code) -> bool {
    let article = Article::of(code);
    article
        .causes
        .iter()
        .any(|(who, _)| concerns(*who, operation, code))
}

/// Why an operation whose table lists a code never answers with it.
pub fn never(operation: Operation, code: Code) -> Option<&'static str> {
    let reasons = Article::of(code).never;
    let reason = reasons
        .iter()
        .find(|(operations, _)| operations.contains(&operation));
    reason.map(|(_, why)| *why)
}

/// Whether a cause of a code concerns an operation.
pub fn concerns(who: Who, operation: Operation, code: Code) -> bool {
    match who {
        Who::Every => true,
        Who::WithToken => operation.needs_token(),
        Who::Listing => operation.lists(code) && never(operation, code).is_none(),
        Who::Failing => operation.internal() == code,
        Who::Only(operations) => operations.contains(&operation),
    }
}
