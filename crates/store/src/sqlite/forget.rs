//! What is old: how it is found, and how it goes (R2.8).
//!
//! A command leaves every place where it stood: its row with its key, its dead callback, its device's line, and the counter of
//! its list. The tally counts on, so accepted = open + ended stays true.

use super::apply::{Applier, pack_lane};
use super::reads::{all, first};
use super::rows::{self, cannot_read, get, integer, number, size};
use super::{line, pack};
use crate::age::ended_at;
use crate::check::Kept;
use crate::contract::Failed;
use crate::limits::OLD_SCANNED_MAX;
use crate::records::{Stretch, TaskId};
use delivery::{AppKey, CommandId, DeviceId, Moment};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// How a command stands, as retention sees it.
struct Standing {
    id: CommandId,
    device_seq: u64,
    app: AppKey,
    direct: bool,
    created: Moment,
    /// When it ended.
    end: Option<Moment>,
    /// Whether it has ended, owes nothing, and is not being told again.
    free: bool,
}

/// Reads a [`Standing`]; a condition and an order follow.
const STANDING: &str = "SELECT c.seq, c.device, c.app, c.direct, c.created, c.facts, c.outcome, o.progress,
  coalesce(d.replaying, 0) FROM command c LEFT JOIN open o ON o.seq = c.seq LEFT JOIN dead_callback d ON d.seq = c.seq";

fn standing(row: &rusqlite::Row<'_>) -> Result<Standing, Failed> {
    let seq = number(row, 0)?;
    let bad = |why| rows::damaged("command", seq, why);
    let created = rows::at(row, 4)?;
    let tag = pack::facts(rows::bytes(row, 5)?).map_err(bad)?.tag;
    let outcome = pack::progress(rows::bytes(row, 6)?, created).map_err(bad)?;
    let open = rows::maybe_bytes(row, 7)?.map(|packed| pack::progress(packed, created));
    let open = open.transpose().map_err(bad)?.flatten();
    let replaying: bool = get(row, 8)?;
    let free = outcome.is_some() && open.is_none() && !replaying;
    let end = open
        .or(outcome)
        .and_then(|fares| ended_at(fares.state, &fares.history));
    Ok(Standing {
        id: CommandId { seq, tag },
        device_seq: number(row, 1)?,
        app: AppKey(number(row, 2)?),
        direct: get(row, 3)?,
        created,
        end,
        free,
    })
}

pub(super) fn old_commands(
    conn: &Connection,
    before: Moment,
    after: Option<CommandId>,
    limit: usize,
) -> Result<Stretch<CommandId>, Failed> {
    let sql = format!("{STANDING} WHERE c.seq > ?1 ORDER BY c.seq LIMIT {OLD_SCANNED_MAX}");
    let mut statement = conn.prepare_cached(&sql).map_err(cannot_read)?;
    let after = after.map_or(-1, |id| integer(id.seq));
    let mut rows = statement.query([after]).map_err(cannot_read)?;
    let (mut stretch, mut seen) = (Stretch::new(), 0);
    while let Some(row) = rows.next().map_err(cannot_read)? {
        let command = standing(row)?;
        // Commands stand in the order of their creation, and end later.
        if command.created >= before {
            stretch.stays(command.created);
            return Ok(stretch);
        }
        stretch.look(command.id, command.end, command.free, before);
        seen += 1;
        if seen >= OLD_SCANNED_MAX || stretch.old.len() >= limit {
            stretch.next = Some(command.id);
        }
        if stretch.old.len() >= limit {
            break;
        }
    }
    Ok(stretch)
}

pub(super) fn old_devices(
    conn: &Connection,
    before: Moment,
    after: Option<DeviceId>,
    limit: usize,
) -> Result<Stretch<DeviceId>, Failed> {
    let sql = format!(
        "SELECT d.id, d.deleted, l.line, EXISTS (SELECT 1 FROM line WHERE line.device = d.seq)
         FROM device d INDEXED BY device_deleted LEFT JOIN lane l ON l.device = d.seq
         WHERE d.deleted IS NOT NULL AND d.seq > ?1 ORDER BY d.seq LIMIT {OLD_SCANNED_MAX}"
    );
    let after = after.map_or(-1, |id| integer(id.seq()));
    let found = all(conn, &sql, [after], |row| {
        let id = rows::device_at(row, 0)?;
        let youngest = rows::maybe_bytes(row, 2)?.unwrap_or_default();
        let blocks: bool = get(row, 3)?;
        let empty = line::is_empty(youngest).map_err(|why| rows::damaged("line", id.seq(), why))?;
        Ok((id, rows::at(row, 1)?, empty && !blocks))
    })?;
    let mut stretch = Stretch::new();
    let seen = found.len();
    for (id, deleted, free) in found {
        stretch.look(id, Some(deleted), free, before);
        if stretch.old.len() >= limit || seen == OLD_SCANNED_MAX {
            stretch.next = Some(id);
        }
        if stretch.old.len() >= limit {
            break;
        }
    }
    Ok(stretch)
}

pub(super) fn old_cancel_tasks(
    conn: &Connection,
    before: Moment,
    after: Option<TaskId>,
    limit: usize,
) -> Result<Stretch<TaskId>, Failed> {
    // Ids rise with time, so the search ends at the first one that is too young.
    let sql = "SELECT id, created FROM cancel_task WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after = after.map(rows::task_id).map_or_else(Vec::new, Vec::from);
    let limit = limit.min(OLD_SCANNED_MAX);
    let found = all(conn, sql, params![after, size(limit)], |row| {
        let id = TaskId(u128::from_be_bytes(rows::array(row, 0)?));
        Ok((id, rows::at(row, 1)?))
    })?;
    let mut stretch = Stretch::new();
    let full = found.len() == limit;
    for (id, created) in found {
        if created >= before {
            stretch.stays(created);
            stretch.next = None;
            return Ok(stretch);
        }
        stretch.old.push(id);
        stretch.next = full.then_some(id);
    }
    Ok(stretch)
}

impl Applier<'_> {
    pub(super) fn forget_commands(&mut self, ids: &[CommandId]) -> Result<(), Failed> {
        let mut lines: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let sql = format!("{STANDING} WHERE c.seq = ?1");
        for id in ids {
            let found = first(self.conn, &sql, [integer(id.seq)], standing)?;
            let Some(command) = found.filter(|found| found.id == *id && found.free) else {
                continue;
            };
            self.count("DELETE FROM command WHERE seq = ?1", [integer(id.seq)])?;
            self.count(
                "DELETE FROM dead_callback WHERE seq = ?1",
                [integer(id.seq)],
            )?;
            if !command.direct {
                self.list(command.app, -1);
            }
            lines.entry(command.device_seq).or_default().push(id.seq);
        }
        for (device_seq, seqs) in lines {
            self.forget_in_line(device_seq, seqs)?;
        }
        Ok(())
    }

    /// Takes commands out of their device's line.
    fn forget_in_line(&mut self, device_seq: u64, mut seqs: Vec<u64>) -> Result<(), Failed> {
        let bad = |why| rows::damaged("line", device_seq, why);
        let blocks = "SELECT block, places FROM line WHERE device = ?1 ORDER BY block";
        let blocks = all(self.conn, blocks, [integer(device_seq)], |row| {
            Ok((number(row, 0)?, rows::bytes(row, 1)?.to_vec()))
        })?;
        for (block, mut places) in blocks {
            if seqs.is_empty() {
                return Ok(());
            }
            if !line::remove(&mut places, &mut seqs).map_err(bad)? {
                continue;
            }
            let at = [integer(device_seq), integer(block)];
            if line::is_empty(&places).map_err(bad)? {
                self.count("DELETE FROM line WHERE device = ?1 AND block = ?2", at)?;
            } else {
                let sql = "UPDATE line SET places = ?3 WHERE device = ?1 AND block = ?2";
                self.count(sql, params![at[0], at[1], places])?;
            }
        }
        if seqs.is_empty() || self.revision(device_seq)?.is_none() {
            return Ok(());
        }
        self.forget_in_youngest(device_seq, seqs)
    }

    /// Takes commands out of the youngest block, which stands in the lane's row.
    fn forget_in_youngest(&mut self, device_seq: u64, mut seqs: Vec<u64>) -> Result<(), Failed> {
        let (open, line) = (&mut self.second, &mut self.third);
        let changed = self.lanes.hold().change(device_seq, |lane| {
            line::remove(&mut lane.line, &mut seqs)?;
            lane.ahead = false;
            pack_lane(lane, open, line);
            Ok(lane.revision)
        });
        match changed {
            Some(Ok(revision)) => self.save_lane(device_seq, revision, None),
            Some(Err(why)) => Err(rows::damaged("line", device_seq, why)),
            None => Ok(()),
        }
    }

    pub(super) fn forget_devices(&mut self, ids: &[DeviceId]) -> Result<(), Failed> {
        for id in ids {
            let seq = integer(id.seq());
            let sql = "SELECT 1 FROM device WHERE seq = ?1 AND id = ?2 AND deleted IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM line WHERE device = ?1)";
            let known = first(self.conn, sql, params![seq, rows::device_id(*id)], |_| {
                Ok(())
            })?;
            if known.is_none() || self.revision(id.seq())?.is_none() {
                continue;
            }
            let bad = |why| rows::damaged("line", id.seq(), why);
            let lanes = self.lanes.hold();
            let empty = lanes.find(id.seq()).map(|lane| line::is_empty(&lane.line));
            drop(lanes);
            if !empty.unwrap_or(Ok(true)).map_err(bad)? {
                continue;
            }
            for sql in [
                "DELETE FROM device WHERE seq = ?1",
                "DELETE FROM lane WHERE device = ?1",
                "DELETE FROM report WHERE device = ?1",
            ] {
                self.count(sql, [seq])?;
            }
            self.gone.push(id.seq());
        }
        Ok(())
    }

    pub(super) fn forget_cancel_tasks(&mut self, ids: &[TaskId]) -> Result<(), Failed> {
        ids.iter().try_for_each(|id| {
            self.count(
                "DELETE FROM cancel_task WHERE id = ?1",
                [rows::task_id(*id)],
            )
        })
    }
}
