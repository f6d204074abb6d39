//! Grants as rows, and applications that go.

use super::apply::Applier;
use super::bytes::{Bytes, Damage, put_number};
use super::reads;
use super::rows::{self, get, integer, moment, number};
use crate::contract::Failed;
use crate::records::{Grant, GroupId};
use delivery::{AppKey, DeviceId};
use rusqlite::{Connection, Row, params};

impl Applier<'_> {
    pub(super) fn grant(&mut self, grant: &Grant) -> Result<(), Failed> {
        let sql = "INSERT OR REPLACE INTO grant_of (owner, grantee, created, until, revoked, devices, operations, device_groups)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = params![
            integer(grant.owner.0),
            integer(grant.grantee.0),
            moment(grant.created),
            grant.until.map(moment),
            grant.revoked.map(moment),
            put_ids(grant.devices.iter().map(|id| id.as_u128())),
            grant.operations.join(" "),
            put_ids(grant.groups.iter().map(|id| id.0)),
        ];
        self.count(sql, values)
    }

    pub(super) fn forget_grant(&mut self, owner: AppKey, grantee: AppKey) -> Result<(), Failed> {
        let sql = "DELETE FROM grant_of WHERE owner = ?1 AND grantee = ?2";
        self.count(sql, [integer(owner.0), integer(grantee.0)])
    }

    pub(super) fn forget_application(&mut self, app: AppKey) -> Result<(), Failed> {
        for sql in [
            "DELETE FROM application WHERE key = ?1",
            "DELETE FROM token WHERE app = ?1",
            "DELETE FROM grant_of WHERE owner = ?1 OR grantee = ?1",
            "DELETE FROM group_device WHERE number IN (SELECT number FROM device_group WHERE app = ?1)",
            "DELETE FROM device_group WHERE app = ?1",
        ] {
            self.count(sql, [integer(app.0)])?;
        }
        Ok(())
    }
}

/// Every grant.
pub(super) fn grants(conn: &Connection) -> Result<Vec<Grant>, Failed> {
    let sql = "SELECT owner, grantee, created, until, revoked, devices, operations, device_groups
      FROM grant_of ORDER BY owner, grantee";
    reads::all(conn, sql, [], grant)
}

fn grant(row: &Row<'_>) -> Result<Grant, Failed> {
    let owner = number(row, 0)?;
    let operations: String = get(row, 6)?;
    let bad = |why| rows::damaged("a grant of application", owner, why);
    let devices = ids(rows::bytes(row, 5)?).map_err(bad)?;
    let groups = ids(rows::bytes(row, 7)?).map_err(bad)?;
    Ok(Grant {
        owner: AppKey(owner),
        grantee: AppKey(number(row, 1)?),
        created: rows::at(row, 2)?,
        until: rows::maybe_at(row, 3)?,
        revoked: rows::maybe_at(row, 4)?,
        devices: devices.into_iter().map(DeviceId::from_u128).collect(),
        groups: groups.into_iter().map(GroupId).collect(),
        // Names of operations are words.
        operations: operations.split_whitespace().map(str::to_owned).collect(),
    })
}

fn put_ids(ids: impl ExactSizeIterator<Item = u128>) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + ids.len() * 16);
    put_number(&mut out, u64::try_from(ids.len()).unwrap_or(u64::MAX));
    ids.for_each(|id| out.extend_from_slice(&id.to_be_bytes()));
    out
}

fn ids(packed: &[u8]) -> Result<Vec<u128>, Damage> {
    let mut from = Bytes::new(packed);
    let count = from.narrow::<usize>()?;
    let mut ids = Vec::with_capacity(count.min(from.left() / 16));
    for _ in 0..count {
        ids.push(u128::from_be_bytes(from.array()?));
    }
    from.end()?;
    Ok(ids)
}
