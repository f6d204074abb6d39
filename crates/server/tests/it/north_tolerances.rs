//! What field clients do that no page says: one test for each of tolerances 1 to 12.

use crate::north_support::{
    Bench, CANCEL_TASKS, COMMANDS, DEVICES, LOGIN, LOGOUT, REGISTER, command, invoke,
};
use serde_json::{Value, json};

#[tokio::test]
async fn tolerance_1_the_token_comes_in_any_case_with_blanks_or_in_a_header_of_its_own() {
    let bench = Bench::start().await;
    let token = bench.token().to_owned();
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("Authorization", format!("BEARER  {token}")),
        ("access_token", token.clone()),
        ("Access_token", token.clone()),
    ] {
        for app_key in ["app_key", "App_key", "x-app-key"] {
            let got = bench
                .raw("GET", COMMANDS, &[(app_key, "app"), (name, &value)], "")
                .await;
            assert_eq!(got.status, 200, "{name} {app_key}");
        }
    }
}

#[tokio::test]
async fn tolerance_2_a_login_is_a_form_in_any_case_and_with_or_without_a_content_type() {
    let bench = Bench::start().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body) in [
        (vec![form], "appId=app&secret=secret-of-app"),
        (vec![], "Secret=secret-of-app&appId=app"),
        (
            vec![("content-type", "application/json")],
            "APPID=app&SECRET=secret%2Dof%2Dapp&",
        ),
        (
            vec![("content-type", "application/json")],
            r#"{"appId":"app","Secret":"secret-of-app"}"#,
        ),
    ] {
        assert_eq!(
            bench.raw("POST", LOGIN, &headers, body).await.status,
            200,
            "{body}"
        );
    }
    let token = bench.login("app").await;
    assert_eq!(
        bench
            .raw("POST", LOGOUT, &[form], &format!("accessToken={token}"))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn tolerance_3_odd_queries_are_read_and_unknown_keys_ignored() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.queue(device).await;
    for query in [
        "?&pageNo=0&pageSize=1",
        "?pageNo=0&pageSize=1&",
        "?pageSize=1&callbackUrl=https://h:1/p?a=b",
        "?pageSize=1&appid=nobody&app_Id=nobody&x",
        "?pageSize=1&appId%20=app",
        "?pageSize=1&appId=",
    ] {
        let json = bench
            .call("GET", &format!("{COMMANDS}{query}"), "")
            .await
            .json();
        assert_eq!(json["pagination"]["pageSize"], 1, "{query}");
        assert_eq!(json["data"].as_array().expect("a list").len(), 1, "{query}");
    }
    let json = bench
        .call("GET", &format!("{CANCEL_TASKS}?status=success"), "")
        .await
        .json();
    assert_eq!(json["pagination"]["totalSize"], 0);
    assert_eq!(
        bench
            .call(
                "DELETE",
                &format!("{DEVICES}/{device}?cascade=TRUE&appId=app"),
                ""
            )
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn tolerance_4_double_and_trailing_slashes_do_no_harm() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    for path in [
        format!("{COMMANDS}/"),
        format!("/{COMMANDS}"),
        COMMANDS.replace("/cmd/", "//cmd//"),
    ] {
        assert_eq!(bench.call("GET", &path, "").await.status, 200, "{path}");
    }
    let got = bench
        .call(
            "PUT",
            &format!("{COMMANDS}//{id}/"),
            r#"{"status":"CANCELED"}"#,
        )
        .await;
    assert_eq!(got.json()["status"], "CANCELED");
}

#[tokio::test]
async fn tolerance_5_a_get_may_have_a_content_type_and_a_body() {
    let bench = Bench::start().await;
    assert_eq!(
        bench
            .with_headers("GET", COMMANDS, &[], r#"{"x":1}"#)
            .await
            .status,
        200
    );
    let device = bench.device("n").await;
    let got = bench
        .with_headers(
            "DELETE",
            &format!("{DEVICES}/{device}"),
            &[("content-length", "0")],
            "",
        )
        .await;
    assert_eq!(got.status, 204);
}

#[tokio::test]
async fn tolerance_6_nulls_strings_for_numbers_and_unknown_members_are_read() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let body = format!(
        r#"{{"deviceId":"{device}","requestId":"r","hasMore":0,"from":null,"CALLBACKURL":"https://example.com:9/x","expireTime":"60",
            "maxRetransmit":"2","command":{{"serviceId":"S","method":"M","paras":null,"hasMore":"0"}}}}"#
    );
    let json = bench.call("POST", COMMANDS, &body).await.json();
    assert_eq!(
        (&json["expireTime"], &json["maxRetransmit"]),
        (&json!(60), &json!(2))
    );
    assert_eq!(
        (&json["callbackUrl"], &json["command"]["paras"]),
        (&json!("https://example.com:9/x"), &json!({}))
    );
    let body = r#"{"nodeId":"o","timeout":"0","isSecure":"TRUE","verifyCode":null,"deviceInfo":{"mute":"false","x":1},"y":[]}"#;
    assert_eq!(
        bench.call("POST", REGISTER, body).await.json()["timeout"],
        0
    );
    let session = bench.subscribe(device).await;
    let body = r#"{"header":{"mode":"ack","method":"M","toType":"gateway","callbackUrl":"https://example.com:9/x","to":null},"body":null,"z":1}"#;
    assert_eq!(bench.call("POST", &invoke(device), body).await.status, 202);
    assert!(!session.orders().is_empty());
}

#[tokio::test]
async fn tolerance_7_older_paths_are_aliases_where_the_answers_are_the_same() {
    let bench = Bench::start().await;
    for (version, node) in [("v1.1.0", "a"), ("v1.2.0", "b")] {
        let path = format!("/iocm/app/reg/{version}/devices");
        let got = bench
            .call(
                "POST",
                &path,
                &format!(r#"{{"nodeId":"{node}","verifyCode":"{node}"}}"#),
            )
            .await;
        assert_eq!(got.status, 200);
        let id = got.json()["deviceId"].as_str().expect("an id").to_owned();
        assert_eq!(
            bench.call("GET", &format!("{path}/{id}"), "").await.json()["activated"],
            false
        );
        for old in ["v1.1.0", "v1.2.0", "v1.3.0"] {
            let device = format!("/iocm/app/dm/{old}/devices/{id}");
            assert_eq!(
                bench.call("PUT", &device, r#"{"name":"n"}"#).await.status,
                204
            );
            assert_eq!(
                bench.call("GET", &device, "").await.json()["deviceInfo"]["name"],
                "n"
            );
        }
        assert_eq!(
            bench
                .call("DELETE", &format!("/iocm/app/dm/v1.1.0/devices/{id}"), "")
                .await
                .status,
            204
        );
    }
}

#[tokio::test]
async fn tolerances_8_and_9_every_answer_but_204_is_json_with_its_type_and_codes_are_strings() {
    // `Got` checks the form of every answer of these tests; here, one of each kind.
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let kinds = [
        bench.call("GET", COMMANDS, "").await,
        bench.call("POST", COMMANDS, &command(device)).await,
        bench.call("POST", COMMANDS, "{").await,
        bench.call("GET", "/nowhere", "").await,
        bench
            .call("PUT", &format!("{COMMANDS}/x"), r#"{"status":"CANCELED"}"#)
            .await,
        bench
            .call("DELETE", &format!("{DEVICES}/{device}"), "")
            .await,
    ];
    assert_eq!(kinds.map(|got| got.status), [200, 201, 400, 404, 200, 204]);
}

#[tokio::test]
async fn tolerance_10_result_and_its_detail_are_objects_or_null_and_integers_never_null() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    for detail in [
        None,
        Some(r#"{"a":1}"#),
        Some(r#""text""#),
        Some("[1]"),
        Some("3"),
        Some("not JSON"),
    ] {
        bench.queue(device).await;
        let order = session.orders().remove(0);
        bench.answer(&session, &order, detail).await;
        let json = bench
            .call("GET", &format!("{COMMANDS}?pageSize=1"), "")
            .await
            .json();
        let command = &json["data"][0];
        let shown = &command["result"]["resultDetail"];
        assert!(
            if detail == Some(r#"{"a":1}"#) {
                shown.is_object()
            } else {
                *shown == Value::Null
            },
            "{command}"
        );
        assert!(command["result"].is_object());
        for integer in ["expireTime", "issuedTimes", "maxRetransmit"] {
            assert!(command[integer].is_u64(), "{integer}");
        }
        let unset = command
            .as_object()
            .expect("an object")
            .values()
            .any(Value::is_null);
        assert!(!unset, "{command}");
    }
}

#[tokio::test]
async fn tolerance_11_the_invocations_answer_carries_its_moment_twice() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let _session = bench.subscribe(device).await;
    let json = bench
        .call(
            "POST",
            &invoke(device),
            r#"{"header":{"mode":"ACK","method":"M"}}"#,
        )
        .await
        .json();
    assert_eq!(json["timestamp"], json["timeStamp"]);
    assert_eq!(json["timestamp"], "20200913T122640Z");
}

#[tokio::test]
async fn tolerance_12_success_statuses_are_exact() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let _session = bench.subscribe(device).await;
    let id = bench.device("o").await;
    let pending = bench.queue(id).await;
    for (method, path, body, status) in [
        (
            "POST",
            REGISTER.to_owned(),
            r#"{"nodeId":"p"}"#.to_owned(),
            200,
        ),
        ("GET", format!("{REGISTER}/{device}"), String::new(), 200),
        ("PUT", format!("{DEVICES}/{device}"), "{}".into(), 204),
        ("GET", format!("{DEVICES}/{device}"), String::new(), 200),
        ("POST", COMMANDS.into(), command(device), 201),
        ("GET", COMMANDS.into(), String::new(), 200),
        (
            "PUT",
            format!("{COMMANDS}/{pending}"),
            r#"{"status":"CANCELED"}"#.into(),
            200,
        ),
        (
            "POST",
            CANCEL_TASKS.into(),
            format!(r#"{{"deviceId":"{device}"}}"#),
            201,
        ),
        ("GET", CANCEL_TASKS.into(), String::new(), 200),
        (
            "POST",
            invoke(device),
            r#"{"header":{"mode":"NOACK","method":"M"}}"#.into(),
            202,
        ),
        ("DELETE", format!("{DEVICES}/{device}"), String::new(), 204),
    ] {
        assert_eq!(
            bench.call(method, &path, &body).await.status,
            status,
            "{method} {path}"
        );
    }
}
