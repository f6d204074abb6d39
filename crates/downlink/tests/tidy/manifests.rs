//! Manifests: each dependency of the workspace says why it is there, stands in order and has a user, and no crate goes
//! its own way in lints or versions.

use toml::{Table, Value};

use crate::Offence;
use crate::graph::Graph;

const SECTION: &str = "[workspace.dependencies]";

/// Entries without a trailing reason, out of order, or in a shape that hides the reason.
pub(crate) fn reasons(manifest: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut before = "";
    let entries = entries(manifest);
    if entries.is_empty() {
        offences.push(format!("Cargo.toml: no entry in {SECTION}"));
    }
    for Entry { line, name, text } in entries {
        if reason(text).is_none_or(|reason| reason.split_whitespace().count() < 2) {
            offences.push(format!(
                "Cargo.toml:{line}: {name} gives no reason: end the line with `# what it is for`"
            ));
        }
        if is_ours(text) {
            continue;
        }
        if name < before {
            offences.push(format!(
                "Cargo.toml:{line}: {name} stands after {before}: keep the order of the alphabet"
            ));
        }
        before = name;
    }
    let tables = manifest
        .lines()
        .enumerate()
        .filter(|(_, text)| text.starts_with("[workspace.dependencies."));
    offences.extend(
        tables.map(|(at, _)| format!("Cargo.toml:{}: write the dependency on one line", at + 1)),
    );
    offences
}

/// Entries that no crate asks for.
pub(crate) fn unused(manifest: &str, graph: &Graph) -> Vec<Offence> {
    let is_used = |name: &str| {
        graph
            .members
            .iter()
            .any(|member| member.needs.iter().any(|need| need.name == name))
    };
    let unused = entries(manifest)
        .into_iter()
        .filter(|entry| !is_ours(entry.text) && !is_used(entry.name));
    unused
        .map(|entry| format!("Cargo.toml:{}: no crate uses {}", entry.line, entry.name))
        .collect()
}

/// What a crate's manifest decides for itself and should not.
pub(crate) fn inherits(path: &str, manifest: &str) -> Vec<Offence> {
    let table = match manifest.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let mut offences = Vec::new();
    if !from_workspace(table.get("lints")) {
        offences.push(format!("{path}: needs [lints] workspace = true"));
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !from_workspace(table.get("package").and_then(|package| package.get(key))) {
            offences.push(format!("{path}: needs {key}.workspace = true"));
        }
    }
    for (name, value) in dependencies(&table) {
        if !from_workspace(Some(value)) {
            offences.push(format!(
                "{path}: {name} must come from the workspace, where its reason stands"
            ));
        }
    }
    offences
}

/// One dependency of the workspace: its name and the rest of its line.
struct Entry<'a> {
    line: usize,
    name: &'a str,
    text: &'a str,
}

fn entries(manifest: &str) -> Vec<Entry<'_>> {
    let lines = manifest
        .lines()
        .enumerate()
        .skip_while(|(_, text)| text.trim() != SECTION)
        .skip(1);
    let section = lines.take_while(|(_, text)| !text.starts_with('['));
    let filled = section.filter(|(_, text)| !text.trim().is_empty() && !text.starts_with('#'));
    let name = |text: &'_ str| text.find(['=', '.', ' ']).unwrap_or(text.len());
    filled
        .map(|(at, text)| Entry {
            line: at + 1,
            name: &text[..name(text)],
            text,
        })
        .collect()
}

fn is_ours(entry: &str) -> bool {
    entry.contains("path = \"crates/")
}

/// The comment at the end of a line, strings passed over.
fn reason(line: &str) -> Option<&str> {
    let mut quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted => return Some(line[at + 1..].trim()),
            _ => {}
        }
    }
    None
}

fn from_workspace(value: Option<&Value>) -> bool {
    value
        .and_then(|value| value.get("workspace"))
        .and_then(Value::as_bool)
        == Some(true)
}

/// All dependencies of every kind, those of single platforms included.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let platforms = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let owners = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let found = owners.flat_map(|owner| {
        kinds
            .iter()
            .filter_map(|kind| owner.get(*kind))
            .filter_map(Value::as_table)
    });
    found.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{inherits, reasons, unused};
    use crate::graph::{Graph, tests::member};

    const GOOD: &str = "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
        license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";

    #[test]
    fn a_dependency_without_a_reason_is_named_with_its_line() {
        let manifest = "[workspace.dependencies]\n# Outside.\nbytes = \"1\" # shared buffers\nserde = { version = \"1#x\" }\n\n[other]\nx = 1\n";
        let found = reasons(manifest);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Cargo.toml:4: serde"), "{found:?}");
    }

    #[test]
    fn one_word_is_no_reason_and_a_table_hides_it() {
        let manifest = "[workspace.dependencies]\nserde = \"1\" # JSON\n[workspace.dependencies.toml]\nversion = \"1\"\n";
        let found = reasons(manifest);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn disorder_and_an_empty_section_are_offences() {
        let manifest = "[workspace.dependencies]\nzip = \"1\" # reads archives\nbytes = \"1\" # shared buffers\n";
        assert!(reasons(manifest)[0].contains("bytes stands after zip"));
        assert_eq!(reasons("[workspace]\n").len(), 1);
    }

    #[test]
    fn an_entry_without_a_user_is_named() {
        let manifest = "[workspace.dependencies]\napi = { path = \"crates/api\" } # wire types\nbytes = \"1\" # buffers\nzip = \"1\" # archives\n";
        let graph = Graph {
            members: vec![member("mqtt", &["bytes"])],
            ..Graph::default()
        };
        assert_eq!(
            unused(manifest, &graph),
            ["Cargo.toml:4: no crate uses zip"]
        );
    }

    #[test]
    fn a_crate_that_inherits_passes() {
        assert_eq!(inherits("a", GOOD), [""; 0]);
    }

    #[test]
    fn a_crate_that_goes_its_own_way_is_named() {
        assert_eq!(
            inherits(
                "a",
                &GOOD.replace("[lints]\nworkspace = true", "[lints]\nrust = {}")
            )
            .len(),
            1
        );
        assert_eq!(
            inherits(
                "a",
                &GOOD.replace("edition.workspace = true", "edition = \"2021\"")
            )
            .len(),
            1
        );
        assert_eq!(
            inherits(
                "a",
                &format!("{GOOD}[dev-dependencies]\nserde_json = \"1\"\n")
            )
            .len(),
            1
        );
        assert_eq!(
            inherits(
                "a",
                &format!("{GOOD}[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n")
            )
            .len(),
            1
        );
        assert_eq!(inherits("a", "not = = toml").len(), 1);
    }
}
