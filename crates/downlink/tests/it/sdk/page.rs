//! docs/sdk-rust.md: its example is the file that it names, and its five minutes run as they are printed.
//!
//! After a change of the example, `UPDATE=1 cargo test -p downlink --test it page` brings it into the page.

use super::examples::folder;
use crate::process::wait;
use crate::readme;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "docs/sdk-rust.md";
const EXAMPLE: &str = "crates/sdk/examples/first_command.rs";
const FENCE: &str = "\n```rust\n";

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let page = text(PAGE);
    let (before, rest) = page.split_once(FENCE).expect("a block");
    assert!(before.trim_end().ends_with(&format!("`{EXAMPLE}`:")));
    let end = rest.find("```\n").expect("its end");
    let expected = [before, FENCE, &text(EXAMPLE), &rest[end..]].concat();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(Path::new(ROOT).join(PAGE), &expected).expect("written");
    } else {
        assert!(page == expected, "run it again with UPDATE=1");
    }
}

#[test]
fn the_five_minutes_lead_to_an_answered_call_as_printed() {
    let page = text(PAGE);
    let script = readme::blocks(&page, "Five minutes");
    let (build, script) = script.split_once('\n').expect("lines");
    assert_eq!(build, "cargo build --release");
    // They are built already.
    let run = "cargo run -q --release -p sdk --example ";
    assert_eq!(script.matches(run).count(), 2);
    let examples = format!("{}/", folder().display());
    let script = script.replace(run, &examples);
    let clone = tempfile::tempdir().expect("a folder");
    let printed = readme::run(clone.path(), &script);
    for part in [
        " is PENDING",
        "WaterMeter CLOSE_VALVE {}",
        " is CANCELED",
        "WaterMeter SET_PERIOD {\"value\":12}",
        " is SUCCESSFUL",
        "the call is Delivered",
        "the meter answers",
    ] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    let ports = clone.path().join("downlink-data/ports.json");
    wait("the server ends", || !ports.exists());
}
