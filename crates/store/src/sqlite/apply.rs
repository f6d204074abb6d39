//! Units as rows: what a group writes within its transaction.

use super::bytes::Damage;
use super::devices::{self, Registered};
use super::lanes::{Known, Lanes, UNSURE_MAX};
use super::line::{self, Place as LinePlace};
use super::rows::{self, integer, moment};
use super::{lane_row, pack, reads};
use crate::check::{self, Kept};
use crate::contract::{Conflict, Failed, LaneRow, LaneWrite, Unit};
use crate::count::{self, Counts, Place};
use crate::records::GroupId;
use delivery::{AppKey, Change, Command, CommandId, Kind, Moment};
use rusqlite::{Connection, Statement, ToSql, params};

/// Applies units, one group after the other. It lives as long as the writer's connection.
pub(super) struct Applier<'c> {
    pub(super) conn: &'c Connection,
    pub(super) lanes: &'c Lanes,
    hot: Hot<'c>,
    last_moment: Moment,
    command_seq: u64,
    counts: Counts,
    /// Commands that this group added to lists or took out, by application.
    listed: Vec<(AppKey, i64)>,
    pub(super) registered: Registered,
    /// What of it stands in the ledger.
    saved: Registered,
    /// Devices that this group forgot.
    pub(super) gone: Vec<u64>,
    /// Rows written since the last look.
    rows: u64,
    first: Vec<u8>,
    pub(super) second: Vec<u8>,
    pub(super) third: Vec<u8>,
}

/// Statements that many units need; they are prepared once.
struct Hot<'c> {
    insert_command: Statement<'c>,
    insert_open: Statement<'c>,
    update_open: Statement<'c>,
    delete_open: Statement<'c>,
    conclude: Statement<'c>,
    insert_lane: Statement<'c>,
    update_lane: Statement<'c>,
    update_lane_lists: Statement<'c>,
    lane: Statement<'c>,
    insert_block: Statement<'c>,
    progress: Statement<'c>,
    ledger: Statement<'c>,
    listed: Statement<'c>,
}

impl<'c> Hot<'c> {
    fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            insert_command: conn.prepare(
                "INSERT INTO command (seq, device, app, created, mid, direct, facts, key, body, outcome)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            insert_open: conn.prepare("INSERT INTO open (seq, device, wake, progress, callback) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            update_open: conn.prepare("UPDATE open SET wake = ?2, progress = ?3 WHERE seq = ?1")?,
            delete_open: conn.prepare("DELETE FROM open WHERE seq = ?1")?,
            conclude: conn.prepare("UPDATE command SET outcome = ?2 WHERE seq = ?1")?,
            insert_lane: conn
                .prepare("INSERT INTO lane (device, revision, record, open, line) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            update_lane: conn
                .prepare("UPDATE lane SET revision = ?2, record = ?3, open = ?4, line = ?5 WHERE device = ?1")?,
            update_lane_lists: conn.prepare("UPDATE lane SET revision = ?2, open = ?3, line = ?4 WHERE device = ?1")?,
            lane: conn.prepare("SELECT revision, open, line FROM lane WHERE device = ?1")?,
            insert_block: conn.prepare(
                "INSERT INTO line (device, block, places)
                 VALUES (?1, (SELECT coalesce(max(block), 0) + 1 FROM line WHERE device = ?1), ?2)",
            )?,
            progress: conn.prepare("SELECT progress FROM open WHERE seq = ?1")?,
            ledger: conn.prepare(
                "UPDATE ledger SET last_moment = ?1, command_seq = ?2, accepted = ?3, queued = ?4, sent = ?5, delivered = ?6,
                 settled = ?7, succeeded = ?8, failed = ?9, cancelled = ?10, expired = ?11, timed_out = ?12 WHERE id = 1",
            )?,
            listed: conn.prepare(
                "INSERT INTO listed (app, commands) VALUES (?1, ?2)
                 ON CONFLICT (app) DO UPDATE SET commands = commands + ?2",
            )?,
        })
    }
}

impl<'c> Applier<'c> {
    pub(super) fn new(conn: &'c Connection, lanes: &'c Lanes) -> Result<Self, Failed> {
        let (last_moment, command_seq, counts) = reads::ledger(conn)?;
        let registered = devices::registered(conn)?;
        let hot = Hot::new(conn).map_err(cannot_write)?;
        Ok(Self {
            conn,
            lanes,
            hot,
            last_moment,
            command_seq,
            counts,
            listed: Vec::new(),
            registered,
            saved: registered,
            gone: Vec::new(),
            rows: 0,
            first: Vec::new(),
            second: Vec::new(),
            third: Vec::new(),
        })
    }

    /// Applies a unit within the open transaction, or says why it must not be applied.
    pub(super) fn unit(
        &mut self,
        unit: &Unit,
        now: Moment,
    ) -> Result<Result<(), Conflict>, Failed> {
        if let Some(conflict) = check::conflict(unit, self)? {
            return Ok(Err(conflict));
        }
        if let Some(turn) = &unit.turn {
            self.turn(turn)?;
        }
        for write in &unit.writes {
            self.write(write, now)?;
        }
        Ok(Ok(()))
    }

    /// The clock was there.
    pub(super) fn reached(&mut self, now: Moment) {
        self.last_moment = self.last_moment.max(now);
    }

    /// Writes what a group writes once, and puts lanes out that are too many or whose device is forgotten; says which.
    pub(super) fn finish(&mut self) -> Result<Vec<u64>, Failed> {
        let forgotten = std::mem::take(&mut self.gone);
        let mut gone = self.lanes.hold().too_many();
        gone.retain(|seq| !forgotten.contains(seq));
        for seq in &gone {
            let ahead = self
                .lanes
                .hold()
                .find(*seq)
                .filter(|lane| lane.ahead)
                .map(|lane| {
                    pack_lane(lane, &mut self.second, &mut self.third);
                    lane.revision
                });
            if let Some(revision) = ahead {
                self.save_lane(*seq, revision, None)?;
            }
        }
        for (app, more) in std::mem::take(&mut self.listed) {
            self.rows += execute(&mut self.hot.listed, params![integer(app.0), more])?;
        }
        if self.registered != self.saved {
            self.save_registered()?;
            self.saved = self.registered;
        }
        let Counts {
            accepted,
            open,
            ended,
        } = self.counts;
        let n = integer;
        let values = params![
            moment(self.last_moment),
            n(self.command_seq),
            n(accepted),
            n(open[0]),
            n(open[1]),
            n(open[2]),
            n(ended[0]),
            n(ended[1]),
            n(ended[2]),
            n(ended[3]),
            n(ended[4]),
            n(ended[5]),
        ];
        self.rows += execute(&mut self.hot.ledger, values)?;
        gone.extend(forgotten);
        Ok(gone)
    }

    /// Rows written since the last time this was asked.
    pub(super) fn rows_written(&mut self) -> u64 {
        std::mem::take(&mut self.rows)
    }

    fn turn(&mut self, turn: &LaneWrite) -> Result<(), Failed> {
        for change in turn.changes.iter() {
            if change.born {
                self.born(change)?;
            } else {
                self.changed(change)?;
            }
        }
        let device_seq = turn.device.seq();
        let births = turn.changes.iter().any(|change| change.born);
        let to_write = births || turn.lane.is_some();
        let sure = if to_write {
            self.sure(device_seq)?
        } else {
            None
        };
        let full = self.note(turn, sure, to_write)?;
        for block in full {
            self.rows += execute(
                &mut self.hot.insert_block,
                params![integer(device_seq), block],
            )?;
        }
        if to_write {
            self.save_lane(
                device_seq,
                turn.revision.saturating_add(1),
                turn.lane.as_ref(),
            )?;
        }
        Ok(())
    }

    /// Brings what is known of a lane up to date, and packs it if its row is to be written; returns blocks of the device's line
    /// that became full.
    fn note(
        &mut self,
        turn: &LaneWrite,
        sure: Option<Vec<u64>>,
        pack: bool,
    ) -> Result<Vec<Vec<u8>>, Failed> {
        let device_seq = turn.device.seq();
        let mut lanes = self.lanes.hold();
        if lanes.find(device_seq).is_none() {
            // The unit brings the device itself.
            lanes.learn(device_seq, turn.revision, Vec::new(), Vec::new());
        }
        let (open, line) = (&mut self.second, &mut self.third);
        let mut full = Vec::new();
        let noted = lanes.change(device_seq, |lane| {
            if let Some(open) = sure {
                lane.open = open;
                lane.unsure = false;
            }
            note_changes(lane, &turn.changes);
            lane.revision = turn.revision.saturating_add(1);
            lane.ahead = !pack;
            let mut births = turn.changes.iter().filter(|change| change.born).peekable();
            if births.peek().is_some() {
                let places = births.map(|change| LinePlace::of(&change.command));
                line::add(&mut lane.line, places, |block| {
                    full.push(block.to_vec());
                    Ok::<(), Damage>(())
                })?;
            }
            if pack {
                pack_lane(lane, open, line);
            }
            Ok(())
        });
        noted
            .unwrap_or(Ok(()))
            .map_err(|why| rows::damaged("line", device_seq, why))?;
        Ok(full)
    }

    /// The open commands of a lane, compared with their rows, if its list has become long and may be wrong.
    fn sure(&mut self, device_seq: u64) -> Result<Option<Vec<u64>>, Failed> {
        let list = match self.lanes.hold().find(device_seq) {
            Some(lane) if lane.unsure && lane.open.len() > UNSURE_MAX => lane.open.clone(),
            Some(_) | None => return Ok(None),
        };
        let mut open = Vec::with_capacity(list.len());
        for seq in list {
            let mut found = self
                .hot
                .progress
                .query([integer(seq)])
                .map_err(cannot_write)?;
            if found.next().map_err(cannot_write)?.is_some() {
                open.push(seq);
            }
        }
        Ok(Some(open))
    }

    /// Writes the row of a lane whose lists are packed.
    pub(super) fn save_lane(
        &mut self,
        device_seq: u64,
        revision: u64,
        row: Option<&LaneRow>,
    ) -> Result<(), Failed> {
        let (seq, revision) = (integer(device_seq), integer(revision));
        let (open, line) = (&self.second, &self.third);
        let changed = match row {
            Some(row) => {
                self.first.clear();
                lane_row::put_record(&mut self.first, row);
                execute(
                    &mut self.hot.update_lane,
                    params![seq, revision, self.first, open, line],
                )?
            }
            None => execute(
                &mut self.hot.update_lane_lists,
                params![seq, revision, open, line],
            )?,
        };
        self.rows += changed;
        if changed == 0 {
            let record = row.map(|_| self.first.as_slice());
            self.rows += execute(
                &mut self.hot.insert_lane,
                params![seq, revision, record, open, line],
            )?;
        }
        Ok(())
    }

    fn born(&mut self, change: &Change) -> Result<(), Failed> {
        let command = &change.command;
        let seq = integer(command.id.seq);
        let device = integer(command.device.seq());
        let app = integer(command.app.0);
        let direct = matches!(command.kind, Kind::Direct { .. });
        if let Some(key) = &command.key {
            // The former holder of the key is older than a day: it lets go.
            let sql = "UPDATE command SET key = NULL WHERE app = ?1 AND key = ?2";
            self.count(sql, params![app, key.as_ref()])?;
        }
        let closed = command.is_closed();
        self.first.clear();
        pack::put_facts(&mut self.first, command);
        self.second.clear();
        pack::put_progress(&mut self.second, command, command.told);
        let outcome = if closed {
            self.second.as_slice()
        } else {
            &pack::NO_OUTCOME
        };
        let (created, mid, key) = (
            moment(command.created),
            command.mid.number(),
            command.key.as_deref(),
        );
        let values = params![
            seq,
            device,
            app,
            created,
            mid,
            direct,
            self.first,
            key,
            command.body.as_ref(),
            outcome
        ];
        self.rows += execute(&mut self.hot.insert_command, values)?;
        if !closed {
            let values = params![
                seq,
                device,
                change.wake_at.map(moment),
                self.second,
                command.callback
            ];
            self.rows += execute(&mut self.hot.insert_open, values)?;
        }
        self.command_seq = self.command_seq.max(command.id.seq);
        self.counts.moved(None, count::place_of(command));
        if !direct {
            self.list(command.app, 1);
        }
        Ok(())
    }

    /// Lists of this application show so many commands more.
    pub(super) fn list(&mut self, app: AppKey, more: i64) {
        match self.listed.iter_mut().find(|(listed, _)| *listed == app) {
            Some((_, sum)) => *sum += more,
            None => self.listed.push((app, more)),
        }
    }

    fn changed(&mut self, change: &Change) -> Result<(), Failed> {
        let command = &change.command;
        let before = count::place_before(change);
        let may_be_forgotten = match before {
            Some(Place::Open(_)) => false,
            Some(Place::Ended(_)) | None => command.has_ended(),
        };
        if may_be_forgotten && reads::command(self.conn, command.id)?.is_none() {
            // It was old, and forgotten since the turn was decided (R2.8).
            return Ok(());
        }
        let before = match before {
            Some(place) => place,
            None => count::place_of(&self.load(command.id)?),
        };
        // Only somebody who is told anything can have been told more than the caller knew.
        let told = if command.callback {
            self.told(command)?
        } else {
            command.told
        };
        self.rewrite(command, told, change.wake_at, before)?;
        self.counts.moved(Some(before), count::place_of(command));
        Ok(())
    }

    /// Writes how a command fares now: to `open`, or as its outcome if it is over and told.
    pub(super) fn rewrite(
        &mut self,
        command: &Command,
        told: u32,
        wake: Option<Moment>,
        before: Place,
    ) -> Result<(), Failed> {
        let seq = integer(command.id.seq);
        self.first.clear();
        pack::put_progress(&mut self.first, command, told);
        if !is_closed(command, told) {
            let changed = execute(
                &mut self.hot.update_open,
                params![seq, wake.map(moment), self.first],
            )?;
            self.rows += changed;
            return if changed == 1 {
                Ok(())
            } else {
                Err(unknown(command.id))
            };
        }
        let changed = execute(&mut self.hot.conclude, params![seq, self.first])?;
        if changed != 1 {
            return Err(unknown(command.id));
        }
        self.rows += changed;
        // What had ended and owes nothing has no row in `open` any more.
        let stood_open = command.callback || matches!(before, Place::Open(_));
        if stood_open {
            self.rows += execute(&mut self.hot.delete_open, [seq])?;
        }
        Ok(())
    }

    /// How much the owner of a command was told, by what is kept and by what the caller knows.
    fn told(&mut self, command: &Command) -> Result<u32, Failed> {
        let mut found = self
            .hot
            .progress
            .query([integer(command.id.seq)])
            .map_err(cannot_write)?;
        let kept = if let Some(row) = found.next().map_err(cannot_write)? {
            pack::told(rows::bytes(row, 0)?)
                .map_err(|why| rows::damaged("command", command.id.seq, why))?
        } else {
            drop(found);
            self.load(command.id)?.told
        };
        Ok(kept.max(command.told))
    }

    fn load(&self, id: CommandId) -> Result<Command, Failed> {
        reads::command(self.conn, id)?.ok_or_else(|| unknown(id))
    }

    /// Runs a statement that is not needed often, and counts its rows.
    pub(super) fn count(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<(), Failed> {
        self.changed_rows(sql, params).map(drop)
    }

    /// Runs a statement that is not needed often, counts its rows, and says how many they are.
    pub(super) fn changed_rows(
        &mut self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<u64, Failed> {
        let mut statement = self.conn.prepare_cached(sql).map_err(cannot_write)?;
        let changed = execute(&mut statement, params)?;
        self.rows += changed;
        Ok(changed)
    }
}

impl Kept for Applier<'_> {
    type Error = Failed;

    fn revision(&mut self, device_seq: u64) -> Result<Option<u64>, Failed> {
        if self.gone.contains(&device_seq) {
            return Ok(None);
        }
        if let Some(known) = self.lanes.hold().find(device_seq) {
            return Ok(Some(known.revision));
        }
        let mut found = self
            .hot
            .lane
            .query([integer(device_seq)])
            .map_err(cannot_write)?;
        let Some(row) = found.next().map_err(cannot_write)? else {
            drop(found);
            let sql = "SELECT 1 FROM device WHERE seq = ?1";
            if reads::first(self.conn, sql, [integer(device_seq)], |_| Ok(()))?.is_none() {
                return Ok(None);
            }
            self.lanes
                .hold()
                .learn(device_seq, 0, Vec::new(), Vec::new());
            return Ok(Some(0));
        };
        let revision = rows::number(row, 0)?;
        let open = lane_row::open(rows::bytes(row, 1)?)
            .map_err(|why| rows::damaged("lane", device_seq, why))?;
        self.lanes
            .hold()
            .learn(device_seq, revision, open, rows::bytes(row, 2)?.to_vec());
        Ok(Some(revision))
    }

    fn key_taken_at(&mut self, app: AppKey, key: &str) -> Result<Option<Moment>, Failed> {
        let params: [&dyn ToSql; 2] = [&integer(app.0), &key];
        let sql = "SELECT created FROM command WHERE app = ?1 AND key = ?2";
        reads::first(self.conn, sql, params, |row| rows::at(row, 0))
    }

    fn node_holder(&mut self, node_id: &str) -> Result<Option<u64>, Failed> {
        let sql = "SELECT seq FROM device WHERE node_id = ?1 AND deleted IS NULL";
        reads::first(self.conn, sql, [node_id], |row| rows::number(row, 0))
    }

    fn app_holder(&mut self, app_id: &str) -> Result<Option<AppKey>, Failed> {
        let sql = "SELECT key FROM application WHERE app_id = ?1";
        reads::first(self.conn, sql, [app_id], |row| {
            rows::number(row, 0).map(AppKey)
        })
    }

    fn group_holder(&mut self, app: AppKey, name: &str) -> Result<Option<GroupId>, Failed> {
        let params: [&dyn ToSql; 2] = [&integer(app.0), &name];
        let sql = "SELECT id FROM device_group WHERE app = ?1 AND name = ?2";
        reads::first(self.conn, sql, params, |row| rows::group_at(row, 0))
    }
}

/// Brings a lane's list of open commands up to date.
fn note_changes(lane: &mut Known, changes: &[Change]) {
    for change in changes {
        let seq = change.command.id.seq;
        match lane.open.binary_search(&seq) {
            Ok(at) if change.command.has_ended() => {
                lane.open.remove(at);
            }
            Err(at) if change.born && !change.command.has_ended() => lane.open.insert(at, seq),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Packs a lane's lists.
pub(super) fn pack_lane(lane: &Known, open: &mut Vec<u8>, line: &mut Vec<u8>) {
    open.clear();
    lane_row::put_open(open, &lane.open);
    line.clear();
    line.extend_from_slice(&lane.line);
}

/// Whether a command is over and everybody has been told, if its owner was told this much.
fn is_closed(command: &Command, told: u32) -> bool {
    if !command.has_ended() {
        return false;
    }
    if !command.callback || told == command.told {
        return command.is_closed();
    }
    let told = usize::try_from(told).unwrap_or(usize::MAX);
    command.owed().all(|(place, _)| place < told)
}

fn execute(statement: &mut Statement<'_>, params: impl rusqlite::Params) -> Result<u64, Failed> {
    let changed = statement.execute(params).map_err(cannot_write)?;
    Ok(u64::try_from(changed).unwrap_or_default())
}

/// A turn changed a command that is not kept, or not as it says: that is a mistake of ours, and nothing may be built on it.
fn unknown(id: CommandId) -> Failed {
    Failed::Write(format!("a change of command {id}, which is not kept so"))
}

/// SQLite could not write.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn cannot_write(error: rusqlite::Error) -> Failed {
    Failed::Write(error.to_string())
}
