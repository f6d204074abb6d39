//! `sdks/scenarios/scenario.json`, which every client library goes through, by the Rust client; and whether it holds all that it is to.

mod arguments;
mod bare;
mod calls;
mod complete;
mod members;
mod stage;
mod steps;
mod values;

use serde::Deserialize;
use serde_json::Value;
use stage::Stage;
use std::path::Path;
use steps::Step;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../sdks/scenarios/scenario.json"
);

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    server: Vec<String>,
    setup: Vec<Value>,
    steps: Vec<Value>,
}

impl Scenario {
    fn read() -> Self {
        let text = std::fs::read(Path::new(FILE)).expect("the file");
        serde_json::from_slice(&text).expect("a scenario")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_client_goes_through_the_scenario() {
    let scenario = Scenario::read();
    let mut stage = Stage::set(&scenario).await;
    let mut done = 0;
    for (number, step) in (1..).zip(&scenario.steps) {
        let step = Step::read(step).unwrap_or_else(|wrong| panic!("step {number}: {wrong}"));
        if let Err(wrong) = stage.act(&step).await {
            let note = step.note.as_deref().unwrap_or_default();
            panic!("step {number} ({note}): {wrong}");
        }
        done += 1;
    }
    assert_eq!(done, scenario.steps.len());
    stage.nothing_is_left();
    stage.every_method_was_used();
}
