//! Device groups as rows. How many devices one has stands in its row, and changes where they do.

use super::apply::Applier;
use super::reads::{all, first, page_items};
use super::rows::{self, get, integer, moment, number, size};
use crate::contract::Failed;
use crate::records::{DeviceGroup, GroupFilter, GroupId, Page};
use delivery::{AppKey, DeviceId};
use rusqlite::{Connection, Row, ToSql, params};

impl Applier<'_> {
    pub(super) fn group(&mut self, group: &DeviceGroup) -> Result<(), Failed> {
        let sql = "INSERT INTO device_group (id, app, name, description, devices_max, creator, created, devices)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)
          ON CONFLICT (id) DO UPDATE SET name = ?3, description = ?4, devices_max = ?5, creator = ?6, created = ?7
          WHERE app = ?2";
        let values = params![
            rows::group_id(group.id),
            integer(group.app.0),
            group.name,
            group.description,
            group.devices_max,
            group.creator,
            moment(group.created),
        ];
        self.count(sql, values)
    }

    pub(super) fn group_devices(
        &mut self,
        group: GroupId,
        add: &[DeviceId],
        remove: &[DeviceId],
    ) -> Result<(), Failed> {
        let sql = "SELECT number, app FROM device_group WHERE id = ?1";
        let found = first(self.conn, sql, [rows::group_id(group)], |row| {
            Ok((get::<i64>(row, 0)?, get::<i64>(row, 1)?))
        })?;
        let Some((number, app)) = found else {
            return Ok(());
        };
        let (mut added, mut removed) = (0, 0);
        let sql = "INSERT OR IGNORE INTO group_device (number, device)
          SELECT ?1, seq FROM device WHERE seq = ?2 AND id = ?3 AND deleted IS NULL AND app = ?4";
        for id in add {
            let (seq, id) = (integer(id.seq()), rows::device_id(*id));
            added += self.changed_rows(sql, params![number, seq, id, app])?;
        }
        let sql = "DELETE FROM group_device WHERE number = ?1 AND device = ?2
          AND EXISTS (SELECT 1 FROM device WHERE seq = ?2 AND id = ?3)";
        for id in remove {
            let (seq, id) = (integer(id.seq()), rows::device_id(*id));
            removed += self.changed_rows(sql, params![number, seq, id])?;
        }
        if added == removed {
            return Ok(());
        }
        let sql = "UPDATE device_group SET devices = devices + ?2 - ?3 WHERE number = ?1";
        self.count(sql, params![number, integer(added), integer(removed)])
    }

    pub(super) fn forget_group(&mut self, id: GroupId) -> Result<(), Failed> {
        for sql in [
            "DELETE FROM group_device WHERE number = (SELECT number FROM device_group WHERE id = ?1)",
            "DELETE FROM device_group WHERE id = ?1",
        ] {
            self.count(sql, [rows::group_id(id)])?;
        }
        Ok(())
    }

    /// Takes a device out of every group.
    pub(super) fn leave_groups(&mut self, device_seq: u64) -> Result<(), Failed> {
        for sql in [
            "UPDATE device_group SET devices = devices - 1
             WHERE number IN (SELECT number FROM group_device WHERE device = ?1)",
            "DELETE FROM group_device WHERE device = ?1",
        ] {
            self.count(sql, [integer(device_seq)])?;
        }
        Ok(())
    }
}

/// The columns of [`read`].
const GROUP: &str = "id, app, name, description, devices_max, creator, created, devices";

fn read(row: &Row<'_>) -> Result<(DeviceGroup, u64), Failed> {
    let group = DeviceGroup {
        id: rows::group_at(row, 0)?,
        app: AppKey(number(row, 1)?),
        name: get(row, 2)?,
        description: get(row, 3)?,
        devices_max: get(row, 4)?,
        creator: get(row, 5)?,
        created: rows::at(row, 6)?,
    };
    Ok((group, number(row, 7)?))
}

/// One device group, and how many devices it has.
pub(super) fn group(conn: &Connection, id: GroupId) -> Result<Option<(DeviceGroup, u64)>, Failed> {
    let sql = format!("SELECT {GROUP} FROM device_group WHERE id = ?1");
    first(conn, &sql, [rows::group_id(id)], read)
}

/// A page of device groups.
pub(super) fn groups(
    conn: &Connection,
    filter: &GroupFilter,
) -> Result<Page<(DeviceGroup, u64)>, Failed> {
    let app = integer(filter.app.0);
    let mut params: Vec<&dyn ToSql> = vec![&app, &filter.name];
    let which = match filter.name {
        Some(_) => "device_group WHERE app = ?1 AND name = ?2",
        None => "device_group INDEXED BY device_group_by_app WHERE app = ?1 AND ?2 IS NULL",
    };
    let sql = format!("SELECT count(*) FROM {which}");
    let total = first(conn, &sql, params.as_slice(), |row| number(row, 0))?;
    let (take, skip) = (
        size(page_items(filter.skip, filter.take)),
        integer(filter.skip),
    );
    params.extend([&take as &dyn ToSql, &skip]);
    // Ids rise with time.
    let sql = format!("SELECT {GROUP} FROM {which} ORDER BY id DESC LIMIT ?3 OFFSET ?4");
    Ok(Page {
        total: total.unwrap_or_default(),
        items: all(conn, &sql, params.as_slice(), read)?,
    })
}

/// Reads devices of a group; what else is asked of them follows.
const MEMBERS: &str = "SELECT d.id FROM group_device m JOIN device d ON d.seq = m.device
  WHERE m.number = (SELECT number FROM device_group WHERE id = ?1)";

/// A page of a group's devices.
pub(super) fn page(
    conn: &Connection,
    id: GroupId,
    skip: u64,
    take: usize,
) -> Result<Page<DeviceId>, Failed> {
    let group = rows::group_id(id);
    let total = "SELECT devices FROM device_group WHERE id = ?1";
    // The page is cut from the group's own rows; only its devices are read.
    let sql = "SELECT id FROM device WHERE seq IN
      (SELECT device FROM group_device WHERE number = (SELECT number FROM device_group WHERE id = ?1)
       ORDER BY device LIMIT ?2 OFFSET ?3) ORDER BY seq";
    let params = params![group, size(page_items(skip, take)), integer(skip)];
    Ok(Page {
        total: first(conn, total, [group], |row| number(row, 0))?.unwrap_or_default(),
        items: all(conn, sql, params, |row| rows::device_at(row, 0))?,
    })
}

/// Devices of a group beyond a sequence number.
pub(super) fn devices(
    conn: &Connection,
    id: GroupId,
    after: u64,
    limit: usize,
) -> Result<Vec<DeviceId>, Failed> {
    let sql = format!("{MEMBERS} AND m.device > ?2 ORDER BY m.device LIMIT ?3");
    let params = params![rows::group_id(id), integer(after), size(limit)];
    all(conn, &sql, params, |row| rows::device_at(row, 0))
}

/// Those of some devices that are in a group.
pub(super) fn members(
    conn: &Connection,
    id: GroupId,
    of: &[DeviceId],
) -> Result<Vec<DeviceId>, Failed> {
    let sql = format!("{MEMBERS} AND m.device = ?2 AND d.id = ?3");
    let mut found = Vec::new();
    for device in of {
        let params = params![
            rows::group_id(id),
            integer(device.seq()),
            rows::device_id(*device)
        ];
        found.extend(first(conn, &sql, params, |row| rows::device_at(row, 0))?);
    }
    Ok(found)
}

/// Groups that a device is in.
pub(super) fn of(
    conn: &Connection,
    device: DeviceId,
    limit: usize,
) -> Result<Vec<DeviceGroup>, Failed> {
    let sql = format!(
        "SELECT {GROUP} FROM device_group WHERE number IN (SELECT number FROM group_device WHERE device = ?1)
         AND EXISTS (SELECT 1 FROM device WHERE seq = ?1 AND id = ?2) ORDER BY id DESC LIMIT ?3"
    );
    let params = params![integer(device.seq()), rows::device_id(device), size(limit)];
    all(conn, &sql, params, |row| Ok(read(row)?.0))
}
