//! The list of devices, gateways and their children (contract §3.6, §4.2, R8.2).

use crate::north_support::{Bench, COMMANDS, DEVICES, REGISTER, command, invoke};
use delivery::{AppKey, DeviceId};
use serde_json::Value;
use std::time::Duration;
use store::Device;

const OLD_DEVICES: &str = "/iocm/app/dm/v1.1.0/devices";

impl Bench {
    /// A device behind `gateway`, as the operator registers one.
    pub(crate) async fn child(&self, gateway: DeviceId, node_id: &str) -> DeviceId {
        let parent = self.registry.device(gateway).await.expect("read");
        let child = Device {
            id: self.registry.new_device_id(),
            gateway: Some(gateway),
            node_id: node_id.into(),
            secret: None,
            ..Device::clone(&parent.expect("it is there"))
        };
        let child = Device {
            registered: self.clock.now(),
            ..child
        };
        self.registry.add_device(child).await.expect("kept").id
    }

    async fn listed(&self, query: &str) -> Value {
        let got = self.call("GET", &format!("{DEVICES}?{query}"), "").await;
        assert_eq!(got.status, 200, "{query}: {}", got.text);
        got.json()
    }

    /// The node ids of a list, in its order.
    async fn nodes(&self, query: &str) -> Vec<String> {
        let list = self.listed(query).await;
        let devices = list["devices"].as_array().expect("a list");
        let node = |device: &Value| device["deviceInfo"]["nodeId"].as_str().map(str::to_owned);
        devices.iter().filter_map(node).collect()
    }
}

/// Devices `a` to `e`, registered a second apart.
async fn five(bench: &Bench) -> Vec<DeviceId> {
    let mut all = Vec::new();
    for node in ["a", "b", "c", "d", "e"] {
        all.push(bench.device(node).await);
        bench.pass(Duration::from_secs(1)).await;
    }
    all
}

#[tokio::test]
async fn devices_are_listed_newest_first_page_by_page() {
    let bench = Bench::start().await;
    five(&bench).await;
    assert_eq!(bench.nodes("pageNo=0").await, ["e", "d", "c", "b", "a"]);
    assert_eq!(bench.nodes("pageNo=1&pageSize=2").await, ["c", "b"]);
    assert_eq!(
        bench.nodes("pageNo=0&pageSize=2&sort=asc").await,
        ["a", "b"]
    );
    let list = bench.listed("pageNo=1&pageSize=2").await;
    assert_eq!(
        (&list["totalCount"], &list["pageNo"], &list["pageSize"]),
        (&5.into(), &1.into(), &2.into())
    );
    assert_eq!(bench.listed("pageNo=0").await["pageSize"], 25);
    assert!(bench.nodes("pageNo=9").await.is_empty());
    let one = &list["devices"][0];
    assert_eq!(
        (&one["nodeType"], &one["gatewayId"]),
        (&"GATEWAY".into(), &one["deviceId"])
    );
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let bench = Bench::start().await;
    let all = five(&bench).await;
    let path = format!("{DEVICES}/{}", all[1]);
    let told = r#"{"name":"Meter","deviceType":"WaterMeter","location":"cellar","imsi":"4600"}"#;
    assert_eq!(bench.call("PUT", &path, told).await.status, 204);
    let _session = bench.connect(all[3]).await;
    for (query, nodes) in [
        ("name=Meter", vec!["b"]),
        ("deviceType=WaterMeter&location=cellar", vec!["b"]),
        ("location=attic", vec![]),
        ("status=online", vec!["d"]),
        ("status=OFFLINE", vec!["e", "c", "b", "a"]),
        ("status=INACTIVE&name=Meter", vec!["b"]),
        ("status=ABNORMAL", vec![]),
        ("nodeType=GATEWAY&status=ONLINE", vec!["d"]),
        ("nodeType=ENDPOINT", vec![]),
        ("nodeType=UNKNOW", vec![]),
        (
            "startTime=20200913T122641Z&endTime=20200913T122643Z",
            vec!["d", "c", "b"],
        ),
        ("startTime=20200913T122644Z", vec!["e"]),
    ] {
        let query = format!("pageNo=0&{query}");
        assert_eq!(bench.nodes(&query).await, nodes, "{query}");
        let total = bench.listed(&query).await["totalCount"].clone();
        assert_eq!(total, nodes.len(), "{query}");
    }
    let imsi = |list: Value| list["devices"][0]["deviceInfo"]["imsi"].clone();
    assert_eq!(imsi(bench.listed("pageNo=0&name=Meter").await), Value::Null);
    let with_imsi = bench.listed("pageNo=0&name=Meter&select=imsi").await;
    assert_eq!(imsi(with_imsi), "4600");
}

#[tokio::test]
async fn another_applications_devices_and_deleted_ones_are_not_listed() {
    let bench = Bench::start().await;
    let all = five(&bench).await;
    let path = format!("{DEVICES}/{}", all[0]);
    assert_eq!(bench.call("DELETE", &path, "").await.status, 204);
    let foreign = bench.registry.device(all[1]).await.expect("read");
    let change = |device: &mut Device| device.app = AppKey(2);
    let id = foreign.expect("it is there").id;
    bench
        .registry
        .change_device(id, change)
        .await
        .expect("kept");
    assert_eq!(bench.nodes("pageNo=0").await, ["e", "d", "c"]);
}

#[tokio::test]
async fn what_a_list_cannot_be_asked_for_has_a_code_each() {
    let bench = Bench::start().await;
    for (query, code, detail) in [
        ("", "100218", None),
        ("pageNo=&gatewayId=", "100218", None),
        (
            "pageNo=-1",
            "100216",
            Some("`pageNo` must be an integer from 0 to 2147483647"),
        ),
        (
            "pageNo=0&pageSize=251",
            "100216",
            Some("`pageSize` must be an integer from 1 to 250"),
        ),
        (
            "pageNo=0&sort=UP",
            "100405",
            Some("`sort` must be one of ASC, DESC"),
        ),
        (
            "pageNo=0&startTime=yesterday",
            "100405",
            Some("`startTime` must be a UTC time such as 20151212T121212Z"),
        ),
    ] {
        let got = bench.call("GET", &format!("{DEVICES}?{query}"), "").await;
        assert_eq!(got.error(), (400, code.into()), "{query}");
        assert_eq!(got.json()["detail"].as_str(), detail, "{query}");
    }
    let got = bench.call("GET", DEVICES, "").await.json();
    assert_eq!(
        got["error_desc"],
        "The gatewayId and pageNo can't be both null."
    );
}

#[tokio::test]
async fn a_gateway_is_listed_with_its_children_and_without_pages_if_none_is_asked_for() {
    let bench = Bench::start().await;
    let gateway = five(&bench).await[2];
    for node in ["x", "y", "z"] {
        bench.child(gateway, node).await;
        bench.pass(Duration::from_secs(1)).await;
    }
    let under = format!("gatewayId={gateway}");
    assert_eq!(bench.nodes(&under).await, ["z", "y", "x", "c"]);
    let list = bench.listed(&under).await;
    assert_eq!(
        (&list["totalCount"], &list["pageSize"]),
        (&4.into(), &250.into())
    );
    for (query, nodes) in [
        ("pageNo=0&pageSize=2", vec!["z", "y"]),
        ("pageNo=1&pageSize=2", vec!["x", "c"]),
        ("pageNo=1&pageSize=3", vec!["c"]),
        ("pageNo=2&pageSize=2", vec![]),
        ("pageNo=0&pageSize=2&sort=ASC", vec!["c", "x"]),
        ("pageNo=1&pageSize=2&sort=ASC", vec!["y", "z"]),
        ("pageNo=0&pageSize=1&sort=ASC", vec!["c"]),
        ("nodeType=ENDPOINT", vec!["z", "y", "x"]),
        ("nodeType=GATEWAY", vec!["c"]),
    ] {
        assert_eq!(
            bench.nodes(&format!("{under}&{query}")).await,
            nodes,
            "{query}"
        );
    }
    let child = &list["devices"][0];
    assert_eq!(
        (&child["nodeType"], &child["gatewayId"]),
        (&"ENDPOINT".into(), &gateway.to_string().into())
    );
    assert!(bench.nodes("gatewayId=nowhere").await.is_empty());
}

#[tokio::test]
async fn r8_2_a_gateway_is_deleted_with_its_children_unless_told_otherwise() {
    for (query, stays) in [
        ("", false),
        ("?cascade=true", false),
        ("?cascade=FALSE", true),
    ] {
        let bench = Bench::start().await;
        let gateway = bench.device("g").await;
        let child = bench.child(gateway, "x").await;
        let other = bench.device("o").await;
        let queued = bench.queue(child).await;
        let path = format!("{DEVICES}/{gateway}{query}");
        assert_eq!(bench.call("DELETE", &path, "").await.status, 204);
        let shown = bench.call("GET", &format!("{DEVICES}/{child}"), "").await;
        assert_eq!(shown.status == 200, stays, "{query}");
        let shown = bench.call("GET", &format!("{DEVICES}/{other}"), "").await;
        assert_eq!(shown.status, 200);
        let list = bench.call("GET", COMMANDS, "").await.json();
        let status = if stays { "PENDING" } else { "CANCELED" };
        assert_eq!(list["data"][0]["commandId"], queued.as_str());
        assert_eq!(list["data"][0]["status"], status, "{query}");
        if stays {
            let call = r#"{"header":{"mode":"ACK","method":"SET"}}"#;
            let got = bench.call("POST", &invoke(child), call).await;
            assert_eq!(got.error(), (403, "100450".into()), "it is offline");
        }
    }
}

#[tokio::test]
async fn more_children_than_are_read_at_once_go_with_their_gateway() {
    let bench = Bench::start().await;
    let gateway = bench.device("g").await;
    for n in 0..=server::limits::CHILDREN_PER_READ {
        bench.child(gateway, &format!("child-{n}")).await;
    }
    let path = format!("{DEVICES}/{gateway}");
    assert_eq!(bench.call("DELETE", &path, "").await.status, 204);
    assert!(bench.nodes("pageNo=0").await.is_empty());
}

#[tokio::test]
async fn a_command_for_a_child_is_queued_like_any_other() {
    let bench = Bench::start().await;
    let gateway = bench.device("g").await;
    let child = bench.child(gateway, "x").await;
    let got = bench.call("POST", COMMANDS, &command(child)).await;
    assert_eq!(
        (got.status, got.json()["status"].as_str()),
        (201, Some("PENDING"))
    );
}

#[tokio::test]
async fn devices_at_the_paths_of_2017_name_their_registration_twice() {
    let bench = Bench::start().await;
    let got = bench.call("POST", REGISTER, r#"{"nodeId":"n"}"#).await;
    let id = got.json()["deviceId"].as_str().expect("an id").to_owned();
    let old = bench
        .call("GET", &format!("{OLD_DEVICES}/{id}"), "")
        .await
        .json();
    assert_eq!(old["creationTime"], "20200913T122640Z");
    assert_eq!(old["createTime"], old["creationTime"]);
    let list = bench
        .call("GET", &format!("{OLD_DEVICES}?pageNo=0"), "")
        .await;
    assert_eq!(
        list.json()["devices"][0]["creationTime"],
        "20200913T122640Z"
    );
    let new = bench
        .call("GET", &format!("{DEVICES}/{id}"), "")
        .await
        .json();
    assert!(new.get("creationTime").is_none());
}
