//! Every bound that is not a setting, in one place.

/// Messages that may wait at one shard of the dispatcher; beyond that requests are refused (100501) and sessions wait.
pub const SHARD_INBOX_MAX: usize = 8_192;
/// Messages that a shard takes before it decides.
pub const SHARD_BATCH_MAX: usize = 1_024;
/// Commits that a shard has under way; further inputs gather into the next one (R2.4).
pub const SHARD_COMMITS_MAX: usize = 2;
/// Lanes of devices that are away which a shard keeps in memory.
pub const SHARD_AWAY_LANES_MAX: usize = 10_000;
/// Alarms read at once when the platform starts.
pub const ALARMS_PER_READ: usize = 10_000;
/// Orders that may wait in one session's mailbox; a session that lets more gather is closed, its frames are lost.
pub const MAILBOX_ORDERS_MAX: usize = 1_200;
/// Devices whose records are kept in memory.
pub const DEVICES_CACHED_MAX: usize = 65_536;
/// Devices that have not bound yet whose times wait in memory; further ones are read when theirs may have come.
pub const BINDINGS_WAITING_MAX: usize = 65_536;
/// Devices that have not bound yet, read at once.
pub const BINDINGS_PER_READ: usize = 1_000;
/// Children of a gateway that are read at once to be deleted with it.
pub const CHILDREN_PER_READ: usize = 100;
/// Commands of one device that may be muted.
pub const MUTED_PER_DEVICE_MAX: usize = 256;
/// Late answers are sought among this many of a device's commands (R6.7).
pub const LATE_SEARCH_MAX: usize = 1_000;
/// How long an idempotency key counts, in hours (R1.15).
pub const IDEMPOTENCY_HOURS: u64 = 24;
/// Sessions that one device may have at the same time (R6.5).
pub const SESSIONS_PER_DEVICE_MAX: usize = 4;
/// Replaced versions of product models in memory.
pub const OLD_MODELS_CACHED_MAX: usize = 64;
/// Services that one session may report; those of a product model count too.
pub const SERVICES_PER_SESSION_MAX: usize = 64;
/// Commands that wait in a session because the device has not acknowledged enough of those before.
pub const SESSION_HELD_MAX: usize = 1_000;
/// How long they wait at the most, in milliseconds: a frame must not leave long after its attempt was decided (R1.5).
pub const SESSION_HELD_MS_MAX: u64 = 5_000;
/// Bytes that are read from a connection at once; on the stack, so that an idle connection holds none.
pub const READ_BYTES: usize = 4_096;
/// Lanes from which commands are called back at once when a grant has ended (R1.11).
pub const LANES_REVOKED_AT_ONCE: usize = 256;
/// Devices that are deleted at once with their application.
pub const DEVICES_DELETED_AT_ONCE: usize = 256;
/// Devices that one grant may be limited to.
pub const GRANT_DEVICES_MAX: usize = 1_000;
/// Device groups that one grant may be limited to.
pub const GRANT_GROUPS_MAX: usize = 100;
/// Devices within a grant that lists look at one by one; beyond that they look through the owner's.
pub const DEVICES_LISTED_EACH_MAX: usize = 1_000;
/// Commands or cancel tasks that a list looks at for those that a caller may see; what lies beyond is neither shown nor counted.
pub const LIST_SCANNED_MAX: u64 = 20_000;
/// Devices of a group that are read at once when a grant begins to name it.
pub const GROUP_DEVICES_PER_READ: usize = 10_000;
/// Devices that leave a group in one commit when it is deleted.
pub const GROUP_DEVICES_PER_COMMIT: usize = 1_000;
/// Bytes of the certificates by which an application's callback endpoints are trusted.
pub const CALLBACK_CA_BYTES_MAX: usize = 65_536;
/// Commands, devices or cancel tasks that one commit forgets (R2.8).
pub const FORGOTTEN_PER_COMMIT: usize = 100;
/// How long a run of retention pauses after a commit at the least, in milliseconds; it pauses as long as the commit took, too.
pub const FORGETTING_PAUSE_MS_MIN: u64 = 10;
/// Seconds between two runs of retention at the least, unless somebody moves the test clock.
pub const FORGETTING_EVERY_S: u64 = 3_600;
