//! The bounds on everything that is read here: product models come from operators, messages from devices.

/// Bytes of all capability files of one package, and of one document of ours.
pub const PROFILE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of one capability file within a package.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Entries of a package, those we pass over included.
pub const FILES_MAX: usize = 2_048;
/// Levels of arrays and objects within a profile or a message.
pub const NESTING_MAX: usize = 32;

/// Services of one profile: entries of `serviceTypeCapabilities`, and likewise service types.
pub const SERVICES_MAX: usize = 128;
/// Commands of one service type.
pub const COMMANDS_MAX: usize = 128;
/// Properties of one service type.
pub const PROPERTIES_MAX: usize = 256;
/// Responses of one command.
pub const RESPONSES_MAX: usize = 16;
/// Parameters of one command or of one response.
pub const PARAS_MAX: usize = 64;
/// Entries of one `enumList`.
pub const ENUM_ENTRIES_MAX: usize = 512;

/// Characters of a `serviceId` (the contract, §5.1).
pub const SERVICE_ID_CHARS_MAX: usize = 64;
/// Characters of a command's name: `method` of the contract, §5.1.
pub const COMMAND_NAME_CHARS_MAX: usize = 128;
/// Characters of any other name, unit, option or method (the contract, §4.4).
pub const NAME_CHARS_MAX: usize = 256;
/// Characters of a service's description (the contract, §4.4).
pub const DESCRIPTION_CHARS_MAX: usize = 10_240;
/// Characters of a number that is written as a string.
pub const NUMBER_CHARS_MAX: usize = 40;

/// Bytes of one JSON message to or from a device.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Entries of `data` in one report.
pub const REPORT_ITEMS_MAX: usize = 256;
/// Characters of a report's `eventTime`.
pub const EVENT_TIME_CHARS_MAX: usize = 64;

/// Faults listed for one answer or report; further ones are left out.
pub const FAULTS_MAX: usize = 16;
