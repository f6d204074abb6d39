//! The repository as it would be committed: tracked files, and new ones that are not ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::source::Source;

/// The checkout that this test was built from.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    pub(crate) fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self {
            root: root
                .canonicalize()
                .expect("the crate lies two levels below the root"),
        }
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.root.join("Cargo.toml")
    }

    /// The text of a file that must be there.
    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// All Rust files.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let paths = self
            .paths()
            .into_iter()
            .filter(|path| Path::new(path).extension().is_some_and(|end| end == "rs"));
        paths
            .map(|path| Source::new(&path, self.text(&path)))
            .collect()
    }

    /// Path and content of every file that is text.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let read = |path: String| {
            std::fs::read_to_string(self.root.join(&path))
                .ok()
                .map(|text| (path, text))
        };
        self.paths().into_iter().filter_map(read).collect()
    }

    /// `Cargo.toml` of every crate: below `crates` and, with the other languages, below `sdks`.
    pub(crate) fn crate_manifests(&self) -> Vec<String> {
        let is_manifest = |path: &String| {
            path.starts_with("crates/") && path.matches('/').count() == 2
                || path.starts_with("sdks/")
        };
        let is_manifest =
            |path: &String| is_manifest(path) && path.rsplit('/').next() == Some("Cargo.toml");
        self.paths().into_iter().filter(is_manifest).collect()
    }

    /// What git knows or would add, without what has been deleted.
    fn paths(&self) -> Vec<String> {
        let output = Command::new("git")
            // A checkout may belong to another user, as in a container.
            .args(["-c", "safe.directory=*", "-C"])
            .arg(&self.root)
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--deduplicate",
            ])
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "git ls-files: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let listing = String::from_utf8(output.stdout).expect("our paths are UTF-8");
        let paths = listing.split_terminator('\0').map(str::to_owned);
        paths
            .filter(|path| self.root.join(path).is_file())
            .collect()
    }
}
