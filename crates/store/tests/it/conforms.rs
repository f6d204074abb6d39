//! Both stores pass the one suite. Each test has a name of its own, so that a failure says what is broken.

use store::conformance::TESTS;
use store::{Memory, Sqlite, SqliteOptions};

fn run(name: &str) {
    let (_, test) = TESTS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("the suite knows the test");
    test(&Memory::new());
    let folder = tempfile::tempdir().expect("a folder is made");
    let sqlite = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("a new store opens");
    test(&sqlite);
}

macro_rules! conforms {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_test_of_the_suite_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(run, TESTS.map(|(name, _)| name));
        }
    };
}

conforms! {
    an_empty_store_has_nothing
    a_random_story_is_kept_as_it_was_told
    a_turn_upon_an_old_revision_is_refused_as_a_whole
    units_of_one_commit_see_each_other
    what_is_owed_keeps_a_command_until_it_is_told
    what_comes_late_finds_a_command_closed_and_leaves_it_told
    lost_attempts_beyond_the_kept_ones_leave_the_tally_right
    r6_7_an_ended_command_is_found_by_its_mid
    r1_15_a_key_is_taken_for_a_day
    r1_15_a_key_belongs_to_one_application
    r1_15_a_key_is_taken_once_in_a_unit
    lists_show_what_their_filter_says
    r2_6_pages_are_cut_from_the_whole
    r2_6_pages_are_bounded
    cancel_tasks_are_found_and_replaced
    cancel_tasks_are_listed_by_filter
    applications_are_known_by_key_and_id
    tokens_live_until_their_end_or_are_forgotten
    presence_changes_nothing_else
    a_node_id_is_unique_until_its_device_is_deleted
    models_reports_and_settings_are_replaced
    r1_16_the_last_moment_never_goes_back
    a_refused_unit_changes_nothing
}
