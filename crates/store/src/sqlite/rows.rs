//! Rows and the values that stand in them.
//!
//! SQLite's integers are signed. Sequence numbers, keys and moments beyond 2^63 - 1 are kept as that; nothing real comes near.

use super::bytes::{Bytes, Damage, put_number};
use super::pack;
use crate::contract::Failed;
use crate::records::{
    Application, CancelTask, Device, GroupId, Presence, ProductModel, Report, TaskId, Token,
    TokenKind,
};
use delivery::{AppKey, Command, CommandId, DeviceId, Mid, Moment};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

/// Reads a whole command; a condition and an order follow. The row's places are those that [`command`] reads.
pub(super) const COMMAND: &str =
    "SELECT c.seq, d.id, c.app, c.created, c.mid, c.facts, c.key, c.body, c.outcome, o.progress
  FROM command c JOIN device d ON d.seq = c.device LEFT JOIN open o ON o.seq = c.seq";

/// A number as SQLite keeps it.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A moment as SQLite keeps it.
pub(super) fn moment(at: Moment) -> i64 {
    integer(at.as_millis())
}

/// A size as SQLite keeps it.
pub(super) fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A device's id as it is kept: sixteen bytes.
pub(super) fn device_id(id: DeviceId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

/// A task's id as it is kept: sixteen bytes, in the order of the ids.
pub(super) fn task_id(id: TaskId) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// A device group's id as it is kept: sixteen bytes, in the order of the ids.
pub(super) fn group_id(id: GroupId) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// Packs ids of commands.
pub(super) fn put_ids(ids: &[CommandId]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ids.len() * 12);
    put_number(&mut out, u64::try_from(ids.len()).unwrap_or(u64::MAX));
    for id in ids {
        put_number(&mut out, id.seq);
        out.extend_from_slice(&id.tag.to_le_bytes());
    }
    out
}

fn ids(packed: &[u8]) -> Result<Vec<CommandId>, Damage> {
    let mut from = Bytes::new(packed);
    let count = from.narrow::<usize>()?;
    let mut ids = Vec::with_capacity(count.min(from.left() / 9));
    for _ in 0..count {
        let seq = from.number()?;
        ids.push(CommandId {
            seq,
            tag: u64::from_le_bytes(from.array()?),
        });
    }
    from.end()?;
    Ok(ids)
}

/// SQLite could not read.
pub(super) fn cannot_read(error: rusqlite::Error) -> Failed {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Failed::Row(error.to_string()),
        other => Failed::Read(other.to_string()),
    }
}

/// A row that is not what it should be.
pub(super) fn damaged(what: &str, seq: u64, why: Damage) -> Failed {
    Failed::Row(format!("{what} {seq}: {why}"))
}

/// A column of a row.
pub(super) fn get<T: FromSql>(row: &Row<'_>, at: usize) -> Result<T, Failed> {
    row.get(at).map_err(cannot_read)
}

/// A column with a number that cannot be negative.
pub(super) fn number(row: &Row<'_>, at: usize) -> Result<u64, Failed> {
    let value: i64 = get(row, at)?;
    u64::try_from(value).map_err(|_| Failed::Row(format!("column {at}: {value} is negative")))
}

/// A column with a moment.
pub(super) fn at(row: &Row<'_>, at: usize) -> Result<Moment, Failed> {
    number(row, at).map(Moment::from_millis)
}

/// A column with a moment, or none.
pub(super) fn maybe_at(row: &Row<'_>, at: usize) -> Result<Option<Moment>, Failed> {
    let value: Option<i64> = get(row, at)?;
    let value = value.map(u64::try_from).transpose();
    let value = value.map_err(|_| Failed::Row(format!("column {at} is negative")))?;
    Ok(value.map(Moment::from_millis))
}

/// A column with bytes, borrowed.
pub(super) fn bytes<'r>(row: &'r Row<'_>, at: usize) -> Result<&'r [u8], Failed> {
    match row.get_ref(at).map_err(cannot_read)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(Failed::Row(format!(
            "column {at} holds {}",
            other.data_type()
        ))),
    }
}

/// A column with bytes, or none.
pub(super) fn maybe_bytes<'r>(row: &'r Row<'_>, at: usize) -> Result<Option<&'r [u8]>, Failed> {
    match row.get_ref(at).map_err(cannot_read)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes)),
        other => Err(Failed::Row(format!(
            "column {at} holds {}",
            other.data_type()
        ))),
    }
}

/// A column with as many bytes as the array has.
pub(super) fn array<const N: usize>(row: &Row<'_>, at: usize) -> Result<[u8; N], Failed> {
    let bytes = bytes(row, at)?;
    bytes
        .try_into()
        .map_err(|_| Failed::Row(format!("column {at} holds {} bytes, not {N}", bytes.len())))
}

/// A column with a device's id.
pub(super) fn device_at(row: &Row<'_>, at: usize) -> Result<DeviceId, Failed> {
    array(row, at)
        .map(u128::from_be_bytes)
        .map(DeviceId::from_u128)
}

/// A column with a device group's id.
pub(super) fn group_at(row: &Row<'_>, at: usize) -> Result<GroupId, Failed> {
    array(row, at).map(u128::from_be_bytes).map(GroupId)
}

/// The command in a row of [`COMMAND`].
pub(super) fn command(row: &Row<'_>) -> Result<Command, Failed> {
    let seq = number(row, 0)?;
    let bad = |why| damaged("command", seq, why);
    let created = at(row, 3)?;
    let mid: u16 = get(row, 4)?;
    let mid = Mid::new(mid).ok_or_else(|| bad(Damage::Range))?;
    let facts = pack::facts(bytes(row, 5)?).map_err(bad)?;
    let key: Option<String> = get(row, 6)?;
    let outcome = pack::progress(bytes(row, 8)?, created).map_err(bad)?;
    let open = match maybe_bytes(row, 9)? {
        Some(packed) => pack::progress(packed, created).map_err(bad)?,
        None => None,
    };
    let progress = match (open, outcome) {
        (Some(progress), None) | (None, Some(progress)) => progress,
        (None, None) => {
            return Err(Failed::Row(format!(
                "command {seq}: it is neither open nor ended"
            )));
        }
        (Some(_), Some(_)) => {
            return Err(Failed::Row(format!(
                "command {seq}: it is both open and ended"
            )));
        }
    };
    Ok(Command {
        id: CommandId {
            seq,
            tag: facts.tag,
        },
        device: device_at(row, 1)?,
        app: AppKey(number(row, 2)?),
        kind: facts.kind,
        mid,
        created,
        retransmit_max: facts.retransmit_max,
        answer_expected: facts.answer_expected,
        callback: facts.callback,
        key: key.map(Into::into),
        body: bytes(row, 7)?.into(),
        state: progress.state,
        issued: progress.issued,
        history: progress.history,
        answer: progress.answer,
        told: progress.told,
        lost: progress.lost,
        late: progress.late,
    })
}

/// The columns of [`application`].
pub(super) const APPLICATION: &str =
    "key, app_id, name, secret_hash, created, throttled, frozen, webhook_secret, callback_ca";

pub(super) fn application(row: &Row<'_>) -> Result<Application, Failed> {
    Ok(Application {
        key: AppKey(number(row, 0)?),
        app_id: get(row, 1)?,
        name: get(row, 2)?,
        secret_hash: get(row, 3)?,
        created: at(row, 4)?,
        throttled: get(row, 5)?,
        frozen: get(row, 6)?,
        webhook_secret: maybe_bytes(row, 7)?.map(<[u8]>::to_vec),
        callback_ca: get(row, 8)?,
    })
}

/// The columns of [`token`].
pub(super) const TOKEN: &str = "digest, app, refresh, valid_until";

pub(super) fn token(row: &Row<'_>) -> Result<Token, Failed> {
    let refresh: bool = get(row, 2)?;
    Ok(Token {
        digest: array(row, 0)?,
        app: AppKey(number(row, 1)?),
        kind: if refresh {
            TokenKind::Refresh
        } else {
            TokenKind::Access
        },
        valid_until: at(row, 3)?,
    })
}

/// The columns of [`device`].
pub(super) const DEVICE: &str =
    "id, app, node_id, registered, modified, activated, bind_by, deleted, secret, psk, verify_code,
  manufacturer_id, model, online, since, info, gateway, secure";

/// The place of `online` among them.
pub(super) const DEVICE_ONLINE: usize = 13;

pub(super) fn device(row: &Row<'_>) -> Result<Device, Failed> {
    let verify_code = match maybe_bytes(row, 10)? {
        Some(_) => Some(array(row, 10)?),
        None => None,
    };
    let gateway = match maybe_bytes(row, 16)? {
        Some(_) => Some(device_at(row, 16)?),
        None => None,
    };
    let manufacturer: Option<String> = get(row, 11)?;
    let model: Option<String> = get(row, 12)?;
    Ok(Device {
        id: device_at(row, 0)?,
        app: AppKey(number(row, 1)?),
        gateway,
        node_id: get(row, 2)?,
        registered: at(row, 3)?,
        modified: at(row, 4)?,
        activated: maybe_at(row, 5)?,
        bind_by: maybe_at(row, 6)?,
        deleted: maybe_at(row, 7)?,
        secret: maybe_bytes(row, 8)?.map(<[u8]>::to_vec),
        psk: maybe_bytes(row, 9)?.map(<[u8]>::to_vec),
        verify_code,
        secure: get(row, 17)?,
        model: manufacturer.zip(model),
        presence: Presence {
            online: get(row, DEVICE_ONLINE)?,
            since: maybe_at(row, 14)?,
        },
        info: bytes(row, 15)?.to_vec(),
    })
}

/// The columns of [`product_model`].
pub(super) const PRODUCT_MODEL: &str = "version, manufacturer_id, model, added, replaced, document";

pub(super) fn product_model(row: &Row<'_>) -> Result<ProductModel, Failed> {
    Ok(ProductModel {
        version: number(row, 0)?,
        manufacturer_id: get(row, 1)?,
        model: get(row, 2)?,
        added: at(row, 3)?,
        replaced: maybe_at(row, 4)?,
        document: bytes(row, 5)?.to_vec(),
    })
}

/// The columns of [`report`].
pub(super) const REPORT: &str = "device_id, service_id, at, event_time, off_profile, properties";

pub(super) fn report(row: &Row<'_>) -> Result<Report, Failed> {
    Ok(Report {
        device: device_at(row, 0)?,
        service_id: get(row, 1)?,
        at: at(row, 2)?,
        event_time: maybe_at(row, 3)?,
        off_profile: get(row, 4)?,
        properties: bytes(row, 5)?.to_vec(),
    })
}

/// The columns of [`cancel_task`].
pub(super) const CANCEL_TASK: &str = "id, app, device_id, created, commands";

pub(super) fn cancel_task(row: &Row<'_>) -> Result<CancelTask, Failed> {
    let id = TaskId(u128::from_be_bytes(array(row, 0)?));
    let bad = |why| Failed::Row(format!("cancel task {id}: {why}"));
    Ok(CancelTask {
        id,
        app: AppKey(number(row, 1)?),
        device: device_at(row, 2)?,
        created: at(row, 3)?,
        commands: ids(bytes(row, 4)?).map_err(bad)?,
    })
}
