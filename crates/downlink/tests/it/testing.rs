//! `docs/testing.md`: its examples are the files that it names, and each is run as it stands.
//!
//! After a change of an example, `UPDATE=1 cargo test -p downlink --test it testing` brings it into the page.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "docs/testing.md";
/// The sentence before a block begins with the file's name in backticks.
const BLOCKS: [(&str, &str); 4] = [
    ("test-bed.sh", "docs/examples/test-bed.sh"),
    ("every-ending.sh", "docs/examples/every-ending.sh"),
    ("every-code.sh", "docs/examples/every-code.sh"),
    (
        "crates/sdk/examples/test_bed.rs",
        "crates/sdk/examples/test_bed.rs",
    ),
];

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The page with each block as its file is now.
fn expected(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    for (name, path) in BLOCKS {
        let named = format!("`{name}`");
        let at = rest
            .match_indices(&named)
            .map(|(at, _)| at)
            .find(|at| *at == 0 || rest[..*at].ends_with('\n') || rest[..*at].ends_with(". "))
            .unwrap_or_else(|| panic!("the page does not name {name}"));
        let fence = at + rest[at..].find("\n```").expect("a block") + 1;
        let begin = fence + rest[fence..].find('\n').expect("a line") + 1;
        let end = begin + rest[begin..].find("\n```").expect("its end") + 1;
        out.push_str(&rest[..begin]);
        out.push_str(&text(path));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[test]
fn the_page_shows_the_examples_as_they_are() {
    let page = text(PAGE);
    let expected = expected(&page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(Path::new(ROOT).join(PAGE), &expected).expect("written");
    } else {
        assert!(page == expected, "run it again with UPDATE=1");
    }
}

/// Ends whatever a script left running.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -- -{} 2>/dev/null", self.0);
        Command::new("sh").args(["-c", &kill]).status().ok();
    }
}

/// Runs an example to its end, with the program on its path, and returns what it printed.
fn run(program: &Path, args: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(env!("CARGO_BIN_EXE_downlink"));
    let path = std::env::var("PATH").expect("a path");
    let bin = binary.parent().expect("a folder").display();
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DOWNLINK") {
            command.env_remove(name);
        }
    }
    let out = std::fs::File::create(folder.path().join("out")).expect("a file");
    command
        .args(args)
        .env("PATH", format!("{bin}:{path}"))
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(out.try_clone().expect("a file"))
        .stdout(out)
        .process_group(0);
    let mut child = command.spawn().expect("it runs");
    let _group = Group(child.id());
    let status = child.wait().expect("it ends");
    let printed = std::fs::read_to_string(folder.path().join("out")).expect("text");
    assert!(status.success(), "{printed}");
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 1, "its folders are gone: {printed}");
    printed
}

fn script(name: &str) -> String {
    let path = Path::new(ROOT).join("docs/examples").join(name);
    run(Path::new("bash"), &[path.to_str().expect("text")])
}

#[test]
fn the_shell_example_causes_every_ending() {
    let printed = script("every-ending.sh");
    for ending in [
        "CANCELED",
        "EXPIRED",
        "SUCCESSFUL",
        "FAILED",
        "DELIVERED",
        "TIMEOUT",
        "delivered",
    ] {
        let is_there = printed.lines().any(|line| line == ending);
        assert!(is_there, "{ending} is missing:\n{printed}");
    }
}

#[test]
fn the_shell_example_causes_every_code_of_the_commands_operations() {
    let printed = script("every-code.sh");
    for code in [
        "100203", "100217", "100418", "100428", "100431", "100432", "100434", "100435", "100022",
        "102203", "100450", "1010009", "1010005", "100444", "100001", "100023", "50252", "100220",
        "101016", "101017", "100501", "100223", "100612",
    ] {
        let is_there = printed
            .lines()
            .any(|line| line.split(' ').next() == Some(code));
        assert!(is_there, "{code} is missing:\n{printed}");
    }
    assert!(
        printed.contains("the platform ended with status 1"),
        "{printed}"
    );
}

#[test]
fn the_rust_example_runs_as_printed() {
    let program = crate::sdk::examples::folder().join("test_bed");
    assert_eq!(run(&program, &[]), "all is as it should be\n");
}
