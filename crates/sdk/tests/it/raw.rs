//! Raw calls: what is sent of the texts that they are given, and under whose token.

use sdk::api::{Code, Operation, Secret};
use sdk::{Error, StatusCode, Token};

use crate::platform::{LOGIN, Platform, answer};

const CREATED: &str = r#"{"commandId": "c", "new member": 1.50}"#;

#[tokio::test]
async fn texts_go_and_come_unchanged() {
    let platform = Platform::start().await;
    platform.will_answer([answer(201, CREATED), answer(204, "")]);
    let client = platform.client();
    let body = r#"{"paras": {"value": 1.50, "none": null}}"#;
    let create = client.raw(Operation::from_id("postDeviceCommand").unwrap());
    let reply = create.query("appId=a%26b").body(body).send().await.unwrap();
    assert_eq!(
        (reply.status, &reply.body[..]),
        (StatusCode::CREATED, CREATED.as_bytes())
    );
    let delete = client.raw(Operation::DeleteDirectDevice).variable("d/1 é");
    let reply = delete.send().await.unwrap();
    assert_eq!(
        (reply.status, reply.body.len()),
        (StatusCode::NO_CONTENT, 0)
    );
    let seen = platform.seen();
    assert_eq!(
        seen[1].line,
        "POST /iocm/app/cmd/v1.4.0/deviceCommands?appId=a%26b"
    );
    assert_eq!(seen[1].body, body);
    assert_eq!(seen[1].header("content-type"), "application/json");
    assert_eq!(seen[1].header("idempotency-key").len(), 32);
    assert_eq!(seen[1].header("authorization"), "Bearer token-1");
    assert_eq!(
        seen[2].line,
        "DELETE /iocm/app/dm/v1.4.0/devices/d%2F1%20%C3%A9"
    );
    assert_eq!(seen[2].header("idempotency-key"), "");
}

#[tokio::test]
async fn it_carries_the_token_that_it_is_told_to() {
    let platform = Platform::start().await;
    let refusal = r#"{"resultcode":"1010005","resultmsg":"Invalid access token or appId."}"#;
    platform.will_answer([answer(403, refusal), answer(200, "{}")]);
    let client = platform.client();
    let query = || client.raw(Operation::QueryDeviceCommand);
    let given = Token::Given(Secret::new("elsewhere"));
    let error = query().token(given).send().await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidToken));
    let Error::Contract(refused) = error else {
        panic!("a refusal");
    };
    assert_eq!(refused.body, refusal);
    query().token(Token::None).send().await.unwrap();
    let seen = platform.seen();
    assert_eq!(seen.len(), 2, "no login, and no second try");
    assert_eq!(seen[0].header("authorization"), "Bearer elsewhere");
    assert_eq!(seen[0].header("app_key"), "app 1");
    assert_eq!(seen[1].header("authorization"), "");
    assert_eq!(seen[1].header("app_key"), "");
}

#[tokio::test]
async fn a_login_of_somebody_else_is_a_form_and_changes_nothing_here() {
    let platform = Platform::start().await;
    let client = platform.client();
    let form = "appId=x&secret=y";
    let login = client.raw(Operation::GetAuthToken).body(form);
    let reply = login.send().await.unwrap();
    assert!(!format!("{reply:?}").contains("token-1"), "{reply:?}");
    let own = client.access_token().await.unwrap();
    assert_eq!(own.expose(), "token-2");
    assert_eq!(client.access_token().await.unwrap(), own);
    assert_eq!(platform.lines(), [LOGIN, LOGIN]);
    let seen = platform.seen();
    assert_eq!(seen[0].body, form);
    assert_eq!(
        seen[0].header("content-type"),
        "application/x-www-form-urlencoded"
    );
}

#[tokio::test]
async fn a_path_that_would_lead_elsewhere_is_not_sent() {
    let platform = Platform::start().await;
    let client = platform.client();
    for value in ["", ".", ".."] {
        let raw = client.raw(Operation::UpdateDeviceCommand).variable(value);
        assert!(
            matches!(raw.send().await, Err(Error::Setting { .. })),
            "{value}"
        );
        let typed = client.update_device_command(value).await.unwrap_err();
        assert_eq!(
            typed.to_string(),
            "path cannot be used: a variable is empty, `.` or `..`"
        );
        assert!(typed.surely_harmless() && !typed.is_retryable());
    }
    let raw = client.raw(Operation::InvokeDeviceService).variable("d");
    let error = raw.send().await.unwrap_err();
    assert!(
        error.to_string().ends_with("has 2 variables, not 1"),
        "{error}"
    );
    assert!(platform.lines().is_empty());
}
