//! `docs/errors/README.md` is generated from the codes; this test compares, and with `UPDATE=1` in the environment it rewrites.

use std::fmt::Write as _;
use std::{env, fs};

use api::{Code, ErrorStatus, Failure, Operation};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/README.md");

const HEAD: &str = "# Errors

This page is generated from `crates/api/src/codes.rs` and `operation.rs`; after a change there run
`UPDATE=1 cargo test -p api --test errors_page`.

An error's body is JSON: ``{\"error_code\":\"100022\",\"error_desc\":\"The input is invalid.\",\"detail\":\"`deviceId` is required\"}``.
`error_desc` is the contract's text, verbatim; `detail`, where present, says what is wrong in this very request. 1010005 and 1010009
carry `resultcode` and `resultmsg` too, as the gateway of the old platform did; with `gateway_exact` they carry only these two.

- **status**: what the operation's own table says, under `error_status = documented`. **Many errors are a 200**: look at `error_code` first.
- **`http`**: the status under `error_status = http`, where it differs.
- **retry**: the same request, sent again later, may succeed though nobody changes anything in between.
- **harmless**: it is certain that the request changed nothing and that no byte left for a device. Where it says *no*, look before you
  repeat a create, or repeat it under the same `Idempotency-Key`.

";

const NOTES: &str = "## What a table lists but cannot happen

- **100428 and 100431 on `updateDeviceCommand`** (R3.2): a cancel needs no device and no service. The command of an offline device is
  cancelled, or refused with 100435, like any other.
- **100428 and 100431 on `queryDeviceCommand`**: a list needs no device that is online, and no service.
- **100428 on `postDeviceCommand`**: a queued command waits for its device; an immediate one that never reaches it ends in TIMEOUT (R1.5).
- **100403** stands for a missing device in `queryDeviceStatus` only; where a table lists 100418 too, that is sent (R3.1).
- **50400** in the tables of registration, `refreshDeviceKey` and `modifyDeviceInfo` is 100022 under another name.
- **100025** in the tables of registration and `refreshDeviceKey` is 100203 under another name.
- **103026, 103027, 103028**: Downlink knows no licences.

## Two codes for one thing

- A body that is no JSON object is 100007 where the operation's table has it, else 100022 like every other wrong shape.
- An unknown service is 100431 for a queued command and 100444 for a direct call; both have the same text.
- An unknown command name, or paras that do not fit, is 100022 for a queued command and 102203 for a direct call (R3.1).
- A device with too many open commands is 100223 for a queued command and 100501 for a direct call (R1.12).
- A device behind a gateway that is down is 100450 for a direct call, a device that is offline itself 100428 (R4.6).
- A failure inside is 100001, and 50252 in the operations whose table lists only that. In a direct call 50252 says that the link failed
  while it took over the frame: the call is FAILED (R4.6).
";

#[test]
fn the_errors_page_is_what_the_codes_say() {
    let expected = page();
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(PAGE, expected).expect("the page can be written");
        return;
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        found == expected,
        "docs/errors/README.md is not what the codes say; run `UPDATE=1 cargo test -p api --test errors_page` and commit it"
    );
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## Codes\n\n| code | text | status | `http` | retry | harmless | meaning |\n|---|---|---|---|---|---|---|\n");
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.number().parse::<u32>().expect("a code is a number"));
    for code in codes {
        let yes_no = |yes| if yes { "yes" } else { "no" };
        let (status, http) = (statuses(code), http_statuses(code));
        let (retry, harmless) = (yes_no(code.retryable()), yes_no(code.surely_harmless()));
        let (number, text, meaning) = (code.number(), texts(code), code.meaning());
        writeln!(
            page,
            "| {number} | {text} | {status} | {http} | {retry} | {harmless} | {meaning} |"
        )
        .expect("a string grows");
    }
    page.push_str("\n## Tables of the operations\n\nThe first status counts where a table lists a code under two; a code that a table does not list has the status above that stands for *else*.\n\n| operation | success | errors |\n|---|---|---|\n");
    for &operation in Operation::ALL {
        let row = |(status, codes): &api::operation::TableRow| {
            let numbers: Vec<_> = codes.iter().map(|code| code.number()).collect();
            format!("{}: {}", status.as_u16(), numbers.join(" "))
        };
        let rows: Vec<_> = operation.table().iter().map(row).collect();
        let (name, success) = (operation.name(), operation.success().as_u16());
        writeln!(page, "| `{name}` | {success} | {} |", rows.join(" · ")).expect("a string grows");
    }
    page.push('\n');
    page.push_str(NOTES);
    page
}

/// The texts of a code, those of single operations after the usual one.
fn texts(code: Code) -> String {
    let usual = code.text(None);
    let mut texts = vec![format!("`{usual}`")];
    for &operation in Operation::ALL {
        let text = code.text(Some(operation));
        if text != usual {
            texts.push(format!("`{}`: `{text}`", operation.name()));
        }
    }
    texts.join("<br>")
}

/// "200 (updateDeviceCommand), else 404", or the one status if it is the same everywhere.
fn statuses(code: Code) -> String {
    let otherwise = Failure::new(code).status(None, ErrorStatus::Documented);
    let mut groups: Vec<(http::StatusCode, Vec<&str>)> = Vec::new();
    for &operation in Operation::ALL {
        let status = operation.documented_status(code);
        if status == otherwise {
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == status) {
            Some((_, names)) => names.push(operation.name()),
            None => groups.push((status, vec![operation.name()])),
        }
    }
    let mut text = String::new();
    for (status, names) in &groups {
        write!(text, "{} ({}), ", status.as_u16(), names.join(", ")).expect("a string grows");
    }
    let word = if groups.is_empty() { "" } else { "else " };
    format!("{text}{word}{}", otherwise.as_u16())
}

fn http_statuses(code: Code) -> String {
    let failure = Failure::new(code);
    let http = failure.status(None, ErrorStatus::Http);
    let differs =
        |&operation: &Operation| failure.status(Some(operation), ErrorStatus::Documented) != http;
    let mode_is_uniform = Operation::ALL
        .iter()
        .all(|&o| failure.status(Some(o), ErrorStatus::Http) == http);
    let is_named = Operation::ALL.iter().any(differs);
    if mode_is_uniform && is_named {
        http.as_u16().to_string()
    } else {
        String::new()
    }
}
