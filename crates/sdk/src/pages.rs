//! Lists that come page by page.

use api::cancel_tasks::{CancelTaskAnswer, CancelTasksQuery};
use api::commands::{CommandAnswer, CommandsQuery};
use api::device_list::DevicesQuery;
use api::devices::DeviceAnswer;
use api::groups::{GroupAnswer, GroupMembersQuery, GroupsQuery};
use api::query::Page;

use crate::{Client, Error};

/// Devices in a page, unless the query says otherwise.
const DEVICES_SIZE: u32 = 100;

/// Groups, or ids of devices, in a page, unless the query says otherwise.
const GROUPS_SIZE: u32 = 1000;

/// A query whose answer comes in pages: [`CommandsQuery`], [`CancelTasksQuery`], [`DevicesQuery`], [`GroupsQuery`],
/// [`GroupMembersQuery`].
pub trait Listing: sealed::Listing {}
impl<Q: sealed::Listing> Listing for Q {}

pub(crate) mod sealed {
    use api::query::Page;

    use crate::{Client, Error};

    pub trait Listing {
        /// What the list holds.
        type Item;
        /// The page that is asked for.
        fn page(&mut self) -> &mut Page;
        /// Asks for it.
        fn ask(
            &self,
            client: &Client,
        ) -> impl Future<Output = Result<Vec<Self::Item>, Error>> + Send;
        /// What tells an item from others.
        fn id(item: &Self::Item) -> &str;
    }
}

/// The pages of a list, from the one that the query names to the last.
///
/// Lists show the newest first, but for the devices of a group. What is created while they are read moves the rest on: an item that the
/// page before showed already is left out here. To see a list that stands still, bound its time (`created`) in the query.
pub struct Pages<'a, Q: Listing> {
    client: &'a Client,
    query: Q,
    /// Ids of the page before.
    seen: Vec<String>,
    at_end: bool,
}

impl<'a, Q: Listing> Pages<'a, Q> {
    pub(crate) fn new(client: &'a Client, query: Q) -> Self {
        Self {
            client,
            query,
            seen: Vec::new(),
            at_end: false,
        }
    }

    /// The next page; `None` after the last one. After an error the same page is asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Q::Item>>, Error> {
        if self.at_end {
            return Ok(None);
        }
        self.query.page();
        let mut items = self.query.ask(self.client).await?;
        let size = usize::try_from(self.query.page().size).unwrap_or(usize::MAX);
        self.at_end = items.len() < size;
        self.query.page().number += 1;
        if items.is_empty() {
            return Ok(None);
        }
        let ids = items.iter().map(|item| Q::id(item).to_owned()).collect();
        let before = std::mem::replace(&mut self.seen, ids);
        items.retain(|item| !before.iter().any(|id| id == Q::id(item)));
        Ok(Some(items))
    }

    /// Everything that is left.
    pub async fn all(mut self) -> Result<Vec<Q::Item>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page);
        }
        Ok(all)
    }
}

impl sealed::Listing for CommandsQuery {
    type Item = CommandAnswer;

    fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    async fn ask(&self, client: &Client) -> Result<Vec<CommandAnswer>, Error> {
        Ok(client.query_device_command(self).await?.data)
    }

    fn id(item: &CommandAnswer) -> &str {
        &item.command_id
    }
}

impl sealed::Listing for DevicesQuery {
    type Item = DeviceAnswer;

    /// Without a page the contract lists all children of one gateway; here a page is always asked for.
    fn page(&mut self) -> &mut Page {
        self.page.get_or_insert(Page {
            number: 0,
            size: DEVICES_SIZE,
        })
    }

    async fn ask(&self, client: &Client) -> Result<Vec<DeviceAnswer>, Error> {
        Ok(client.query_batch_devices_info(self).await?.devices)
    }

    fn id(item: &DeviceAnswer) -> &str {
        &item.device_id
    }
}

impl sealed::Listing for CancelTasksQuery {
    type Item = CancelTaskAnswer;

    fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    async fn ask(&self, client: &Client) -> Result<Vec<CancelTaskAnswer>, Error> {
        Ok(client.query_device_cmd_cancel_task(self).await?.data)
    }

    fn id(item: &CancelTaskAnswer) -> &str {
        &item.task_id
    }
}

impl sealed::Listing for GroupsQuery {
    type Item = GroupAnswer;

    /// Without a page the contract lists the first 1000 and no more; here a page is always asked for.
    fn page(&mut self) -> &mut Page {
        self.page.get_or_insert(FIRST_OF_GROUPS)
    }

    async fn ask(&self, client: &Client) -> Result<Vec<GroupAnswer>, Error> {
        Ok(client.query_device_groups(self).await?.list)
    }

    fn id(item: &GroupAnswer) -> &str {
        &item.id
    }
}

impl sealed::Listing for GroupMembersQuery {
    type Item = String;

    fn page(&mut self) -> &mut Page {
        self.page.get_or_insert(FIRST_OF_GROUPS)
    }

    async fn ask(&self, client: &Client) -> Result<Vec<String>, Error> {
        Ok(client.query_device_group_members(self).await?.device_ids)
    }

    fn id(item: &String) -> &str {
        item
    }
}

const FIRST_OF_GROUPS: Page = Page {
    number: 0,
    size: GROUPS_SIZE,
};
