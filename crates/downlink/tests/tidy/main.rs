//! The house rules that no compiler knows, as a test: which crate may lean on which, what each may take from outside,
//! licences, reasons, sizes, words. Each check is a plain function from text or from the crate graph to a list of
//! offences, has small fixtures beside it that it must refuse, and is run here over the repository itself.
//!
//! A rule changes here together with the page that states it, not to let a single case pass.

mod edges;
mod graph;
mod lexer;
mod licences;
mod manifests;
mod repo;
mod rules;
mod sizes;
mod source;
mod words;

use graph::Graph;
use repo::Repo;
use source::Source;

/// What is wrong and where, for one line of the report.
type Offence = String;

/// Fails with every offence at once, so that one run is enough to mend them.
fn assert_tidy(mut offences: Vec<Offence>) {
    offences.sort();
    offences.dedup();
    assert!(
        offences.is_empty(),
        "\n\n{} offence(s):\n  {}\n",
        offences.len(),
        offences.join("\n  ")
    );
}

fn each_source(check: impl Fn(&Source) -> Vec<Offence>) {
    let sources = Repo::open().sources();
    assert!(
        sources.len() > 8,
        "only {} Rust files found: the search itself is broken",
        sources.len()
    );
    assert_tidy(sources.iter().flat_map(check).collect());
}

#[test]
fn crates_lean_only_on_what_the_house_allows() {
    assert_tidy(edges::ours(&Graph::read(&Repo::open())));
}

#[test]
fn crates_take_from_outside_only_what_their_diet_allows() {
    let graph = Graph::read(&Repo::open());
    assert_tidy(
        [
            edges::diets(&graph),
            edges::homes(&graph),
            edges::reach(&graph),
        ]
        .concat(),
    );
}

#[test]
fn every_package_has_a_licence_we_accept() {
    assert_tidy(licences::check(&Graph::read(&Repo::open())));
}

#[test]
fn every_workspace_dependency_has_a_reason_and_a_user() {
    let repo = Repo::open();
    let manifest = repo.text("Cargo.toml");
    assert_tidy(
        [
            manifests::reasons(&manifest),
            manifests::unused(&manifest, &Graph::read(&repo)),
        ]
        .concat(),
    );
}

#[test]
fn every_crate_inherits_lints_and_versions_from_the_workspace() {
    let repo = Repo::open();
    let manifests = repo.crate_manifests();
    assert!(
        manifests.len() > 8,
        "only {} crates found: the search itself is broken",
        manifests.len()
    );
    assert_tidy(
        manifests
            .iter()
            .flat_map(|path| manifests::inherits(path, &repo.text(path)))
            .collect(),
    );
}

#[test]
fn the_heart_is_no_std() {
    let path = "crates/delivery/src/lib.rs";
    assert_tidy(rules::no_std(&Source::new(path, Repo::open().text(path))));
}

#[test]
fn every_rust_file_opens_with_its_purpose() {
    each_source(rules::opening);
}

#[test]
fn files_functions_and_lines_fit_a_screen() {
    each_source(sizes::check);
}

#[test]
fn no_test_is_ignored_or_sleeps() {
    each_source(rules::tests);
}

#[test]
fn every_cited_ruling_exists() {
    let rulings = words::Rulings::parse(&Repo::open().text("docs/rulings.md"));
    each_source(|source| rulings.check(source));
}

#[test]
fn tracked_text_has_no_leftovers_and_no_foreign_paths() {
    let texts = Repo::open().texts();
    assert!(
        texts.len() > 20,
        "only {} files found: the search itself is broken",
        texts.len()
    );
    assert_tidy(
        texts
            .iter()
            .flat_map(|(path, text)| words::check(path, text))
            .collect(),
    );
}
