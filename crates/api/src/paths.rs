//! The paths of the contract (Appendix A) and the old paths that serve as aliases, for the server's routing and the client's requests.
//!
//! A path template has its variables in braces. The old command API (`cmd` v1.2.0, v1.3.0) has operations of its own: its answers have
//! another shape [5.8].

use std::borrow::Cow;
use std::ops::RangeInclusive;

use http::Method;

use crate::fields::check_text;
use crate::limits::{GROUP_ID, ID};
use crate::query::{percent_decode, percent_encode};
use crate::{Invalid, Operation};

/// Login [2.1].
pub const LOGIN: &str = "/iocm/app/sec/v1.1.0/login";
/// Refresh [2.2].
pub const REFRESH_TOKEN: &str = "/iocm/app/sec/v1.1.0/refreshToken";
/// Logout [2.3].
pub const LOGOUT: &str = "/iocm/app/sec/v1.1.0/logout";
/// Registration with a verification code [3.1].
pub const DEVICE_CREDENTIALS: &str = "/iocm/app/reg/v1.1.0/deviceCredentials";
/// Activation of a device, and a new verification code [3.3, 3.4].
pub const DEVICE_CREDENTIAL: &str = "/iocm/app/reg/v1.1.0/deviceCredentials/{deviceId}";
/// Registration with a secret [3.2].
pub const DEVICE_CREDENTIALS_V2: &str = "/iocm/app/reg/v2.0.0/deviceCredentials";
/// A new secret for a device [3.3].
pub const DEVICE_CREDENTIAL_V2: &str = "/iocm/app/reg/v2.0.0/deviceCredentials/{deviceId}";
/// Devices [4.2].
pub const DEVICES: &str = "/iocm/app/dm/v1.4.0/devices";
/// A device [3.5, 3.6, 4.1].
pub const DEVICE: &str = "/iocm/app/dm/v1.4.0/devices/{deviceId}";
/// Commands [5.2, 5.3].
pub const DEVICE_COMMANDS: &str = "/iocm/app/cmd/v1.4.0/deviceCommands";
/// A command [5.4].
pub const DEVICE_COMMAND: &str = "/iocm/app/cmd/v1.4.0/deviceCommands/{deviceCommandId}";
/// Cancel tasks [5.5, 5.6].
pub const CANCEL_TASKS: &str = "/iocm/app/cmd/v1.4.0/deviceCommandCancelTasks";
/// Direct calls [5.7].
pub const SEND_COMMAND: &str =
    "/iocm/app/signaltrans/v1.1.0/devices/{deviceId}/services/{serviceId}/sendCommand";

/// Commands of a device, as in 2017 [5.8].
pub const OLD_COMMANDS: &str = "/iocm/app/cmd/v1.2.0/devices/{deviceId}/commands";
/// The list of a device's commands, as in 2017 [5.8].
pub const OLD_QUERY: &str = "/iocm/app/cmd/v1.2.0/queryCmd";
/// Cancelling all commands of a device, as in 2017 [5.8].
pub const OLD_CANCEL: &str = "/iocm/app/cmd/v1.2.0/cancelCmd";

/// Device groups [10].
pub const DEVICE_GROUPS: &str = "/iocm/app/devgroup/v1.3.0/devGroups";
/// A device group [10].
pub const DEVICE_GROUP: &str = "/iocm/app/devgroup/v1.3.0/devGroups/{devGroupId}";
/// The devices of a group [10].
pub const GROUP_MEMBERS: &str = "/iocm/app/dm/v1.2.0/devices/ids";
/// Putting devices into a group [10].
pub const ADD_TO_GROUP: &str = "/iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices";
/// Taking devices out of a group [10].
pub const DELETE_FROM_GROUP: &str = "/iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices";

/// Every path that is served, with its operation: first the path of Appendix A, then its aliases (tolerances 7).
pub const ROUTES: &[(Operation, &str)] = &[
    (Operation::GetAuthToken, LOGIN),
    (Operation::RefreshAuthToken, REFRESH_TOKEN),
    (Operation::LogoutAuthToken, LOGOUT),
    (Operation::RegDirectDevice, DEVICE_CREDENTIALS),
    (Operation::RegDirectDevice, "/iocm/app/reg/v1.1.0/devices"),
    (Operation::RegDirectDevice, "/iocm/app/reg/v1.2.0/devices"),
    (Operation::RegDirectDeviceWithSecret, DEVICE_CREDENTIALS_V2),
    (Operation::RefreshDeviceKey, DEVICE_CREDENTIAL),
    (
        Operation::RefreshDeviceKey,
        "/iocm/app/reg/v1.1.0/devices/{deviceId}",
    ),
    (
        Operation::RefreshDeviceKey,
        "/iocm/app/reg/v1.2.0/devices/{deviceId}",
    ),
    (Operation::RefreshDeviceSecret, DEVICE_CREDENTIAL_V2),
    (Operation::QueryDeviceStatus, DEVICE_CREDENTIAL),
    (
        Operation::QueryDeviceStatus,
        "/iocm/app/reg/v1.1.0/devices/{deviceId}",
    ),
    (
        Operation::QueryDeviceStatus,
        "/iocm/app/reg/v1.2.0/devices/{deviceId}",
    ),
    (Operation::ModifyDeviceInfo, DEVICE),
    (
        Operation::ModifyDeviceInfo,
        "/iocm/app/dm/v1.1.0/devices/{deviceId}",
    ),
    (
        Operation::ModifyDeviceInfo,
        "/iocm/app/dm/v1.2.0/devices/{deviceId}",
    ),
    (
        Operation::ModifyDeviceInfo,
        "/iocm/app/dm/v1.3.0/devices/{deviceId}",
    ),
    (Operation::DeleteDirectDevice, DEVICE),
    (
        Operation::DeleteDirectDevice,
        "/iocm/app/dm/v1.1.0/devices/{deviceId}",
    ),
    (
        Operation::DeleteDirectDevice,
        "/iocm/app/dm/v1.2.0/devices/{deviceId}",
    ),
    (
        Operation::DeleteDirectDevice,
        "/iocm/app/dm/v1.3.0/devices/{deviceId}",
    ),
    (Operation::QuerySingleDeviceInfo, DEVICE),
    (
        Operation::QuerySingleDeviceInfo,
        "/iocm/app/dm/v1.1.0/devices/{deviceId}",
    ),
    (
        Operation::QuerySingleDeviceInfo,
        "/iocm/app/dm/v1.2.0/devices/{deviceId}",
    ),
    (
        Operation::QuerySingleDeviceInfo,
        "/iocm/app/dm/v1.3.0/devices/{deviceId}",
    ),
    (Operation::QueryBatchDevicesInfo, DEVICES),
    (
        Operation::QueryBatchDevicesInfo,
        "/iocm/app/dm/v1.1.0/devices",
    ),
    (
        Operation::QueryBatchDevicesInfo,
        "/iocm/app/dm/v1.2.0/devices",
    ),
    (
        Operation::QueryBatchDevicesInfo,
        "/iocm/app/dm/v1.3.0/devices",
    ),
    (Operation::PostDeviceCommand, DEVICE_COMMANDS),
    (Operation::QueryDeviceCommand, DEVICE_COMMANDS),
    (Operation::UpdateDeviceCommand, DEVICE_COMMAND),
    (Operation::CreateDeviceCmdCancelTask, CANCEL_TASKS),
    (Operation::QueryDeviceCmdCancelTask, CANCEL_TASKS),
    (Operation::InvokeDeviceService, SEND_COMMAND),
    (Operation::PostDeviceCommandOld, OLD_COMMANDS),
    (
        Operation::PostDeviceCommandOld,
        "/iocm/app/cmd/v1.3.0/devices/{deviceId}/commands",
    ),
    (Operation::QueryDeviceCommandOld, OLD_QUERY),
    (
        Operation::QueryDeviceCommandOld,
        "/iocm/app/cmd/v1.3.0/queryCmd",
    ),
    (Operation::CancelDeviceCommandOld, OLD_CANCEL),
    (
        Operation::CancelDeviceCommandOld,
        "/iocm/app/cmd/v1.3.0/cancelCmd",
    ),
    (Operation::CreateDeviceGroup, DEVICE_GROUPS),
    (Operation::DeleteDeviceGroup, DEVICE_GROUP),
    (Operation::ModifyDeviceGroup, DEVICE_GROUP),
    (Operation::QueryDeviceGroups, DEVICE_GROUPS),
    (Operation::QuerySingleDeviceGroup, DEVICE_GROUP),
    (Operation::QueryDeviceGroupMembers, GROUP_MEMBERS),
    (Operation::AddDevicesToGroup, ADD_TO_GROUP),
    (Operation::DeleteDevicesFromGroup, DELETE_FROM_GROUP),
];

/// Where devices of 2017 lie: their answers name the moment of registration `creationTime` [4.1].
const DEVICES_2017: &str = "/iocm/app/dm/v1.1.0/";

/// Whether answers at this path name the moment of a device's registration `creationTime` too.
pub fn names_creation_time(path: &str) -> bool {
    normalise(path).starts_with(DEVICES_2017)
}

/// The path template of an operation: that of Appendix A, not an alias.
///
/// # Panics
/// Never: a test finds every operation among the [`ROUTES`].
pub fn template(operation: Operation) -> &'static str {
    let mut routes = ROUTES.iter();
    let route = routes.find(|(routed, _)| *routed == operation);
    route.map(|(_, template)| *template).expect("a route")
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// An operation, with its decoded path variables in their order.
    Found(Operation, Vec<String>),
    /// Operations, but for these other methods only: the header `Allow` lists them (R3.4).
    WrongMethod(Vec<Method>),
    /// Nothing (R3.4).
    Unknown,
}

/// Finds the operation of a request's path (without its query), double and trailing slashes tolerated. HEAD is not GET here.
///
/// A path that stands in the table word for word is never taken for a variable of another one: `devices/ids` is no device [10].
pub fn find(method: &Method, path: &str) -> Route {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let mut matches: Vec<(Operation, Vec<&str>)> = ROUTES
        .iter()
        .filter_map(|(operation, template)| Some((*operation, matching(template, &segments)?)))
        .collect();
    if matches.iter().any(|(_, variables)| variables.is_empty()) {
        matches.retain(|(_, variables)| variables.is_empty());
    }
    let mut allowed = Vec::new();
    for (operation, variables) in matches {
        if operation.method() == *method {
            let decoded = variables
                .iter()
                .map(|variable| percent_decode(variable.as_bytes(), false));
            return Route::Found(operation, decoded.collect());
        }
        allowed.push(operation.method());
    }
    if allowed.is_empty() {
        Route::Unknown
    } else {
        Route::WrongMethod(allowed)
    }
}

/// The path with each run of slashes made one and the trailing ones removed (tolerances 4); borrowed when it is so already.
pub fn normalise(path: &str) -> Cow<'_, str> {
    if path == "/" || !(path.contains("//") || path.ends_with('/')) {
        return Cow::Borrowed(path);
    }
    let joined: String = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .flat_map(|segment| ["/", segment])
        .collect();
    Cow::Owned(if joined.is_empty() {
        "/".to_owned()
    } else {
        joined
    })
}

/// Checks a path variable: ids have 1 to 64 characters [5.7], `devGroupId` has 1 to 50 [10].
pub fn check_id(name: &str, value: &str) -> Result<(), Invalid> {
    check_text(value, &id_chars(name)).map_err(|reason| Invalid::member(name, reason))
}

/// How many characters a path variable has.
pub(crate) fn id_chars(name: &str) -> RangeInclusive<usize> {
    if name == "devGroupId" { GROUP_ID } else { ID }
}

/// Fills the variables of a template, encoded, in their order.
///
/// # Panics
/// When the numbers of variables and values differ: both are constants of the caller.
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut rest = values.iter();
    let filled: String = template
        .split('/')
        .skip(1)
        .flat_map(|segment| {
            let value = segment
                .starts_with('{')
                .then(|| rest.next().expect("a value for each variable"));
            [
                "/".to_owned(),
                value.map_or_else(|| segment.to_owned(), |value| percent_encode(value)),
            ]
        })
        .collect();
    assert!(rest.next().is_none(), "a variable for each value");
    filled
}

fn matching<'a>(template: &str, segments: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut expected = template.split('/').skip(1);
    let mut variables = Vec::new();
    for &segment in segments {
        let name = expected.next()?;
        if name.starts_with('{') {
            variables.push(segment);
        } else if name != segment {
            return None;
        }
    }
    expected.next().is_none().then_some(variables)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(method: &Method, path: &str) -> (Operation, Vec<String>) {
        match find(method, path) {
            Route::Found(operation, variables) => (operation, variables),
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    #[test]
    fn every_route_leads_to_its_operation() {
        for &(operation, template) in ROUTES {
            let values = ["d 1", "s/2"];
            let count = template.matches('{').count();
            let path = fill(template, &values[..count]);
            let expected: Vec<String> = values[..count]
                .iter()
                .map(|&value| value.to_owned())
                .collect();
            assert_eq!(
                found(&operation.method(), &path),
                (operation, expected),
                "{template}"
            );
        }
        for &operation in Operation::ALL {
            assert!(
                ROUTES.iter().any(|(routed, _)| *routed == operation),
                "{}",
                operation.name()
            );
        }
    }

    #[test]
    fn double_and_trailing_slashes_are_tolerated() {
        let expected = (Operation::UpdateDeviceCommand, vec!["c".to_owned()]);
        assert_eq!(
            found(&Method::PUT, "/iocm/app/cmd/v1.4.0/deviceCommands//c"),
            expected
        );
        assert_eq!(
            found(&Method::PUT, "//iocm/app/cmd/v1.4.0/deviceCommands/c/"),
            expected
        );
        assert_eq!(normalise("/a//b/"), "/a/b");
        assert_eq!(normalise("//"), "/");
        assert!(matches!(normalise("/a/b"), Cow::Borrowed("/a/b")));
        assert!(matches!(normalise("/"), Cow::Borrowed("/")));
    }

    #[test]
    fn r3_4_wrong_methods_learn_the_right_ones_and_unknown_paths_nothing() {
        let allowed = |method, path| match find(&method, path) {
            Route::WrongMethod(allowed) => allowed,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            allowed(Method::DELETE, DEVICE_COMMANDS),
            [Method::POST, Method::GET]
        );
        assert_eq!(
            allowed(Method::POST, "/iocm/app/dm/v1.1.0/devices/d"),
            [Method::PUT, Method::DELETE, Method::GET]
        );
        // The old SDK's deprecated overload sends GET here by mistake (§15.34).
        assert_eq!(
            allowed(Method::GET, "/iocm/app/cmd/v1.4.0/deviceCommands/c"),
            [Method::PUT]
        );
        for path in [
            "",
            "/",
            "/iocm/app/cmd/v1.4.0",
            "/iocm/app/cmd/v1.1.0/queryCmd",
            "/iocm/app/sec/v1.1.0/login/x",
        ] {
            assert_eq!(find(&Method::GET, path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn a_path_of_another_operation_is_no_device() {
        for (path, operation) in [
            (GROUP_MEMBERS, Operation::QueryDeviceGroupMembers),
            (ADD_TO_GROUP, Operation::AddDevicesToGroup),
            (DELETE_FROM_GROUP, Operation::DeleteDevicesFromGroup),
        ] {
            let path = format!("{path}/");
            let expected = (operation, Vec::new());
            assert_eq!(found(&operation.method(), &path), expected);
            for method in [Method::PUT, Method::DELETE] {
                let allowed = Route::WrongMethod(vec![operation.method()]);
                assert_eq!(find(&method, &path), allowed, "{method} {path}");
            }
        }
        let device = (Operation::QuerySingleDeviceInfo, vec!["ids".to_owned()]);
        assert_eq!(
            found(&Method::GET, "/iocm/app/dm/v1.4.0/devices/ids"),
            device
        );
    }

    #[test]
    fn ids_in_paths_have_bounds() {
        assert!(check_id("deviceId", &"d".repeat(64)).is_ok());
        let error = check_id("deviceId", &"d".repeat(65)).unwrap_err();
        assert_eq!(error.to_string(), "`deviceId` must have 1 to 64 characters");
        assert!(check_id("devGroupId", &"g".repeat(50)).is_ok());
        assert!(check_id("devGroupId", &"g".repeat(51)).is_err());
    }

    proptest! {
        #[test]
        fn no_path_makes_the_search_panic(path in ".{0,80}") {
            let _ = find(&Method::GET, &path);
            let _ = normalise(&path);
        }
    }
}
