//! The list of devices (contract §4.2).

use super::answer::Answer;
use super::error::Error;
use super::gate::Scope;
use super::{Call, North, devices, wire};
use crate::info::Info;
use api::device_list::{DeviceStatus, DevicesAnswer, DevicesQuery, Sort};
use api::devices::NodeType;
use api::limits::DEVICES_PAGE;
use api::query::Page as Wanted;
use api::{Code, paths};
use delivery::DeviceId;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Application, Device, DeviceFilter, Failed, Page, Report, Store};

/// What the store's own filter does not know.
struct Picked {
    query: DevicesQuery,
    scope: Arc<Scope>,
}

/// `queryBatchDevicesInfo`: the newest registration first, unless asked otherwise.
pub(super) async fn list(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let query = DevicesQuery::read(&call.query)?;
    if query.page.is_none() && query.gateway_id.is_none() {
        return Err(Error::code(Code::GatewayAndPageMissing));
    }
    let scope = match &query.gateway_id {
        Some(id) => north.scope_of(call, caller, id).await?,
        None => north.scope(call, caller)?,
    };
    north.row_fault()?;
    // Without pages everything is shown at once, up to the largest page (§15.27).
    let page = query.page.unwrap_or(Wanted {
        number: 0,
        size: *DEVICES_PAGE.end(),
    });
    let with_imsi = query.select_imsi;
    let found = match query.gateway_id.as_deref().map(str::parse::<DeviceId>) {
        Some(Err(_)) => Page {
            total: 0,
            items: Vec::new(),
        },
        gateway => {
            let gateway = gateway.and_then(Result::ok);
            let filter = filter(&query, &scope, gateway, page);
            let picked = Picked {
                query,
                scope: Arc::new(scope),
            };
            let read = north
                .registry
                .ask(move |store| read(store, &filter, &picked));
            read.await?
        }
    };
    let names_creation = paths::names_creation_time(call.head.uri.path());
    let shown =
        |(device, reports)| devices::shown(north, &device, reports, (with_imsi, names_creation));
    let devices: Result<Vec<_>, Error> = found.items.into_iter().map(shown).collect();
    Ok(Answer::of(&DevicesAnswer {
        total_count: found.total,
        page_no: page.number.into(),
        page_size: page.size.into(),
        devices: devices?,
    }))
}

fn filter(
    query: &DevicesQuery,
    scope: &Scope,
    gateway: Option<DeviceId>,
    page: Wanted,
) -> DeviceFilter {
    DeviceFilter {
        app: scope.owner.key,
        gateway,
        online: query.status.and_then(|status| match status {
            DeviceStatus::Online => Some(true),
            DeviceStatus::Offline | DeviceStatus::Inactive => Some(false),
            DeviceStatus::Abnormal => None,
        }),
        from: query.registered.start.map(wire::from),
        to: query.registered.end.map(wire::to),
        ascending: query.sort == Sort::Ascending,
        skip: page.offset(),
        take: usize::try_from(page.size).unwrap_or(usize::MAX),
    }
}

/// A page of devices, each with its last reports. A gateway is a device under itself: its `gatewayId` says so (§4.1), and it was
/// registered before its children.
fn read(
    store: &dyn Store,
    filter: &DeviceFilter,
    picked: &Picked,
) -> Result<Page<(Device, Vec<Report>)>, Failed> {
    let wanted = |device: &Device| picked.wants(device);
    let wanted: Option<&dyn Fn(&Device) -> bool> = picked.narrows().then_some(&wanted);
    let itself = match filter.gateway {
        Some(id) => store
            .device(id)?
            .filter(|device| picked.is_within(device, filter)),
        None => None,
    };
    let mut filter = filter.clone();
    let first = itself.is_some() && filter.ascending;
    let on_first_page = first && filter.skip == 0;
    if first {
        filter.skip = filter.skip.saturating_sub(1);
        filter.take -= usize::from(on_first_page);
    }
    let mut page = match picked.scope.few_devices() {
        Some(granted) => among(store, &filter, (&granted, picked))?,
        None => store.devices(&filter, wanted)?,
    };
    if let Some(itself) = itself {
        let taken = u64::try_from(filter.take).unwrap_or(u64::MAX);
        let window = filter.skip..filter.skip.saturating_add(taken);
        if on_first_page {
            page.items.insert(0, itself);
        } else if !first && window.contains(&page.total) {
            page.items.push(itself);
        }
        page.total += 1;
    }
    let with_reports = |device: Device| Ok((store.reports(device.id)?, device));
    let items: Result<Vec<_>, Failed> = page.items.into_iter().map(with_reports).collect();
    let items = items?
        .into_iter()
        .map(|(reports, device)| (device, reports));
    Ok(Page {
        total: page.total,
        items: items.collect(),
    })
}

/// A page of the devices that a grant covers, read one by one: they are few, and of others there may be any number.
fn among(
    store: &dyn Store,
    filter: &DeviceFilter,
    (granted, picked): (&BTreeSet<DeviceId>, &Picked),
) -> Result<Page<Device>, Failed> {
    let mut found = Vec::new();
    for id in granted {
        let is_child = |device: &Device| {
            filter
                .gateway
                .is_none_or(|gateway| device.gateway == Some(gateway))
        };
        let device = store.device(*id)?;
        found.extend(device.filter(|device| is_child(device) && picked.is_within(device, filter)));
    }
    found.sort_by_key(|device| (device.registered, device.id.seq()));
    if !filter.ascending {
        found.reverse();
    }
    let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
    Ok(Page {
        total: u64::try_from(found.len()).unwrap_or(u64::MAX),
        items: found.into_iter().skip(skip).take(filter.take).collect(),
    })
}

impl Picked {
    /// Whether devices are to be looked at one by one.
    fn narrows(&self) -> bool {
        let DevicesQuery {
            node_type,
            device_type,
            location,
            name,
            status,
            ..
        } = &self.query;
        let texts = [device_type, location, name];
        self.scope.is_limited()
            || node_type.is_some()
            || texts.iter().any(|text| text.is_some())
            || matches!(
                status,
                Some(DeviceStatus::Inactive | DeviceStatus::Abnormal)
            )
    }

    fn wants(&self, device: &Device) -> bool {
        let query = &self.query;
        let kind = query.node_type.is_none_or(|kind| match kind {
            NodeType::Endpoint => device.gateway.is_some(),
            NodeType::Gateway => device.gateway.is_none(),
            NodeType::Unknown => false,
        });
        // Nothing here is ever ABNORMAL; what never connected is shown as OFFLINE, NOT_ACTIVE (§15.31), and found as INACTIVE too.
        let state = match query.status {
            Some(DeviceStatus::Abnormal) => false,
            Some(DeviceStatus::Inactive) => device.activated.is_none(),
            Some(DeviceStatus::Online | DeviceStatus::Offline) | None => true,
        };
        let texts = [&query.name, &query.device_type, &query.location].map(Option::as_deref);
        let listed = || {
            texts == [None; 3]
                || Info::read(device)
                    .is_ok_and(|info| info.is_listed_as(texts[0], texts[1], texts[2]))
        };
        kind && state && self.scope.covers(device.id) && listed()
    }

    /// As the store judges children, for their gateway.
    fn is_within(&self, device: &Device, filter: &DeviceFilter) -> bool {
        device.app == filter.app
            && device.deleted.is_none()
            && filter
                .online
                .is_none_or(|online| device.presence.online == online)
            && filter.from.is_none_or(|from| device.registered >= from)
            && filter.to.is_none_or(|to| device.registered <= to)
            && self.wants(device)
    }
}
