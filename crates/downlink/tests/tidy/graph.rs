//! The crate graph, reduced from `cargo metadata` to what the checks look at.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

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

impl Graph {
    /// Asks cargo. The lock file is taken as it is.
    pub(crate) fn read(repo: &Repo) -> Self {
        let filter = format!("--filter-platform={}", host());
        let metadata = MetadataCommand::new()
            .manifest_path(repo.manifest())
            .other_options(["--locked".to_owned(), filter])
            .exec()
            .unwrap_or_else(|error| panic!("cargo metadata: {error}"));
        Self::of(&metadata)
    }

    fn of(metadata: &Metadata) -> Self {
        let licence = |package: &Package| {
            (
                format!("{} {}", package.name, package.version),
                package.license.clone(),
            )
        };
        let graph = Self {
            members: metadata
                .workspace_packages()
                .into_iter()
                .map(Member::of)
                .collect(),
            licences: metadata.packages.iter().map(licence).collect(),
            uses: uses(metadata),
        };
        assert!(
            graph.members.len() > 8,
            "cargo metadata names {} members only",
            graph.members.len()
        );
        graph
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
                if seen.insert(name.clone()) {
                    paths.push([path.clone(), vec![name.clone()]].concat());
                }
            }
        }
        None
    }
}

impl Member {
    fn of(package: &Package) -> Self {
        let need = |dependency: &cargo_metadata::Dependency| Need {
            name: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
        };
        Self {
            name: package.name.to_string(),
            needs: package.dependencies.iter().map(need).collect(),
        }
    }
}

fn uses(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let resolve = metadata
        .resolve
        .as_ref()
        .expect("asked for with its dependencies");
    let mut uses = BTreeMap::<String, BTreeSet<String>>::new();
    for node in &resolve.nodes {
        let is_normal = |dep: &&cargo_metadata::NodeDep| {
            dep.dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal)
        };
        let names = node
            .deps
            .iter()
            .filter(is_normal)
            .map(|dep| metadata[&dep.pkg].name.to_string());
        uses.entry(metadata[&node.id].name.to_string())
            .or_default()
            .extend(names);
    }
    uses
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
