//! What owners were told, what is owed to them, and what was given up.

use super::apply::{Applier, cannot_write};
use super::reads::{self, all, first};
use super::rows::{self, COMMAND, get, integer, moment, number, size};
use crate::contract::Failed;
use crate::count;
use crate::limits::PAGE_ITEMS_MAX;
use crate::records::DeadCallback;
use delivery::{AppKey, Command, CommandId, Moment};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

const DEAD: &str =
    "SELECT seq, tag, app, first, endpoint, since, attempts, reason, replaying FROM dead_callback";

impl Applier<'_> {
    /// A command's owner was told up to there; what was told stays told.
    pub(super) fn tell(&mut self, id: CommandId, up_to: u32) -> Result<(), Failed> {
        let Some(command) = reads::command(self.conn, id)? else {
            return Ok(());
        };
        if up_to <= command.told {
            return Ok(());
        }
        let place = count::place_of(&command);
        let wake: Option<i64> = self
            .conn
            .prepare_cached("SELECT wake FROM open WHERE seq = ?1")
            .and_then(|mut wake| {
                wake.query_row([integer(id.seq)], |row| row.get(0))
                    .optional()
            })
            .map_err(cannot_write)?
            .flatten();
        let wake = wake
            .and_then(|at| u64::try_from(at).ok())
            .map(Moment::from_millis);
        self.rewrite(&command, command.told.max(up_to), wake, place)
    }

    pub(super) fn dead_callback(&mut self, dead: &DeadCallback) -> Result<(), Failed> {
        let sql = "INSERT OR REPLACE INTO dead_callback (seq, tag, app, first, endpoint, since, attempts, reason, replaying)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = params![
            integer(dead.command.seq),
            dead.command.tag.cast_signed(),
            integer(dead.app.0),
            dead.from,
            dead.endpoint,
            moment(dead.since),
            dead.attempts,
            dead.reason,
            dead.replaying,
        ];
        self.count(sql, values)
    }

    pub(super) fn forget_dead_callback(&mut self, command: CommandId) -> Result<(), Failed> {
        let sql = "DELETE FROM dead_callback WHERE seq = ?1 AND tag = ?2";
        self.count(sql, [integer(command.seq), command.tag.cast_signed()])
    }
}

/// Dead callbacks beyond `after`, by command.
pub(super) fn dead_callbacks(
    conn: &Connection,
    app: Option<AppKey>,
    after: Option<CommandId>,
    limit: usize,
) -> Result<Vec<DeadCallback>, Failed> {
    let after = after.map_or(-1, |id| integer(id.seq));
    let limit = size(limit);
    let app = app.map(|app| integer(app.0));
    let which = match app {
        Some(_) => "INDEXED BY dead_callback_by_app WHERE app = ?3 AND seq > ?1",
        None => "WHERE seq > ?1 AND ?3 IS NULL",
    };
    let sql = format!("{DEAD} {which} ORDER BY seq LIMIT ?2");
    let params: [&dyn ToSql; 3] = [&after, &limit, &app];
    all(conn, &sql, params, dead)
}

/// The dead callback of one command.
pub(super) fn dead_callback(
    conn: &Connection,
    command: CommandId,
) -> Result<Option<DeadCallback>, Failed> {
    let sql = format!("{DEAD} WHERE seq = ?1 AND tag = ?2");
    first(
        conn,
        &sql,
        [integer(command.seq), command.tag.cast_signed()],
        dead,
    )
}

fn dead(row: &Row<'_>) -> Result<DeadCallback, Failed> {
    let tag: i64 = get(row, 1)?;
    Ok(DeadCallback {
        command: CommandId {
            seq: number(row, 0)?,
            tag: tag.cast_unsigned(),
        },
        app: AppKey(number(row, 2)?),
        from: get(row, 3)?,
        endpoint: get(row, 4)?,
        since: rows::at(row, 5)?,
        attempts: get(row, 6)?,
        reason: get(row, 7)?,
        replaying: get(row, 8)?,
    })
}

/// Commands beyond `after` that owe something, at most `limit`, and after which to go on, if anywhere.
pub(super) fn owed(
    conn: &Connection,
    after: u64,
    limit: usize,
) -> Result<(Vec<Command>, Option<u64>), Failed> {
    let sql = "SELECT seq FROM open INDEXED BY open_with_callback WHERE callback = 1 AND seq > ?1 ORDER BY seq LIMIT ?2";
    let seqs = all(conn, sql, [integer(after), size(PAGE_ITEMS_MAX)], |row| {
        number(row, 0)
    })?;
    let whole = seqs.len() < PAGE_ITEMS_MAX;
    let mut found = Vec::new();
    for seq in &seqs {
        let sql = format!("{COMMAND} WHERE c.seq = ?1");
        let command = reads::first(conn, &sql, [integer(*seq)], rows::command)?;
        found.extend(command.filter(|c| c.owed().next().is_some()));
        if found.len() >= limit {
            return Ok((found, None));
        }
    }
    let next = seqs.last().copied().filter(|_| !whole);
    Ok((found, next))
}
