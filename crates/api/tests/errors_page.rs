//! `docs/errors/` is generated from the codes: a page for each, and one that lists them. This test compares, and with `UPDATE=1` in the
//! environment it rewrites.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs};

use api::openapi::{Article, Who, concerns, happens, never};
use api::{Code, ErrorStatus, Failure, Operation};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");

const HEAD: &str = "# Errors

One page per code. These pages are generated from `crates/api/src/codes.rs`, `operation.rs` and `openapi/articles`; after a change there run
`UPDATE=1 cargo test -p api --test errors_page`.

An error's body is JSON: ``{\"error_code\":\"100022\",\"error_desc\":\"The input is invalid.\",\"detail\":\"`deviceId` is required\"}``.

- `error_desc` is the contract's text, verbatim, spelling included; `detail`, where present, says what is wrong in this very request. `detail`
  is for people: it changes without notice, so decide by `error_code` alone.
- The header `x-request-id` stands on every error. It names the request in the platform's log, where the cause of a failure inside
  stands, which the answer does not tell. Quote it when you ask the operator.
- 1010005 and 1010009 carry `resultcode` and `resultmsg` too, as the gateway of the old platform did; with `gateway_exact` they carry only
  these two.

The columns:

- **status**: what the operation's own table says, under `error_status = documented`. **Many errors are a 200**: look at `error_code` first.
- **`http`**: the status under `error_status = http`, where it differs.
- **retry**: the same request, sent again later, may succeed though nobody changes anything in between.
- **harmless**: it is certain that the request changed nothing and that no byte left for a device. Where it says *no*, look before you
  repeat a create, or repeat it under the same `Idempotency-Key`.

";

const NOTES: &str = "## Two codes for one thing

- A wrong shape is 100022, and 50400 in the operations on device groups.
- A body that is no JSON object is 100007 where the operation's table has it, else 100022 like every other wrong shape.
- An unknown service is 100431 for a queued command and 100444 for a direct call; both have the same text.
- An unknown command name, or paras that do not fit, is 100022 for a queued command and 102203 for a direct call (R3.1).
- A device with too many open commands is 100223 for a queued command and 100501 for a direct call (R1.12).
- A device behind a gateway that is down is 100450 for a direct call, a device that is offline itself 100428 (R4.6).
- Too many devices are 100609 in one request, and 100601 when the group would not hold them.
- A failure inside is 100001, and 50252 in the operations whose table lists only that. In a direct call 50252 says that the link failed
  while it took over the frame: the call is FAILED (R4.6).
";

#[test]
fn the_errors_pages_are_what_the_codes_say() {
    let pages = pages();
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(FOLDER).expect("the folder can be made");
        for name in found().keys().filter(|name| !pages.contains_key(*name)) {
            fs::remove_file(format!("{FOLDER}/{name}")).expect("an old page can be removed");
        }
        for (name, text) in pages {
            fs::write(format!("{FOLDER}/{name}"), text).expect("a page can be written");
        }
        return;
    }
    let found = found();
    let differing: Vec<&String> = pages
        .keys()
        .chain(found.keys())
        .filter(|name| pages.get(*name) != found.get(*name))
        .collect();
    assert!(
        differing.is_empty(),
        "{differing:?} are not what the codes say; run `UPDATE=1 cargo test -p api --test errors_page` and commit docs/errors"
    );
}

/// Every operation that a code concerns has a cause for it or a reason why it never comes, and none has both.
#[test]
fn r3_2_a_code_of_a_table_is_caused_or_the_reason_stands_why_not() {
    for &code in Code::ALL {
        for &operation in Operation::ALL {
            let place = format!("{code} in {}", operation.name());
            let (sent, silent) = (happens(operation, code), never(operation, code).is_some());
            assert!(
                !(sent && silent),
                "{place} is said to happen and not to happen"
            );
            assert!(
                sent || silent || !operation.lists(code),
                "{place} has neither a cause nor a reason"
            );
            assert!(
                !silent || operation.lists(code),
                "{place} is not in the table"
            );
        }
    }
    for &operation in Operation::ALL {
        assert!(
            happens(operation, operation.internal()),
            "{}",
            operation.name()
        );
        if let Some(Err(invalid)) = api::openapi::read_body(operation, b"\xff") {
            assert!(
                happens(operation, operation.invalid(&invalid)),
                "{}",
                operation.name()
            );
        }
    }
    for (operation, number) in [
        ("updateDeviceCommand", "100428"),
        ("updateDeviceCommand", "100431"),
    ] {
        let operation = *Operation::ALL
            .iter()
            .find(|one| one.name() == operation)
            .expect("a string grows");
        assert!(
            never(
                operation,
                Code::from_number(number).expect("a string grows")
            )
            .is_some()
        );
    }
}

fn found() -> BTreeMap<String, String> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).ok()?;
        Some((entry.file_name().into_string().ok()?, text))
    };
    entries.filter_map(read).collect()
}

fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> = codes()
        .into_iter()
        .map(|code| (format!("{code}.md"), page(code)))
        .collect();
    pages.insert("README.md".to_owned(), index());
    pages
}

fn codes() -> Vec<Code> {
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.number().parse::<u32>().expect("a code is a number"));
    codes
}

const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// The page of one code.
fn page(code: Code) -> String {
    let article = Article::of(code);
    let mut page = format!("# {code}: {}\n\n{}\n\n", code.text(None), code.meaning());
    writeln!(
        page,
        "| | |\n|---|---|\n| retryable | {} |\n| surely harmless | {} |\n",
        retryable(code),
        harmless(code)
    )
    .expect("a string grows");
    let mut causes = String::new();
    for (who, cause) in article.causes {
        writeln!(causes, "- {}: {cause}", whom(*who, code)).expect("a string grows");
    }
    if causes.is_empty() {
        causes = match code {
            Code::NoSuchPath | Code::MethodNotAllowed => {
                "- A request to an address that belongs to no operation.\n".to_owned()
            }
            _ => "Never: Downlink does not send it.\n".to_owned(),
        };
    }
    write!(
        page,
        "## How a request comes to it\n\n{causes}\n## What to do\n\n{}\n",
        article.remedy
    )
    .expect("a string grows");
    if !article.never.is_empty() {
        page.push_str("\n## Listed, but never sent\n\n");
        for (operations, why) in article.never {
            writeln!(page, "- {}: {why}.", names(operations)).expect("a string grows");
        }
    }
    page.push_str(&statuses_table(code));
    page.push_str(
        "\nThe body, `detail` and `x-request-id` are explained in the [index](README.md).\n",
    );
    page
}

fn retryable(code: Code) -> &'static str {
    if code.retryable() {
        "yes: the same request, sent again later, may succeed though nobody changes anything in between"
    } else {
        "no: the same request will be refused again until somebody changes something"
    }
}

fn harmless(code: Code) -> &'static str {
    if code.surely_harmless() {
        "yes: the request changed nothing, and no byte left for a device"
    } else {
        "no: it may have taken effect; look before you repeat a create, or repeat it under the same `Idempotency-Key`"
    }
}

fn whom(who: Who, code: Code) -> String {
    let concerned: Vec<Operation> = Operation::ALL
        .iter()
        .copied()
        .filter(|operation| concerns(who, *operation, code))
        .collect();
    match who {
        Who::Every => "every operation".to_owned(),
        Who::WithToken => "every operation but login, refresh and logout".to_owned(),
        Who::Listing | Who::Failing | Who::Only(_) => names(&concerned),
    }
}

fn names(operations: &[Operation]) -> String {
    let names: Vec<String> = operations
        .iter()
        .map(|operation| format!("`{}`", operation.name()))
        .collect();
    names.join(", ")
}

/// Status and text in each operation, in both settings.
fn statuses_table(code: Code) -> String {
    let failure = Failure::new(code);
    let mut rows = String::new();
    for &operation in Operation::ALL {
        if !(operation.lists(code) || happens(operation, code)) {
            continue;
        }
        let status = |mode| failure.status(Some(operation), mode).as_u16();
        let (documented, http) = (status(ErrorStatus::Documented), status(ErrorStatus::Http));
        let sent = if happens(operation, code) {
            ""
        } else {
            " (never sent)"
        };
        writeln!(
            rows,
            "| `{}`{sent} | {documented} | {http} | `{}` |",
            operation.name(),
            code.text(Some(operation))
        )
        .expect("a string grows");
    }
    if rows.is_empty() {
        let status = |mode| failure.status(None, mode).as_u16();
        let (documented, http) = (status(ErrorStatus::Documented), status(ErrorStatus::Http));
        writeln!(
            rows,
            "| none | {documented} | {http} | `{}` |",
            code.text(None)
        )
        .expect("a string grows");
    }
    format!(
        "\n## Status\n\n| operation | `error_status = documented` | `error_status = http` | `error_desc` |\n|---|---|---|---|\n{rows}"
    )
}

fn index() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## Codes\n\n| code | text | status | `http` | retry | harmless | meaning |\n|---|---|---|---|---|---|---|\n");
    for code in codes() {
        let (status, http) = (statuses(code), http_statuses(code));
        let (retry, harmless) = (yes_no(code.retryable()), yes_no(code.surely_harmless()));
        let (number, text, meaning) = (code.number(), texts(code), code.meaning());
        writeln!(
            page,
            "| [{number}]({number}.md) | {text} | {status} | {http} | {retry} | {harmless} | {meaning} |"
        )
        .expect("a string grows");
    }
    page.push_str("\n## Tables of the operations\n\nThe first status counts where a table lists a code under two; a code that a table does not list has the status above that stands for *else*.\nCodes in parentheses are listed and never sent: their pages say why.\n\n| operation | success | errors |\n|---|---|---|\n");
    for &operation in Operation::ALL {
        let row = |(status, codes): &api::operation::TableRow| {
            let number = |code: &Code| match never(operation, *code) {
                None => code.number().to_owned(),
                Some(_) => format!("({code})"),
            };
            let numbers: Vec<_> = codes.iter().map(number).collect();
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
