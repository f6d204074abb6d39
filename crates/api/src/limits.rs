//! The bounds of the contract's members: what the request types check and the documentation tells. Lengths are characters.

use std::ops::RangeInclusive;

/// `String(256)`, the longest text of most members.
pub const TEXT: RangeInclusive<usize> = 0..=256;
/// `String(1-256)`, where the empty text is an error.
pub const NAME: RangeInclusive<usize> = 1..=256;
/// `String(1-64)`, the ids of command requests and path variables.
pub const ID: RangeInclusive<usize> = 1..=64;
/// `String(1-64)`.
pub const IMSI: RangeInclusive<usize> = 1..=64;
/// The name of a queued command [5.1].
pub const COMMAND_NAME: RangeInclusive<usize> = 1..=128;
/// The name of a directly called command [5.7].
pub const CALLED_NAME: RangeInclusive<usize> = 1..=32;
/// `from`, `to` and `requestId` of a direct call [5.7].
pub const CALL_TEXT: RangeInclusive<usize> = 0..=128;
/// `String(1024)`: callback addresses.
pub const CALLBACK_CHARS_MAX: usize = 1024;
/// `description` has no documented bound; this is ours.
pub const DESCRIPTION: RangeInclusive<usize> = 0..=2048;
/// Custom fields and tags have no documented number; this is ours.
pub const ITEMS_MAX: usize = 64;
/// Hexadecimal digits of a pre-shared key, an even number (R3.9).
pub const PSK_DIGITS: RangeInclusive<usize> = 8..=32;
/// Hexadecimal digits of a device's secret [3.2].
pub const SECRET_DIGITS: RangeInclusive<usize> = 20..=20;
/// The contract's `Integer`.
pub const INTEGER: RangeInclusive<u32> = 0..=2_147_483_647;
/// Repeats of an unacknowledged command (R1.5).
pub const RETRANSMIT_MAX: u8 = 3;
/// Devices on a page when the query names no size [4.2].
pub const DEVICES_PAGE_DEFAULT: u32 = 25;
/// Devices on a page, and without pages [4.2].
pub const DEVICES_PAGE: RangeInclusive<u32> = 1..=250;
/// The largest page of commands and cancel tasks, and the default [5.3].
pub const COMMANDS_PAGE_MAX: u32 = 1000;
/// `devGroupId`: `String(1-50)` [10].
pub const GROUP_ID: RangeInclusive<usize> = 1..=50;
/// The name of a device group has no documented length; this is ours.
pub const GROUP_NAME: RangeInclusive<usize> = 1..=64;
/// Devices of one request to a group [10].
pub const GROUP_DEVICES: RangeInclusive<usize> = 1..=1000;
/// Groups on a page, or devices of a group, when the query names a page but no size (§15.26).
pub const GROUPS_PAGE_DEFAULT: u32 = 1;
/// Groups on a page, or devices of a group; the largest number is that of a list without pages.
pub const GROUPS_PAGE: RangeInclusive<u32> = 1..=1000;
/// Days that reported data may be kept [3.5].
pub const DATA_AGING_DAYS: RangeInclusive<u8> = 0..=90;
/// Bytes of an `Idempotency-Key` (R1.15).
pub const IDEMPOTENCY_KEY_BYTES: RangeInclusive<usize> = 1..=255;
