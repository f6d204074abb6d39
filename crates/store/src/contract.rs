//! The contract of a store: what can be read, and the one commit.

use crate::records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, DeadCallback, Device, DeviceCounts,
    DeviceFilter, DeviceGroup, Grant, GroupFilter, GroupId, Marks, Page, Presence, ProductModel,
    Report, Stretch, Tally, TaskId, Token,
};
use delivery::{
    AppKey, Change, Command, CommandId, DeviceId, Lane, Mid, MidSequence, Moment, Turn,
};
use std::sync::Arc;

/// What is told when a commit is over: for each unit, in order, whether it was applied; or that the store failed.
///
/// It is called on a thread of the store's own and must return quickly.
pub type Done = Box<dyn FnOnce(Result<Vec<Result<(), Conflict>>, Failed>) + Send>;

/// What belongs together: it is applied as a whole, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    /// A lane's turn.
    pub turn: Option<LaneWrite>,
    /// Whatever else is to be true together with it, or alone.
    pub writes: Vec<Write>,
}

/// What a turn wants written.
#[derive(Debug, Clone)]
pub struct LaneWrite {
    /// The device whose lane it is.
    pub device: DeviceId,
    /// The revision that was decided upon; the lane's is one higher afterwards.
    pub revision: u64,
    /// The lane's own record, if it is to be written.
    pub lane: Option<LaneRow>,
    /// The commands that changed, in order of their ids. Shared with who acts upon them once they are on disk.
    pub changes: Arc<Vec<Change>>,
}

/// A lane's own record: what is kept of a lane beside its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRow {
    /// The device's mids.
    pub mids: MidSequence,
    /// When the device was last heard.
    pub contact: Option<Moment>,
    /// Whether the device was deleted.
    pub deleted: bool,
}

/// One thing that is kept, other than commands.
#[derive(Debug, Clone)]
pub enum Write {
    /// An application, new or changed (by its key). Conflicts with another one of the same `app_id`.
    Application(Application),
    /// A token, new or changed (by its digest).
    Token(Token),
    /// Tokens of an application that are no longer valid: all of them but those named.
    ForgetTokens {
        /// The application.
        app: AppKey,
        /// Digests of those that stay.
        keep: Vec<[u8; 32]>,
    },
    /// A device, new or changed (by its id). Conflicts with another one of the same `node_id` that is not deleted. One that is
    /// deleted, or goes to another application, leaves its groups.
    Device(Device),
    /// A device connected or disconnected: changes its presence alone, and its activation if it had none.
    Presence {
        /// The device.
        device: DeviceId,
        /// Whether it is connected, and since when.
        presence: Presence,
        /// When it first connected, if this is the first time.
        activated: Option<Moment>,
    },
    /// A product model, new or changed (by its version).
    ProductModel(ProductModel),
    /// What a device reported of one service: replaces the last report of that service.
    Report(Report),
    /// A cancel task, new or changed (by its id).
    CancelTask(CancelTask),
    /// A named setting of the platform's own.
    Setting {
        /// Its name.
        name: String,
        /// Its value.
        value: Vec<u8>,
    },
    /// A command's owner has been told of its history up to this many entries (R2.2). What was told stays told: a lower number
    /// changes nothing. `u32::MAX` says that telling was given up; a dead callback says from where.
    Told {
        /// The command.
        command: CommandId,
        /// Entries told.
        up_to: u32,
    },
    /// A grant, new or changed (by its owner and grantee).
    Grant(Grant),
    /// A grant that is over.
    ForgetGrant {
        /// Whose devices they are.
        owner: AppKey,
        /// Who might act on them.
        grantee: AppKey,
    },
    /// A device group, new or changed (by its id). Conflicts with another one of the same name and application. One that would
    /// change its application is passed over.
    Group(DeviceGroup),
    /// Devices come into a group and leave it: first `add`, then `remove`. Those that are in it already, or are not, are passed
    /// over; so is all of it if the group is not kept.
    GroupDevices {
        /// The group.
        group: GroupId,
        /// Those that come; of them, those that are kept, not deleted, and of the group's application.
        add: Vec<DeviceId>,
        /// Those that leave.
        remove: Vec<DeviceId>,
    },
    /// A device group that is no more; its devices stay.
    ForgetGroup(GroupId),
    /// An application that is no more, with its tokens, its device groups and the grants that name it. Its key is never given
    /// again.
    ForgetApplication(AppKey),
    /// A command whose callbacks were given up, new or changed (by the command).
    DeadCallback(DeadCallback),
    /// A command whose callbacks are no longer given up.
    ForgetDeadCallback(CommandId),
    /// Commands that are old (R2.8), with their keys and dead callbacks. One that is open, owes something or is being told
    /// again stays.
    ForgetCommands(Vec<CommandId>),
    /// Devices that were deleted, with their lanes and reports. One that is not deleted, or has a command left, stays.
    ForgetDevices(Vec<DeviceId>),
    /// Cancel tasks that are old.
    ForgetCancelTasks(Vec<TaskId>),
}

/// Why a unit was not applied. It is no failure of the store: the caller reads again and decides again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The lane has another revision than the one that was decided upon.
    #[error("the lane was changed by somebody else")]
    Stale,
    /// The application used the idempotency key for another command in the meantime (R1.15).
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// Another device has this node id.
    #[error("the node id is taken")]
    NodeIdTaken,
    /// Another application has this id.
    #[error("the application id is taken")]
    AppIdTaken,
    /// Another device group of the application has this name.
    #[error("the name of the device group is taken")]
    GroupNameTaken,
}

/// The store cannot read or cannot write. After a failed commit nothing is acknowledged any more (R2.5).
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failed {
    /// A read failed.
    #[error("the store cannot be read: {0}")]
    Read(String),
    /// A stored row does not decode (100023).
    #[error("a stored row does not decode: {0}")]
    Row(String),
    /// A commit failed; the store has stopped.
    #[error("the store cannot be written: {0}")]
    Write(String),
    /// An earlier commit failed; the store has stopped.
    #[error("the store has stopped after a failed commit")]
    Stopped,
}

/// Everything that is kept. Reads see what was committed before they began; they block and are cheap.
pub trait Store: Send + Sync {
    /// Writes `units` durably, then calls `done`. `now` becomes the store's last moment if it is later than that (R1.16).
    ///
    /// Commits become durable in the order in which they were given, many of them together (R2.4). This call does not wait.
    fn commit(&self, units: Vec<Unit>, now: Moment, done: Done);

    /// Where ids and time go on from.
    fn marks(&self) -> Result<Marks, Failed>;
    /// How many commands were accepted, are open, have ended: each as committed.
    fn tally(&self) -> Result<Tally, Failed>;

    /// The lane of the device with this sequence number, its device away; `None` if there is no such device.
    fn lane(&self, device_seq: u64) -> Result<Option<Lane>, Failed>;
    /// Open commands by id beyond `after` (0: from the start), at most `limit`: sequence number, their device's sequence
    /// number, and when they need a turn while the device is away. For the alarms of a start.
    fn alarms(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64, Moment)>, Failed>;

    /// The command with this id, open or ended.
    fn command(&self, id: CommandId) -> Result<Option<Command>, Failed>;
    /// The command that an application accepted under this idempotency key at `since` or later.
    fn command_by_key(
        &self,
        app: AppKey,
        key: &str,
        since: Moment,
    ) -> Result<Option<Command>, Failed>;
    /// The youngest command of the device that ended, was sent, and carried this mid, among its last `last` commands (R6.7).
    fn ended_by_mid(
        &self,
        device: DeviceId,
        mid: Mid,
        last: usize,
    ) -> Result<Option<Command>, Failed>;
    /// Commands but direct calls, newest first.
    fn commands(&self, filter: &CommandFilter) -> Result<Page<Command>, Failed>;
    /// Commands of every kind and application, direct calls included, newest first; those accepted before `before` if that is
    /// given. For the operator.
    fn latest_commands(
        &self,
        device: Option<DeviceId>,
        before: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<Command>, Failed>;

    /// The cancel task with this id.
    fn cancel_task(&self, id: TaskId) -> Result<Option<CancelTask>, Failed>;
    /// Cancel tasks, newest first.
    fn cancel_tasks(&self, filter: &CancelTaskFilter) -> Result<Page<CancelTask>, Failed>;

    /// Commands by id beyond `after` (0: from the start), at most `limit`, open or ended, whose owner has still to be told
    /// something. For the start of whoever tells; it costs nothing for commands without a callback.
    fn owed(&self, after: u64, limit: usize) -> Result<Vec<Command>, Failed>;
    /// Dead callbacks by command, beyond `after`, of one application or of all.
    fn dead_callbacks(
        &self,
        app: Option<AppKey>,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<DeadCallback>, Failed>;
    /// The dead callback of this command.
    fn dead_callback(&self, command: CommandId) -> Result<Option<DeadCallback>, Failed>;

    /// Every application.
    fn applications(&self) -> Result<Vec<Application>, Failed>;
    /// Every token that is valid at `now` or later.
    fn tokens(&self, now: Moment) -> Result<Vec<Token>, Failed>;
    /// Every grant, by owner and grantee.
    fn grants(&self) -> Result<Vec<Grant>, Failed>;
    /// The device with this id, a deleted one included.
    fn device(&self, id: DeviceId) -> Result<Option<Device>, Failed>;
    /// The device with this node id that is not deleted.
    fn device_by_node(&self, node_id: &str) -> Result<Option<Device>, Failed>;
    /// Devices, the newest registration first unless the filter says otherwise; of them, those that are `wanted`.
    ///
    /// With `wanted`, or a filter by connection, no more than [`DEVICES_SCANNED_MAX`](crate::DEVICES_SCANNED_MAX) devices are
    /// looked at; what lies beyond is neither shown nor counted.
    fn devices(
        &self,
        filter: &DeviceFilter,
        wanted: Option<&dyn Fn(&Device) -> bool>,
    ) -> Result<Page<Device>, Failed>;
    /// How many devices there are that are not deleted.
    fn device_counts(&self) -> Result<DeviceCounts, Failed>;
    /// Devices of an application, not deleted, that have open commands: by sequence number beyond `after`, at most `limit`;
    /// fewer only at the end.
    fn open_devices(&self, app: AppKey, after: u64, limit: usize) -> Result<Vec<DeviceId>, Failed>;
    /// Devices that have never connected and must have by a moment, with that moment: by sequence number beyond `after`.
    fn bindings(&self, after: u64, limit: usize) -> Result<Vec<(DeviceId, Moment)>, Failed>;
    /// The device group with this id, and how many devices it has.
    fn group(&self, id: GroupId) -> Result<Option<(DeviceGroup, u64)>, Failed>;
    /// Device groups with how many devices each has, the newest first. The total is exact.
    fn groups(&self, filter: &GroupFilter) -> Result<Page<(DeviceGroup, u64)>, Failed>;
    /// Devices of a group in order of their registration; those beyond `skip`, at most `take`. The total is exact.
    fn group_page(&self, id: GroupId, skip: u64, take: usize) -> Result<Page<DeviceId>, Failed>;
    /// Devices of a group: by sequence number beyond `after`, at most `limit`; fewer only at the end.
    fn group_devices(&self, id: GroupId, after: u64, limit: usize)
    -> Result<Vec<DeviceId>, Failed>;
    /// Those of these devices that are in a group, in the order in which they are given.
    fn group_members(&self, id: GroupId, of: &[DeviceId]) -> Result<Vec<DeviceId>, Failed>;
    /// The groups that a device is in, the newest first, at most `limit`.
    fn groups_of(&self, device: DeviceId, limit: usize) -> Result<Vec<DeviceGroup>, Failed>;
    /// Every product model that has not been replaced.
    fn product_models(&self) -> Result<Vec<ProductModel>, Failed>;
    /// One version of a product model, replaced or not.
    fn product_model(&self, version: u64) -> Result<Option<ProductModel>, Failed>;
    /// The last report of each service of a device, by service id.
    fn reports(&self, device: DeviceId) -> Result<Vec<Report>, Failed>;

    /// Commands that ended before this moment, owe nothing and are not being told again, in order of their ids (R2.8). Each
    /// call looks at a bounded stretch; `limit` bounds what it finds.
    fn old_commands(
        &self,
        before: Moment,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Stretch<CommandId>, Failed>;
    /// Devices that were deleted before this moment and have no command left, in order of their ids.
    fn old_devices(
        &self,
        before: Moment,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Stretch<DeviceId>, Failed>;
    /// Cancel tasks that were created before this moment, in order of their ids.
    fn old_cancel_tasks(
        &self,
        before: Moment,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Stretch<TaskId>, Failed>;

    /// A named setting of the platform's own.
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, Failed>;
    /// Free bytes where the store writes; `None` where that has no meaning (R2.5).
    fn free_bytes(&self) -> Result<Option<u64>, Failed>;
}

impl LaneWrite {
    /// Takes from a turn what is to be written; `None` if nothing is. The turn keeps its changes, these are copies.
    pub fn of(turn: &Turn) -> Option<Self> {
        let changes = || Arc::new(turn.changes.clone());
        turn.is_durable().then(|| Self::record(turn, changes()))
    }

    /// Takes from a turn what is to be written, its changes with it; `None` if nothing is.
    pub fn take(turn: &mut Turn) -> Option<Self> {
        let durable = turn.is_durable();
        let changes = std::mem::take(&mut turn.changes);
        durable.then(|| Self::record(turn, Arc::new(changes)))
    }

    fn record(turn: &Turn, changes: Arc<Vec<Change>>) -> Self {
        let lane = &turn.lane;
        Self {
            device: lane.device,
            revision: turn.revision,
            lane: turn.keep_lane.then(|| LaneRow {
                mids: lane.mids.clone(),
                contact: lane.contact,
                deleted: lane.deleted,
            }),
            changes,
        }
    }
}
