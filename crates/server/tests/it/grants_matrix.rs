//! Every operation of the contract against everyone who may call it: one rule says what is to be expected.

use crate::north_support::{Bench, Got, LOGIN, command};
use api::{Operation, paths};
use delivery::{AppKey, DeviceId, Rules};
use server::north::Settings;
use server::registry::{Endings, granted_name};
use server::secrets;
use server::timed::Timed;
use std::time::Duration;
use store::{Application, Grant, GroupId, Token, TokenKind};

const APP: AppKey = AppKey(1);

/// Who calls, for what is `app`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    NoToken,
    WrongToken,
    Own,
    Foreign,
    Granted,
    /// Limited to the group that the device is in.
    ItsGroup,
    OtherDevices,
    /// Limited to a group that the device is not in.
    OtherGroup,
    OtherOperations,
    Revoked,
    Expired,
    Frozen,
}

const CALLERS: [Caller; 12] = [
    Caller::NoToken,
    Caller::WrongToken,
    Caller::Own,
    Caller::Foreign,
    Caller::Granted,
    Caller::ItsGroup,
    Caller::OtherDevices,
    Caller::OtherGroup,
    Caller::OtherOperations,
    Caller::Revoked,
    Caller::Expired,
    Caller::Frozen,
];

/// What an operation is about, as far as rights go. A new operation has to be placed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Tokens: it needs none.
    Tokens,
    /// A device that is not there yet.
    New,
    /// One device.
    Device,
    /// A list of devices.
    Devices,
    /// A list that shows what there is of the devices it may show.
    List,
    /// A list of commands: whoever created one sees it.
    Commands,
    /// One command: whoever created it cancels it.
    Command,
    /// What groups there are, and what is in them: only without a limit may it be changed.
    Grouping,
    /// One group.
    Group,
    /// A list of groups.
    Groups,
}

fn about(operation: Operation) -> About {
    match operation {
        Operation::GetAuthToken | Operation::RefreshAuthToken | Operation::LogoutAuthToken => {
            About::Tokens
        }
        Operation::RegDirectDevice | Operation::RegDirectDeviceWithSecret => About::New,
        Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::PostDeviceCommand
        | Operation::PostDeviceCommandOld
        | Operation::CreateDeviceCmdCancelTask
        | Operation::CancelDeviceCommandOld
        | Operation::InvokeDeviceService => About::Device,
        Operation::QueryBatchDevicesInfo => About::Devices,
        Operation::QueryDeviceCmdCancelTask => About::List,
        Operation::QueryDeviceCommand | Operation::QueryDeviceCommandOld => About::Commands,
        Operation::UpdateDeviceCommand => About::Command,
        Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => About::Grouping,
        Operation::QuerySingleDeviceGroup | Operation::QueryDeviceGroupMembers => About::Group,
        Operation::QueryDeviceGroups => About::Groups,
    }
}

/// What is to be expected.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The operation's success.
    Done,
    /// A list without it.
    Empty,
    /// A code.
    Code(&'static str),
}

/// The rule.
fn expected(operation: Operation, caller: Caller) -> Outcome {
    let about = about(operation);
    if about == About::Tokens {
        // A logout finds nothing to end.
        let refused = caller == Caller::Frozen && operation != Operation::LogoutAuthToken;
        return if refused {
            Outcome::Code("100247")
        } else {
            Outcome::Done
        };
    }
    match caller {
        Caller::NoToken | Caller::WrongToken | Caller::Frozen => Outcome::Code("1010005"),
        Caller::Own | Caller::Granted => Outcome::Done,
        Caller::OtherOperations if about == About::Commands => Outcome::Empty,
        Caller::Foreign | Caller::Revoked | Caller::Expired | Caller::OtherOperations => {
            Outcome::Code("100217")
        }
        Caller::ItsGroup => match about {
            About::New | About::Grouping | About::Tokens => Outcome::Code("100217"),
            About::Device
            | About::Devices
            | About::List
            | About::Commands
            | About::Command
            | About::Group
            | About::Groups => Outcome::Done,
        },
        Caller::OtherDevices | Caller::OtherGroup => match about {
            About::Device => Outcome::Code(operation.device_missing().number()),
            About::Devices | About::List | About::Commands | About::Groups => Outcome::Empty,
            About::Command => Outcome::Code("100434"),
            About::Group => Outcome::Code("100603"),
            About::New | About::Grouping | About::Tokens => Outcome::Code("100217"),
        },
    }
}

/// The platform, with an application for each kind of caller, and what is `app`'s and is to be acted on.
struct World {
    bench: Bench,
    elsewhere: DeviceId,
    /// It has a task, and commands that are over.
    apart: DeviceId,
}

/// What one cell acts on, made for it alone.
struct Target {
    device: DeviceId,
    command: String,
    /// A group that the device is in.
    group: String,
}

impl Caller {
    const fn key(self) -> AppKey {
        match self {
            Self::NoToken | Self::WrongToken | Self::Own => APP,
            Self::Foreign => AppKey(11),
            Self::Granted => AppKey(12),
            Self::OtherDevices => AppKey(13),
            Self::OtherOperations => AppKey(14),
            Self::Revoked => AppKey(15),
            Self::Expired => AppKey(16),
            Self::Frozen => AppKey(17),
            Self::ItsGroup => AppKey(18),
            Self::OtherGroup => AppKey(19),
        }
    }

    /// The name of its application, and of its token.
    fn name(self) -> String {
        match self {
            Self::NoToken | Self::WrongToken | Self::Own => "app".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

impl World {
    async fn new() -> Self {
        let settings = Settings {
            throttle_calls_max: 0,
            login_failures_max: 0,
            ..Settings::default()
        };
        let bench = Bench::with(settings, Rules::default()).await;
        let elsewhere = bench.device("elsewhere").await;
        let apart = bench.device("apart").await;
        let world = Self {
            bench,
            elsewhere,
            apart,
        };
        for caller in &CALLERS[3..] {
            world.admit(*caller).await;
        }
        world
    }

    /// Makes a caller's application, its token and its grant.
    async fn admit(&self, caller: Caller) {
        let registry = &self.bench.registry;
        let app = Application {
            key: caller.key(),
            app_id: caller.name(),
            ..Application::clone(&registry.application("app").expect("the owner"))
        };
        registry.keep_application(app).await.expect("kept");
        let now = self.bench.clock.now();
        let token = |text: &str, kind| Token {
            digest: secrets::digest(text),
            app: caller.key(),
            kind,
            valid_until: now + Duration::from_hours(1),
        };
        let tokens = vec![
            token(&caller.name(), TokenKind::Access),
            token(&format!("refresh-{}", caller.name()), TokenKind::Refresh),
        ];
        let renewed = registry.renew_tokens(caller.key(), tokens, None).await;
        renewed.expect("kept");
        let grant = Grant {
            owner: APP,
            grantee: caller.key(),
            created: now,
            until: None,
            devices: Vec::new(),
            groups: Vec::new(),
            operations: Vec::new(),
            revoked: None,
        };
        let given = match caller {
            // The group is made with the device.
            Caller::NoToken
            | Caller::WrongToken
            | Caller::Own
            | Caller::Foreign
            | Caller::ItsGroup => return,
            Caller::OtherGroup => Grant {
                groups: vec![its_id(
                    &self.bench.group("elsewhere", &[self.elsewhere]).await,
                )],
                ..grant
            },
            Caller::Granted | Caller::OtherOperations | Caller::Revoked | Caller::Frozen => grant,
            Caller::OtherDevices => Grant {
                devices: vec![self.elsewhere],
                ..grant
            },
            Caller::Expired => Grant {
                until: Some(now + Duration::from_millis(1)),
                ..grant
            },
        };
        registry.grant(given).await.expect("granted");
        match caller {
            Caller::Revoked => {
                assert!(registry.revoke(APP, caller.key(), now).await.expect("kept"));
            }
            Caller::Expired => self.bench.clock.move_to(now + Duration::from_millis(1)),
            Caller::Frozen => {
                let freeze = |app: &mut Application| app.frozen = true;
                let name = caller.name();
                let frozen = registry.change_application(&name, true, freeze).await;
                assert!(frozen.expect("kept").is_some());
            }
            Caller::NoToken
            | Caller::WrongToken
            | Caller::Own
            | Caller::Foreign
            | Caller::Granted
            | Caller::ItsGroup
            | Caller::OtherDevices
            | Caller::OtherGroup
            | Caller::OtherOperations => {}
        }
    }

    /// Limits the grant of `OtherOperations` to every operation but this one.
    async fn all_but(&self, operation: Operation) {
        let all = Operation::ALL.iter().map(|one| granted_name(*one));
        let others = all.filter(|name| *name != granted_name(operation));
        let others = others.map(str::to_owned).collect();
        self.limit(Caller::OtherOperations, Vec::new(), others)
            .await;
    }

    /// Gives a caller another grant: for some groups, or for some operations.
    async fn limit(&self, caller: Caller, groups: Vec<GroupId>, operations: Vec<String>) {
        let grant = Grant {
            owner: APP,
            grantee: caller.key(),
            created: self.bench.clock.now(),
            until: None,
            devices: Vec::new(),
            groups,
            operations,
            revoked: None,
        };
        let registry = &self.bench.registry;
        registry.grant(grant).await.expect("granted");
        Endings::new(registry.clone()).settle().await;
    }

    /// A device of `app`'s that has connected, takes direct calls if it must, and has a command waiting.
    async fn target(&self, operation: Operation, caller: Caller) -> Target {
        let cell = format!("{operation:?}{caller:?}");
        let device = self.bench.device(&cell).await;
        let group = self.bench.group(&cell, &[device, self.apart]).await;
        if caller == Caller::ItsGroup {
            self.limit(caller, vec![its_id(&group)], Vec::new()).await;
        }
        let command = self.bench.queue(device).await;
        let session = self.bench.subscribe(device).await;
        if operation != Operation::InvokeDeviceService {
            self.bench.disconnect(&session).await;
        }
        let command = if operation == Operation::UpdateDeviceCommand {
            self.bench.queue(device).await
        } else {
            command
        };
        Target {
            device,
            command,
            group,
        }
    }

    /// Has a caller call an operation on a target of `app`'s.
    async fn call(&self, operation: Operation, caller: Caller, target: &Target) -> Got {
        let route = paths::ROUTES.iter().find(|(one, _)| *one == operation);
        let (_, template) = route.expect("every operation has a path");
        let path = template
            .replace("{deviceId}", &target.device.to_string())
            .replace("{serviceId}", "Light")
            .replace("{deviceCommandId}", &target.command)
            .replace("{devGroupId}", &target.group);
        let query = match about(operation) {
            About::Tokens => String::new(),
            About::Devices => "?appId=app&pageNo=0".to_owned(),
            About::New | About::Device | About::List | About::Commands | About::Command => {
                "?appId=app".to_owned()
            }
            About::Grouping | About::Groups => "?accessAppId=app".to_owned(),
            About::Group => format!("?accessAppId=app&devGroupId={}", target.group),
        };
        let bearer = format!("Bearer {}", self.token(caller));
        let name = caller.name();
        let mut headers = vec![("app_key", name.as_str())];
        if caller != Caller::NoToken {
            headers.push(("authorization", &bearer));
        }
        let method = operation.method();
        let body = body(operation, caller, target);
        self.bench
            .raw(method.as_str(), &format!("{path}{query}"), &headers, &body)
            .await
    }

    fn token(&self, caller: Caller) -> String {
        match caller {
            Caller::NoToken | Caller::WrongToken => "0".repeat(32),
            Caller::Own => self.bench.token().to_owned(),
            other => other.name(),
        }
    }
}

fn body(operation: Operation, caller: Caller, target: &Target) -> String {
    let (name, device) = (caller.name(), target.device);
    // Every application of these tests has the secret of the first.
    match operation {
        Operation::GetAuthToken => format!("appId={name}&secret=secret-of-app"),
        Operation::RefreshAuthToken => format!(
            r#"{{"appId":"{name}","secret":"secret-of-app","refreshToken":"refresh-{name}"}}"#
        ),
        Operation::LogoutAuthToken => format!(r#"{{"accessToken":"{name}"}}"#),
        Operation::RegDirectDevice => format!(r#"{{"nodeId":"new-{name}"}}"#),
        Operation::RegDirectDeviceWithSecret => {
            format!(r#"{{"deviceInfo":{{"nodeId":"new2-{name}"}},"mqttConnect":true}}"#)
        }
        Operation::RefreshDeviceKey | Operation::RefreshDeviceSecret => "{}".to_owned(),
        Operation::ModifyDeviceInfo => r#"{"name":"x"}"#.to_owned(),
        Operation::PostDeviceCommand | Operation::PostDeviceCommandOld => command(device),
        Operation::UpdateDeviceCommand => r#"{"status":"CANCELED"}"#.to_owned(),
        Operation::CreateDeviceCmdCancelTask | Operation::CancelDeviceCommandOld => {
            format!(r#"{{"deviceId":"{device}"}}"#)
        }
        Operation::InvokeDeviceService => {
            r#"{"header":{"mode":"NOACK","method":"SET"},"body":{"value":1}}"#.to_owned()
        }
        Operation::QueryDeviceStatus
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::QueryDeviceCommandOld
        | Operation::QueryDeviceCmdCancelTask
        | Operation::DeleteDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers => String::new(),
        Operation::CreateDeviceGroup | Operation::ModifyDeviceGroup => {
            format!(r#"{{"name":"new{operation:?}{name}"}}"#)
        }
        Operation::AddDevicesToGroup | Operation::DeleteDevicesFromGroup => {
            format!(
                r#"{{"devGroupId":"{}","deviceIds":["{device}"]}}"#,
                target.group
            )
        }
    }
}

fn its_id(group: &str) -> GroupId {
    group.parse().expect("a group's id")
}

/// What an answer says, as far as the rule goes.
fn seen(operation: Operation, target: &Target, got: &Got) -> Outcome {
    if got.text.contains("\"error_code\"") || got.text.contains("\"resultcode\"") {
        let json = got.json();
        let code = json["error_code"].as_str().or(json["resultcode"].as_str());
        let code = code.expect("a code").to_owned();
        return Outcome::Code(code.leak());
    }
    assert_eq!(got.status, operation.success().as_u16(), "{}", got.text);
    let shows = || got.text.contains(&target.device.to_string());
    if about(operation) == About::Devices && !shows() {
        return Outcome::Empty;
    }
    if about(operation) == About::Groups && !got.text.contains(&target.group) {
        return Outcome::Empty;
    }
    let members = operation == Operation::QueryDeviceGroupMembers;
    assert!(!members || shows(), "{}", got.text);
    let lists = matches!(about(operation), About::List | About::Commands);
    if lists {
        let json = got.json();
        let total = &json["pagination"]["totalSize"];
        let total = total.as_u64().or(json["totalCount"].as_u64());
        if total.expect("a total") == 0 {
            return Outcome::Empty;
        }
    }
    Outcome::Done
}

#[tokio::test]
async fn every_operation_heeds_who_calls() {
    let world = World::new().await;
    // Something for every list: a task of a device apart, whose commands are all over.
    world.bench.queue(world.apart).await;
    let task = format!(r#"{{"deviceId":"{}"}}"#, world.apart);
    let made = world.bench.call("POST", paths::CANCEL_TASKS, &task).await;
    assert_eq!(made.status, 201);
    let mut wrong = Vec::new();
    for operation in Operation::ALL.iter().copied() {
        if about(operation) == About::Tokens {
            continue;
        }
        world.all_but(operation).await;
        for caller in CALLERS {
            let cell = format!("{operation:?}-{caller:?}");
            let target = world.target(operation, caller).await;
            let got = world.call(operation, caller, &target).await;
            let expected = expected(operation, caller);
            let seen = seen(operation, &target, &got);
            if seen != expected {
                wrong.push(format!("{cell}: {seen:?}, not {expected:?}: {}", got.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn operations_of_tokens_heed_no_grant_but_the_frost() {
    for operation in Operation::ALL.iter().copied() {
        if about(operation) != About::Tokens {
            continue;
        }
        let world = World::new().await;
        let target = Target {
            device: world.elsewhere,
            command: String::new(),
            group: String::new(),
        };
        let mut callers = CALLERS.to_vec();
        // `app`'s refresh token is another one: its login gave it.
        callers.retain(|caller| caller.key() != APP);
        for caller in callers {
            let got = world.call(operation, caller, &target).await;
            let expected = expected(operation, caller);
            assert_eq!(
                seen(operation, &target, &got),
                expected,
                "{operation:?} {caller:?}"
            );
        }
    }
    let bench = Bench::start().await;
    for (token, secret) in [("", "secret-of-app"), ("Bearer 0", "secret-of-app")] {
        let headers = [("app_key", "app"), ("authorization", token)];
        let form = format!("appId=app&secret={secret}");
        let got = bench.raw("POST", LOGIN, &headers, &form).await;
        assert_eq!(got.status, 200, "a login asks for no token");
    }
}
