//! Devices as rows: written one by one, counted, and listed.

use super::apply::Applier;
use super::reads::{all, counted, first, page_items};
use super::rows::{self, DEVICE, DEVICE_ONLINE, cannot_read, get, integer, moment, number, size};
use super::{lane_row, reads};
use crate::contract::Failed;
use crate::limits::{DEVICES_SCANNED_MAX, LANES_SCANNED_MAX};
use crate::records::{Device, DeviceCounts, DeviceFilter, Page};
use delivery::{AppKey, DeviceId, Moment};
use rusqlite::{Connection, ToSql, params};

/// What the ledger says of devices and applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Registered {
    /// The highest sequence number that a device ever had.
    pub(super) device_seq: u64,
    /// The highest key that an application ever had.
    pub(super) app_key: u64,
    /// Devices that are not deleted.
    pub(super) counts: DeviceCounts,
}

/// What the ledger says of devices and applications.
pub(super) fn registered(conn: &Connection) -> Result<Registered, Failed> {
    let sql = "SELECT device_seq, app_key, devices, nonsecure FROM ledger WHERE id = 1";
    let found = first(conn, sql, [], |row| {
        Ok(Registered {
            device_seq: number(row, 0)?,
            app_key: number(row, 1)?,
            counts: DeviceCounts {
                registered: number(row, 2)?,
                nonsecure: number(row, 3)?,
            },
        })
    })?;
    found.ok_or_else(|| Failed::Row("the ledger is missing".to_owned()))
}

impl Applier<'_> {
    pub(super) fn device(&mut self, device: &Device) -> Result<(), Failed> {
        self.count_device(device)?;
        let sql = "INSERT INTO device (seq, id, app, node_id, registered, modified, activated, bind_by, deleted, secret, psk,
          verify_code, manufacturer_id, model, online, since, info, gateway, secure)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
          ON CONFLICT (seq) DO UPDATE SET id = ?2, app = ?3, node_id = ?4, registered = ?5, modified = ?6, activated = ?7,
          bind_by = ?8, deleted = ?9, secret = ?10, psk = ?11, verify_code = ?12, manufacturer_id = ?13, model = ?14,
          online = ?15, since = ?16, info = ?17, gateway = ?18, secure = ?19";
        let model = device.model.as_ref();
        let values = params![
            integer(device.id.seq()),
            rows::device_id(device.id),
            integer(device.app.0),
            device.node_id,
            moment(device.registered),
            moment(device.modified),
            device.activated.map(moment),
            device.bind_by.map(moment),
            device.deleted.map(moment),
            device.secret,
            device.psk,
            device.verify_code,
            model.map(|(manufacturer, _)| manufacturer),
            model.map(|(_, model)| model),
            device.presence.online,
            device.presence.since.map(moment),
            device.info,
            device.gateway.map(rows::device_id),
            device.secure,
        ];
        self.count(sql, values)
    }

    /// Takes note of a device that is about to be written; it leaves its groups if it is about to be none of theirs.
    fn count_device(&mut self, device: &Device) -> Result<(), Failed> {
        let sql = "SELECT secure, app FROM device WHERE seq = ?1 AND deleted IS NULL";
        let before = first(self.conn, sql, [integer(device.id.seq())], |row| {
            Ok((get::<bool>(row, 0)?, AppKey(number(row, 1)?)))
        })?;
        let after = device.deleted.is_none().then_some(device.secure);
        if before.is_some_and(|(_, app)| after.is_none() || app != device.app) {
            self.leave_groups(device.id.seq())?;
        }
        let Registered {
            device_seq, counts, ..
        } = &mut self.registered;
        if let Some((secure, _)) = before {
            counts.registered = counts.registered.saturating_sub(1);
            counts.nonsecure = counts.nonsecure.saturating_sub(u64::from(!secure));
        }
        if let Some(secure) = after {
            counts.registered += 1;
            counts.nonsecure += u64::from(!secure);
        }
        *device_seq = (*device_seq).max(device.id.seq());
        Ok(())
    }

    /// Writes what the ledger says of devices and applications.
    pub(super) fn save_registered(&mut self) -> Result<(), Failed> {
        let Registered {
            device_seq,
            app_key,
            counts,
        } = self.registered;
        let n = integer;
        self.count(
            "UPDATE ledger SET device_seq = ?1, app_key = ?2, devices = ?3, nonsecure = ?4 WHERE id = 1",
            [n(device_seq), n(app_key), n(counts.registered), n(counts.nonsecure)],
        )
    }
}

/// One device.
pub(super) fn device(conn: &Connection, id: DeviceId) -> Result<Option<Device>, Failed> {
    let sql = format!("SELECT {DEVICE} FROM device WHERE seq = ?1");
    Ok(first(conn, &sql, [integer(id.seq())], rows::device)?.filter(|device| device.id == id))
}

/// A page of devices. Without `wanted` and a filter by connection, the indexes alone tell which.
pub(super) fn devices(
    conn: &Connection,
    filter: &DeviceFilter,
    wanted: Option<&dyn Fn(&Device) -> bool>,
) -> Result<Page<Device>, Failed> {
    let gateway = filter.gateway.map(rows::device_id);
    let (from, to) = reads::bounds(filter.from, filter.to);
    let app = integer(filter.app.0);
    let which = match filter.gateway {
        None => "device INDEXED BY device_by_app WHERE deleted IS NULL AND ?4 IS NULL",
        Some(_) => {
            "device INDEXED BY device_by_gateway WHERE deleted IS NULL AND gateway IS NOT NULL AND gateway = ?4"
        }
    };
    let which = format!("{which} AND app = ?1 AND registered BETWEEN ?2 AND ?3");
    let way = if filter.ascending { "ASC" } else { "DESC" };
    let mut params: Vec<&dyn ToSql> = vec![&app, &from, &to, &gateway];
    if wanted.is_some() || filter.online.is_some() {
        let order = format!("ORDER BY registered {way}, seq {way} LIMIT {DEVICES_SCANNED_MAX}");
        let sql = format!("SELECT {DEVICE} FROM {which} {order}");
        return sifted(conn, &sql, params.as_slice(), filter, wanted);
    }
    let total = counted(conn, &which, params.as_slice())?;
    let (take, skip) = (
        size(page_items(filter.skip, filter.take)),
        integer(filter.skip),
    );
    params.extend([&take as &dyn ToSql, &skip]);
    // The page is cut from the index; only its own rows are read.
    let sql = format!(
        "SELECT {DEVICE} FROM device WHERE seq IN
         (SELECT seq FROM {which} ORDER BY registered {way}, seq {way} LIMIT ?5 OFFSET ?6)
         ORDER BY registered {way}, seq {way}"
    );
    Ok(Page {
        total,
        items: all(conn, &sql, params.as_slice(), rows::device)?,
    })
}

/// The page of those rows that a filter and `wanted` let through.
fn sifted(
    conn: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
    filter: &DeviceFilter,
    wanted: Option<&dyn Fn(&Device) -> bool>,
) -> Result<Page<Device>, Failed> {
    let take = page_items(filter.skip, filter.take);
    let mut page = Page {
        total: 0,
        items: Vec::new(),
    };
    let mut statement = conn.prepare_cached(sql).map_err(cannot_read)?;
    let mut rows = statement.query(params).map_err(cannot_read)?;
    while let Some(row) = rows.next().map_err(cannot_read)? {
        let online: bool = get(row, DEVICE_ONLINE)?;
        if filter.online.is_some_and(|wanted| wanted != online) {
            continue;
        }
        let on_page = page.total >= filter.skip && page.items.len() < take;
        if wanted.is_none() && !on_page {
            page.total += 1;
            continue;
        }
        let device = rows::device(row)?;
        if wanted.is_none_or(|wanted| wanted(&device)) {
            page.total += 1;
            if on_page {
                page.items.push(device);
            }
        }
    }
    Ok(page)
}

/// A few devices of an application beyond `after` with open commands, at most `limit`, and after which to go on, if anywhere.
pub(super) fn open_devices(
    conn: &Connection,
    app: AppKey,
    after: u64,
    limit: usize,
) -> Result<(Vec<DeviceId>, Option<u64>), Failed> {
    let sql = format!(
        "SELECT d.seq, d.id, l.open FROM device d INDEXED BY device_of_app LEFT JOIN lane l ON l.device = d.seq
         WHERE d.deleted IS NULL AND d.app = ?1 AND d.seq > ?2 ORDER BY d.seq LIMIT {LANES_SCANNED_MAX}"
    );
    let mut statement = conn.prepare_cached(&sql).map_err(cannot_read)?;
    let mut rows = statement
        .query(params![integer(app.0), integer(after)])
        .map_err(cannot_read)?;
    let (mut found, mut last, mut seen) = (Vec::new(), after, 0);
    while let Some(row) = rows.next().map_err(cannot_read)? {
        (last, seen) = (number(row, 0)?, seen + 1);
        let list = rows::maybe_bytes(row, 2)?.map(lane_row::open);
        let list = list
            .transpose()
            .map_err(|why| rows::damaged("lane", last, why))?;
        for seq in list.unwrap_or_default() {
            // The list may name commands that have ended.
            if reads::open_command(conn, seq)?.is_some() {
                found.push(rows::device_at(row, 1)?);
                break;
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    let more = seen == LANES_SCANNED_MAX && found.len() < limit;
    Ok((found, more.then_some(last)))
}

/// Devices that have never connected and must have by a moment.
pub(super) fn bindings(
    conn: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<(DeviceId, Moment)>, Failed> {
    let sql = "SELECT id, bind_by FROM device INDEXED BY device_unbound
      WHERE bind_by IS NOT NULL AND activated IS NULL AND deleted IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2";
    all(conn, sql, [integer(after), size(limit)], |row| {
        Ok((rows::device_at(row, 0)?, rows::at(row, 1)?))
    })
}
