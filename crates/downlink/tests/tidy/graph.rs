//! The crate graph, reduced from `cargo metadata` to what the checks look at.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::repo::Repo;

/// All packages that a build of the workspace on this machine's platform uses.
#[derive(Default)]
pub(crate) struct Graph {
    /// The members of the workspace, with what their manifests ask for.
    pub(crate) members: Vec<Member>,
    /// Name and version of every package, with its SPDX expression if it has one.
    pub(crate) licences: BTreeMap<String, Option<String>>,
    /// By package name: the names of what its normal build uses directly, features resolved.
    pub(crate) uses: BTreeMap<String, BTreeSet<String>>,
}

/// A crate of ours.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) needs: Vec<Need>,
}

/// One entry of a crate's manifest.
pub(crate) struct Need {
    pub(crate) name: String,
    /// Needed by tests only.
    pub(crate) dev: bool,
}

/// Edges that only the features of other members bring about: what cargo tells joins the features of the whole workspace, and with them
/// the digests that `api` signs with seem to ask for randomness. `cargo tree -p api -e normal` shows that they do not.
const OTHERS_FEATURES: &[(&str, &str)] = &[
    ("crypto-common", "getrandom"),
    ("crypto-common", "rand_core"),
];

impl Graph {
    /// Asks cargo. The lock file is taken as it is.
    pub(crate) fn read(repo: &Repo) -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .arg(format!("--filter-platform={}", host()))
            .arg("--manifest-path")
            .arg(repo.manifest())
            .output()
            .expect("cargo has just built this test");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {errors}");
        let metadata = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let graph = Self::of(&metadata);
        let members = graph.members.len();
        assert!(members > 8, "cargo metadata names {members} members only");
        graph
    }

    /// Takes from cargo's answer, format version 1, what this graph holds.
    fn of(metadata: &Value) -> Self {
        let packages = list(&metadata["packages"]);
        let ids = list(&metadata["workspace_members"]);
        let ours = packages
            .iter()
            .filter(|package| ids.contains(&package["id"]));
        let licence = |package: &Value| {
            let version = text(&package["version"]);
            let licence = package["license"].as_str().map(str::to_owned);
            (format!("{} {version}", text(&package["name"])), licence)
        };
        Self {
            members: ours.map(Member::of).collect(),
            licences: packages.iter().map(licence).collect(),
            uses: uses(metadata),
        }
    }

    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// A shortest chain of normal dependencies between two packages, both ends included.
    pub(crate) fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut paths = vec![vec![from.to_owned()]];
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            next += 1;
            let last = path.last().expect("a path has at least its start");
            if last == to {
                return Some(path);
            }
            for name in self.uses.get(last).into_iter().flatten() {
                if OTHERS_FEATURES.contains(&(last.as_str(), name.as_str())) {
                    continue;
                }
                if seen.insert(name.clone()) {
                    paths.push([path.clone(), vec![name.clone()]].concat());
                }
            }
        }
        None
    }
}

impl Member {
    fn of(package: &Value) -> Self {
        let need = |dependency: &Value| Need {
            name: text(&dependency["name"]),
            dev: dependency["kind"] == "dev",
        };
        let needs = list(&package["dependencies"]).iter().map(need).collect();
        Self {
            name: text(&package["name"]),
            needs,
        }
    }
}

fn uses(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let named = |package: &Value| (text(&package["id"]), text(&package["name"]));
    let names: BTreeMap<_, _> = list(&metadata["packages"]).iter().map(named).collect();
    let is_normal = |used: &&Value| {
        list(&used["dep_kinds"])
            .iter()
            .any(|kind| kind["kind"].is_null())
    };
    let mut uses = BTreeMap::<String, BTreeSet<String>>::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let used = list(&node["deps"]).iter().filter(is_normal);
        let used = used.map(|used| names[&text(&used["pkg"])].clone());
        uses.entry(names[&text(&node["id"])].clone())
            .or_default()
            .extend(used);
    }
    uses
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("cargo metadata: a list")
}

fn text(value: &Value) -> String {
    value.as_str().expect("cargo metadata: a string").to_owned()
}

/// This machine's target triple: packages of other platforms have not been downloaded by a build.
fn host() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .expect("rustc has just built this test");
    let text = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host")
        .to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Graph, Member, Need};

    /// A member with normal needs, then `dev:` ones.
    pub(crate) fn member(name: &str, needs: &[&str]) -> Member {
        let need = |need: &&str| Need {
            name: need.trim_start_matches("dev:").to_owned(),
            dev: need.starts_with("dev:"),
        };
        Member {
            name: name.to_owned(),
            needs: needs.iter().map(need).collect(),
        }
    }

    #[test]
    fn cargos_answer_is_read_with_kinds_and_licences() {
        let graph = Graph::of(&serde_json::json!({
            "workspace_members": ["path#api"],
            "packages": [
                { "id": "path#api", "name": "api", "version": "0.1.0", "license": "Apache-2.0", "dependencies": [
                    { "name": "serde", "kind": null }, { "name": "proptest", "kind": "dev" },
                ] },
                { "id": "registry#serde", "name": "serde", "version": "1.0.0", "license": null, "dependencies": [] },
                { "id": "registry#proptest", "name": "proptest", "version": "1.0.0", "license": "MIT", "dependencies": [] },
            ],
            "resolve": { "nodes": [
                { "id": "path#api", "deps": [
                    { "pkg": "registry#serde", "dep_kinds": [{ "kind": null }, { "kind": "dev" }] },
                    { "pkg": "registry#proptest", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "registry#serde", "deps": [] },
            ] },
        }));
        let needs = graph.members.iter().flat_map(|member| &member.needs);
        let needs: Vec<_> = needs.map(|need| (need.name.as_str(), need.dev)).collect();
        assert_eq!(needs, [("serde", false), ("proptest", true)]);
        assert_eq!(graph.licences["serde 1.0.0"], None);
        assert_eq!(graph.licences["api 0.1.0"].as_deref(), Some("Apache-2.0"));
        assert_eq!(graph.path("api", "serde").unwrap(), ["api", "serde"]);
        assert_eq!(
            graph.path("api", "proptest"),
            None,
            "a test's need is none of the crate's"
        );
    }

    #[test]
    fn a_chain_of_dependencies_is_found_with_its_middle() {
        let mut graph = Graph::default();
        for (name, used) in [("api", "codec"), ("codec", "runtime"), ("runtime", "api")] {
            graph
                .uses
                .entry(name.to_owned())
                .or_default()
                .insert(used.to_owned());
        }
        assert_eq!(
            graph.path("api", "runtime").unwrap(),
            ["api", "codec", "runtime"]
        );
        assert_eq!(graph.path("api", "missing"), None);
    }
}
