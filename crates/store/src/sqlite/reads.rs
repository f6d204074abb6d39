//! What can be read, each as one question to a connection.

use super::rows::{self, COMMAND, cannot_read, get, integer, moment, number, size};
use super::{devices, lane_row, line};
use crate::contract::Failed;
use crate::count::Counts;
use crate::limits::{COUNTED_TOTAL_MAX, PAGE_ITEMS_MAX, SKIP_MAX};
use crate::records::{CancelTask, CancelTaskFilter, CommandFilter, Marks, Page};
use delivery::{AppKey, Cause, Command, CommandId, DeviceId, Lane, Link, Mid, MidSequence, Moment};
use rusqlite::{Connection, Params, Row, ToSql};
use std::cmp::Reverse;
use std::ops::ControlFlow;

/// The items of a statement's rows.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    item: impl Fn(&Row<'_>) -> Result<T, Failed>,
) -> Result<Vec<T>, Failed> {
    let mut statement = conn.prepare_cached(sql).map_err(cannot_read)?;
    let mut rows = statement.query(params).map_err(cannot_read)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(cannot_read)? {
        items.push(item(row)?);
    }
    Ok(items)
}

/// The item of a statement's first row.
pub(super) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    item: impl Fn(&Row<'_>) -> Result<T, Failed>,
) -> Result<Option<T>, Failed> {
    let mut statement = conn.prepare_cached(sql).map_err(cannot_read)?;
    let mut rows = statement.query(params).map_err(cannot_read)?;
    rows.next().map_err(cannot_read)?.map(item).transpose()
}

/// What the ledger says: the last moment, the highest sequence number of a command, and the tally.
pub(super) fn ledger(conn: &Connection) -> Result<(Moment, u64, Counts), Failed> {
    let sql = "SELECT last_moment, command_seq, accepted, queued, sent, delivered,
      settled, succeeded, failed, cancelled, expired, timed_out FROM ledger WHERE id = 1";
    let found = first(conn, sql, [], |row| {
        let n = |at| number(row, at);
        let counts = Counts {
            accepted: n(2)?,
            open: [n(3)?, n(4)?, n(5)?],
            ended: [n(6)?, n(7)?, n(8)?, n(9)?, n(10)?, n(11)?],
        };
        Ok((rows::at(row, 0)?, n(1)?, counts))
    })?;
    found.ok_or_else(|| Failed::Row("the ledger is missing".to_owned()))
}

/// The last moment that was committed.
pub(super) fn last_moment(conn: &Connection) -> Result<Moment, Failed> {
    ledger(conn).map(|(last_moment, ..)| last_moment)
}

pub(super) fn marks(conn: &Connection) -> Result<Marks, Failed> {
    let (last_moment, command_seq, _) = ledger(conn)?;
    let registered = devices::registered(conn)?;
    let model = "SELECT coalesce(max(version), 0) FROM product_model";
    Ok(Marks {
        command_seq,
        device_seq: registered.device_seq,
        app_key: registered.app_key,
        model_version: first(conn, model, [], |row| number(row, 0))?.unwrap_or_default(),
        last_moment,
    })
}

/// The lane of a device. `revision` is what the writer knew of it before this snapshot was taken.
pub(super) fn lane(
    conn: &Connection,
    device_seq: u64,
    revision: Option<u64>,
) -> Result<Option<Lane>, Failed> {
    let sql = "SELECT d.id, d.registered, d.deleted IS NOT NULL, l.revision, l.record, l.open
      FROM device d LEFT JOIN lane l ON l.device = d.seq WHERE d.seq = ?1";
    let found = first(conn, sql, [integer(device_seq)], |row| {
        let bad = |why| rows::damaged("lane", device_seq, why);
        let kept: Option<i64> = get(row, 3)?;
        let record = rows::maybe_bytes(row, 4)?
            .map(lane_row::record)
            .transpose()
            .map_err(bad)?;
        let open = rows::maybe_bytes(row, 5)?
            .map(lane_row::open)
            .transpose()
            .map_err(bad)?;
        let device = rows::device_at(row, 0)?;
        let gone: bool = get(row, 2)?;
        let contact = record.as_ref().and_then(|record| record.contact);
        let kept = kept
            .and_then(|revision| u64::try_from(revision).ok())
            .unwrap_or_default();
        let lane = Lane {
            device,
            revision: revision.unwrap_or_default().max(kept),
            registered: rows::at(row, 1)?,
            contact,
            contact_kept: contact,
            deleted: gone || record.as_ref().is_some_and(|record| record.deleted),
            mids: record.map_or_else(|| MidSequence::new(device), |record| record.mids),
            link: Link::Away,
            open: Vec::new(),
        };
        Ok((lane, open.unwrap_or_default()))
    })?;
    let Some((mut lane, open)) = found else {
        return Ok(None);
    };
    for seq in open {
        lane.open.extend(open_command(conn, seq)?);
    }
    Ok(Some(lane))
}

/// The command with this sequence number, if it is open.
pub(super) fn open_command(conn: &Connection, seq: u64) -> Result<Option<Command>, Failed> {
    // A list may name commands that have ended; those are told by the small row, without a look at the large one.
    let open = first(
        conn,
        "SELECT wake FROM open WHERE seq = ?1",
        [integer(seq)],
        |row| get::<Option<i64>>(row, 0),
    )?;
    if open.is_none() {
        return Ok(None);
    }
    Ok(by_seq(conn, seq)?.filter(|command| !command.has_ended()))
}

/// The command with this sequence number.
pub(super) fn by_seq(conn: &Connection, seq: u64) -> Result<Option<Command>, Failed> {
    first(
        conn,
        &format!("{COMMAND} WHERE c.seq = ?1"),
        [integer(seq)],
        rows::command,
    )
}

pub(super) fn alarms(
    conn: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, u64, Moment)>, Failed> {
    let sql = "SELECT seq, device, wake FROM open WHERE seq > ?1 AND wake IS NOT NULL ORDER BY seq LIMIT ?2";
    all(conn, sql, [integer(after), size(limit)], |row| {
        Ok((number(row, 0)?, number(row, 1)?, rows::at(row, 2)?))
    })
}

pub(super) fn command(conn: &Connection, id: CommandId) -> Result<Option<Command>, Failed> {
    Ok(by_seq(conn, id.seq)?.filter(|command| command.id == id))
}

pub(super) fn command_by_key(
    conn: &Connection,
    app: AppKey,
    key: &str,
    since: Moment,
) -> Result<Option<Command>, Failed> {
    let sql = format!("{COMMAND} WHERE c.app = ?1 AND c.key = ?2 AND c.created >= ?3");
    let params: [&dyn ToSql; 3] = [&integer(app.0), &key, &moment(since)];
    first(conn, &sql, params, rows::command)
}

pub(super) fn ended_by_mid(
    conn: &Connection,
    device: DeviceId,
    mid: Mid,
    last: usize,
) -> Result<Option<Command>, Failed> {
    let mut seqs = Vec::new();
    let mut left = last;
    line::walk(conn, device.seq(), |place| {
        if left == 0 {
            return ControlFlow::Break(());
        }
        left -= 1;
        if place.mid == mid {
            seqs.push(place.seq);
        }
        ControlFlow::Continue(())
    })?;
    let was_sent = |c: &Command| c.history.iter().any(|entry| entry.cause == Cause::Attempt);
    for seq in seqs {
        let fits = |c: &Command| c.device == device && c.has_ended() && was_sent(c);
        if let Some(command) = by_seq(conn, seq)?.filter(fits) {
            return Ok(Some(command));
        }
    }
    Ok(None)
}

pub(super) fn commands(conn: &Connection, filter: &CommandFilter) -> Result<Page<Command>, Failed> {
    if let Some(devices) = &filter.devices {
        return commands_of(conn, devices, filter);
    }
    let (from, to) = bounds(filter.from, filter.to);
    let (app, skip) = (integer(filter.app.0), integer(filter.skip));
    let which = "command INDEXED BY command_by_app WHERE direct = 0 AND app = ?1 AND created BETWEEN ?2 AND ?3";
    let total = if filter.from.is_none() && filter.to.is_none() {
        let sql = "SELECT commands FROM listed WHERE app = ?1";
        first(conn, sql, [app], |row| number(row, 0))?.unwrap_or_default()
    } else {
        counted(conn, which, [app, from, to])?
    };
    // The page is cut from the index; only its own rows are read.
    let sql = format!(
        "{COMMAND} WHERE c.seq IN (SELECT seq FROM {which} ORDER BY created DESC, seq DESC LIMIT ?4 OFFSET ?5)
         ORDER BY c.created DESC, c.seq DESC"
    );
    let take = size(page_items(filter.skip, filter.take));
    Ok(Page {
        total,
        items: all(conn, &sql, [app, from, to, take, skip], rows::command)?,
    })
}

/// The commands of some devices that a filter shows; they are sought in the devices' lines.
fn commands_of(
    conn: &Connection,
    devices: &[DeviceId],
    filter: &CommandFilter,
) -> Result<Page<Command>, Failed> {
    let take = page_items(filter.skip, filter.take);
    let skip = usize::try_from(filter.skip.min(SKIP_MAX)).expect("a bound");
    let page_end = skip + take;
    let mut total = 0;
    let mut newest: Vec<(Moment, u64)> = Vec::new();
    for device in devices {
        if known(conn, *device)?.is_none() {
            continue;
        }
        let mut own = 0;
        line::walk(conn, device.seq(), |place| {
            let is_older = filter.from.is_some_and(|from| place.created < from);
            if is_older || total == COUNTED_TOTAL_MAX {
                return ControlFlow::Break(());
            }
            let shown = !place.direct
                && place.app == filter.app
                && filter.to.is_none_or(|to| place.created <= to);
            if shown {
                if own < page_end {
                    newest.push((place.created, place.seq));
                    own += 1;
                }
                total += 1;
            }
            ControlFlow::Continue(())
        })?;
        if devices.len() > 1 && newest.len() > 2 * page_end {
            newest.sort_unstable_by_key(|place| Reverse(*place));
            newest.truncate(page_end);
        }
    }
    newest.sort_unstable_by_key(|place| Reverse(*place));
    let seqs: Vec<u64> = newest
        .iter()
        .skip(skip)
        .take(take)
        .map(|(_, seq)| *seq)
        .collect();
    Ok(Page {
        total,
        items: by_seqs(conn, &seqs)?,
    })
}

/// The commands with these sequence numbers, which the line names.
fn by_seqs(conn: &Connection, seqs: &[u64]) -> Result<Vec<Command>, Failed> {
    let missing = |seq: u64| Failed::Row(format!("command {seq} is missing"));
    seqs.iter()
        .map(|seq| by_seq(conn, *seq)?.ok_or_else(|| missing(*seq)))
        .collect()
}

/// How many items the page may have that begins at `skip`.
pub(super) fn page_items(skip: u64, take: usize) -> usize {
    if skip > SKIP_MAX {
        0
    } else {
        take.min(PAGE_ITEMS_MAX)
    }
}

/// How many rows there are, up to the bound.
pub(super) fn counted(conn: &Connection, which: &str, params: impl Params) -> Result<u64, Failed> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {which} LIMIT {COUNTED_TOTAL_MAX})");
    Ok(first(conn, &sql, params, |row| number(row, 0))?.unwrap_or_default())
}

pub(super) fn latest_commands(
    conn: &Connection,
    device: Option<DeviceId>,
    before: Option<CommandId>,
    limit: usize,
) -> Result<Vec<Command>, Failed> {
    let limit = limit.min(PAGE_ITEMS_MAX);
    let end = before.map_or(u64::MAX, |before| before.seq);
    let Some(device) = device else {
        let newest = i64::try_from(end).unwrap_or(i64::MAX);
        return all(
            conn,
            &format!("{COMMAND} WHERE c.seq < ?1 ORDER BY c.seq DESC LIMIT ?2"),
            [newest, size(limit)],
            rows::command,
        );
    };
    if known(conn, device)?.is_none() {
        return Ok(Vec::new());
    }
    let mut seqs = Vec::new();
    line::walk(conn, device.seq(), |place| {
        if seqs.len() == limit {
            return ControlFlow::Break(());
        }
        if place.seq < end {
            seqs.push(place.seq);
        }
        ControlFlow::Continue(())
    })?;
    by_seqs(conn, &seqs)
}

/// The device, if it is kept under exactly this id.
fn known(conn: &Connection, device: DeviceId) -> Result<Option<()>, Failed> {
    let params: [&dyn ToSql; 2] = [&integer(device.seq()), &rows::device_id(device)];
    first(
        conn,
        "SELECT 1 FROM device WHERE seq = ?1 AND id = ?2",
        params,
        |_| Ok(()),
    )
}

pub(super) fn cancel_tasks(
    conn: &Connection,
    filter: &CancelTaskFilter,
) -> Result<Page<CancelTask>, Failed> {
    let (from, to) = bounds(filter.from, filter.to);
    // Of two kinds of tasks, those that found something and those that did not, one or both are shown.
    let (found_min, found_max) = match filter.succeeded {
        None => (0i64, 1i64),
        Some(true) => (1, 1),
        Some(false) => (0, 0),
    };
    let devices = filter.devices.as_deref();
    let device = devices.map(|ids| json(ids, |id| id.seq().to_string()));
    let device_id = devices.map(|ids| json(ids, |id| format!("\"{:032X}\"", id.as_u128())));
    let task = filter.task.map(rows::task_id);
    let app = integer(filter.app.0);
    let which = match (filter.task, &device) {
        (Some(_), _) => "cancel_task WHERE id = ?5 AND app = ?1 AND created BETWEEN ?2 AND ?3",
        (None, Some(_)) => {
            "cancel_task INDEXED BY cancel_task_by_device WHERE device IN (SELECT value FROM json_each(?6))
             AND created BETWEEN ?2 AND ?3 AND app = ?1"
        }
        (None, None) => {
            "cancel_task INDEXED BY cancel_task_by_app WHERE app = ?1 AND created BETWEEN ?2 AND ?3"
        }
    };
    let which = format!(
        "{which} AND found BETWEEN ?4 AND ?8 AND (?5 IS NULL OR id = ?5)
         AND (?6 IS NULL OR (device IN (SELECT value FROM json_each(?6)) AND hex(device_id) IN (SELECT value FROM json_each(?7))))"
    );
    let mut params: Vec<&dyn ToSql> = vec![
        &app, &from, &to, &found_min, &task, &device, &device_id, &found_max,
    ];
    let total = counted(conn, &which, params.as_slice())?;
    let take = size(page_items(filter.skip, filter.take));
    let skip = integer(filter.skip);
    params.extend([&take as &dyn ToSql, &skip]);
    let columns = rows::CANCEL_TASK;
    let sql =
        format!("SELECT {columns} FROM {which} ORDER BY created DESC, id DESC LIMIT ?9 OFFSET ?10");
    Ok(Page {
        total,
        items: all(conn, &sql, params.as_slice(), rows::cancel_task)?,
    })
}

/// Devices as a list that SQLite reads.
fn json(ids: &[DeviceId], each: impl Fn(&DeviceId) -> String) -> String {
    let list: Vec<String> = ids.iter().map(each).collect();
    format!("[{}]", list.join(","))
}

/// The bounds of a time filter as SQLite compares them.
pub(super) fn bounds(from: Option<Moment>, to: Option<Moment>) -> (i64, i64) {
    (from.map_or(0, moment), to.map_or(i64::MAX, moment))
}

/// A named setting.
pub(super) fn setting(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, Failed> {
    let sql = "SELECT value FROM setting WHERE name = ?1";
    first(conn, sql, [name], |row| {
        rows::bytes(row, 0).map(<[u8]>::to_vec)
    })
}
