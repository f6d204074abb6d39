//! What every store must do, as a suite that takes a store. A store that passes [`TESTS`] may stand behind the server.
//!
//! Each test wants an empty store and panics where the store breaks its contract. What lives longer than a process, a store
//! proves with [`Story`], which remembers what it was acknowledged and compares.

mod devices;
mod forget;
pub(crate) mod given;
mod grants;
mod groups;
mod keys;
mod lists;
mod lives;
mod records;
mod story;

pub use story::Story;

use crate::contract::{Conflict, Failed, Store, Unit};
use delivery::Moment;
use std::sync::mpsc;

/// A test: it wants an empty store.
pub type Test = fn(&dyn Store);

/// Every test, with its name.
pub const TESTS: [(&str, Test); 47] = [
    (
        "an_empty_store_has_nothing",
        records::an_empty_store_has_nothing,
    ),
    (
        "a_random_story_is_kept_as_it_was_told",
        story::a_random_story_is_kept_as_it_was_told,
    ),
    (
        "a_turn_upon_an_old_revision_is_refused_as_a_whole",
        lives::a_turn_upon_an_old_revision_is_refused_as_a_whole,
    ),
    (
        "units_of_one_commit_see_each_other",
        lives::units_of_one_commit_see_each_other,
    ),
    (
        "what_is_owed_keeps_a_command_until_it_is_told",
        lives::what_is_owed_keeps_a_command_until_it_is_told,
    ),
    (
        "what_comes_late_finds_a_command_closed_and_leaves_it_told",
        lives::what_comes_late_finds_a_command_closed_and_leaves_it_told,
    ),
    (
        "lost_attempts_beyond_the_kept_ones_leave_the_tally_right",
        lives::lost_attempts_beyond_the_kept_ones_leave_the_tally_right,
    ),
    (
        "r6_7_an_ended_command_is_found_by_its_mid",
        lives::r6_7_an_ended_command_is_found_by_its_mid,
    ),
    (
        "r1_15_a_key_is_taken_for_a_day",
        keys::r1_15_a_key_is_taken_for_a_day,
    ),
    (
        "r1_15_a_key_belongs_to_one_application",
        keys::r1_15_a_key_belongs_to_one_application,
    ),
    (
        "r1_15_a_key_is_taken_once_in_a_unit",
        keys::r1_15_a_key_is_taken_once_in_a_unit,
    ),
    (
        "lists_show_what_their_filter_says",
        lists::lists_show_what_their_filter_says,
    ),
    (
        "r2_6_pages_are_cut_from_the_whole",
        lists::r2_6_pages_are_cut_from_the_whole,
    ),
    ("r2_6_pages_are_bounded", lists::r2_6_pages_are_bounded),
    (
        "cancel_tasks_are_found_and_replaced",
        lists::cancel_tasks_are_found_and_replaced,
    ),
    (
        "cancel_tasks_are_listed_by_filter",
        lists::cancel_tasks_are_listed_by_filter,
    ),
    (
        "applications_are_known_by_key_and_id",
        records::applications_are_known_by_key_and_id,
    ),
    (
        "tokens_live_until_their_end_or_are_forgotten",
        records::tokens_live_until_their_end_or_are_forgotten,
    ),
    (
        "presence_changes_nothing_else",
        records::presence_changes_nothing_else,
    ),
    (
        "a_node_id_is_unique_until_its_device_is_deleted",
        records::a_node_id_is_unique_until_its_device_is_deleted,
    ),
    (
        "models_reports_and_settings_are_replaced",
        records::models_reports_and_settings_are_replaced,
    ),
    (
        "r1_16_the_last_moment_never_goes_back",
        records::r1_16_the_last_moment_never_goes_back,
    ),
    (
        "a_refused_unit_changes_nothing",
        records::a_refused_unit_changes_nothing,
    ),
    (
        "r2_8_a_story_that_forgets_is_kept_as_it_was_told",
        story::r2_8_a_story_that_forgets_is_kept_as_it_was_told,
    ),
    (
        "r2_8_only_what_ended_and_owes_nothing_is_old",
        forget::r2_8_only_what_ended_and_owes_nothing_is_old,
    ),
    (
        "r2_8_age_counts_from_the_end",
        forget::r2_8_age_counts_from_the_end,
    ),
    (
        "r2_8_a_forgotten_command_leaves_every_place",
        forget::r2_8_a_forgotten_command_leaves_every_place,
    ),
    (
        "r2_8_what_comes_late_for_a_forgotten_command_changes_nothing",
        forget::r2_8_what_comes_late_for_a_forgotten_command_changes_nothing,
    ),
    (
        "r2_8_a_deleted_device_goes_after_its_last_command",
        forget::r2_8_a_deleted_device_goes_after_its_last_command,
    ),
    (
        "r2_8_a_turn_of_a_forgotten_device_is_stale",
        forget::r2_8_a_turn_of_a_forgotten_device_is_stale,
    ),
    ("r2_8_old_cancel_tasks_go", forget::r2_8_old_cancel_tasks_go),
    (
        "r2_8_a_lane_goes_on_after_its_past_is_forgotten",
        forget::r2_8_a_lane_goes_on_after_its_past_is_forgotten,
    ),
    (
        "devices_are_listed_by_filter",
        devices::devices_are_listed_by_filter,
    ),
    (
        "r2_6_pages_of_devices_are_bounded",
        devices::r2_6_pages_of_devices_are_bounded,
    ),
    (
        "devices_are_counted_as_they_come_and_go",
        devices::devices_are_counted_as_they_come_and_go,
    ),
    (
        "devices_that_must_connect_are_found",
        devices::devices_that_must_connect_are_found,
    ),
    (
        "devices_with_open_commands_are_found",
        devices::devices_with_open_commands_are_found,
    ),
    ("a_pair_has_one_grant", grants::a_pair_has_one_grant),
    (
        "an_application_goes_with_its_tokens_and_grants",
        grants::an_application_goes_with_its_tokens_and_grants,
    ),
    (
        "dead_callbacks_are_listed_by_command",
        grants::dead_callbacks_are_listed_by_command,
    ),
    (
        "r2_2_what_is_owed_is_found_at_a_start",
        grants::r2_2_what_is_owed_is_found_at_a_start,
    ),
    (
        "what_was_told_is_not_forgotten_by_who_knows_less",
        lives::what_was_told_is_not_forgotten_by_who_knows_less,
    ),
    (
        "groups_are_known_by_id_and_by_name",
        groups::groups_are_known_by_id_and_by_name,
    ),
    (
        "a_group_is_changed_renamed_and_forgotten",
        groups::a_group_is_changed_renamed_and_forgotten,
    ),
    (
        "devices_come_into_groups_and_leave_them",
        groups::devices_come_into_groups_and_leave_them,
    ),
    (
        "a_device_that_goes_leaves_its_groups",
        groups::a_device_that_goes_leaves_its_groups,
    ),
    (
        "r2_6_pages_of_groups_are_bounded",
        groups::r2_6_pages_of_groups_are_bounded,
    ),
];

/// Commits, and waits for the end of it.
///
/// # Panics
///
/// If the store drops `done` without calling it.
pub fn commit(
    store: &dyn Store,
    units: Vec<Unit>,
    now: Moment,
) -> Result<Vec<Result<(), Conflict>>, Failed> {
    let (tell, told) = mpsc::channel();
    let done = move |result| {
        // The receiver waits below until this is called.
        let _ = tell.send(result);
    };
    store.commit(units, now, Box::new(done));
    told.recv().expect("a store calls `done`")
}

/// Commits one unit that must be applied.
pub(crate) fn write(store: &dyn Store, unit: Unit, now: Moment) {
    let applied = commit(store, vec![unit], now).expect("a healthy store commits");
    assert_eq!(applied, [Ok(())], "the unit is to be applied");
}
