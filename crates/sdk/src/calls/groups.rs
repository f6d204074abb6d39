//! Device groups: made, listed, changed, filled [10].

use api::groups::{
    CreateGroupRequest, GroupAnswer, GroupDevicesAnswer, GroupDevicesRequest, GroupMembersAnswer,
    GroupMembersQuery, GroupsAnswer, GroupsQuery, ModifyGroupRequest,
};
use api::query::percent_encode;
use api::{Operation, paths};

use super::with_query;
use crate::transport::json;
use crate::{Client, Error, Pages};

impl Client {
    /// `createDeviceGroup`: a new group, with its first devices [10].
    pub async fn create_device_group(
        &self,
        request: &CreateGroupRequest,
    ) -> Result<GroupAnswer, Error> {
        let target = self.access_owned(paths::DEVICE_GROUPS);
        self.ask(Operation::CreateDeviceGroup, target, Some(json(request)))
            .await
    }

    /// `deleteDeviceGroup`: its devices stay as they are [10].
    pub async fn delete_device_group(&self, group_id: &str) -> Result<(), Error> {
        let target = self.access_owned(&paths::fill(paths::DEVICE_GROUP, &[group_id]));
        self.tell(Operation::DeleteDeviceGroup, target, None).await
    }

    /// `modifyDeviceGroup`: another name, description or bound [10].
    pub async fn modify_device_group(
        &self,
        group_id: &str,
        request: &ModifyGroupRequest,
    ) -> Result<GroupAnswer, Error> {
        let target = self.access_owned(&paths::fill(paths::DEVICE_GROUP, &[group_id]));
        self.ask(Operation::ModifyDeviceGroup, target, Some(json(request)))
            .await
    }

    /// `queryDeviceGroups`: a page of groups, the newest first; without a page all of them, up to 1000 [10].
    pub async fn query_device_groups(&self, query: &GroupsQuery) -> Result<GroupsAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::DEVICE_GROUPS, &query.to_query());
        self.ask(Operation::QueryDeviceGroups, target, None).await
    }

    /// The pages of [`query_device_groups`](Self::query_device_groups).
    pub fn query_device_groups_pages(&self, query: &GroupsQuery) -> Pages<'_, GroupsQuery> {
        Pages::new(self, query.clone())
    }

    /// `querySingleDeviceGroup`: a group, with the application that created it [10].
    pub async fn query_single_device_group(&self, group_id: &str) -> Result<GroupAnswer, Error> {
        let target = self.access_owned(&paths::fill(paths::DEVICE_GROUP, &[group_id]));
        self.ask(Operation::QuerySingleDeviceGroup, target, None)
            .await
    }

    /// `queryDeviceGroupMembers`: a page of a group's devices, in the order of their registration; without a page all of them, up to
    /// 1000 [10].
    pub async fn query_device_group_members(
        &self,
        query: &GroupMembersQuery,
    ) -> Result<GroupMembersAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::GROUP_MEMBERS, &query.to_query());
        self.ask(Operation::QueryDeviceGroupMembers, target, None)
            .await
    }

    /// The pages of [`query_device_group_members`](Self::query_device_group_members).
    pub fn query_device_group_members_pages(
        &self,
        query: &GroupMembersQuery,
    ) -> Pages<'_, GroupMembersQuery> {
        Pages::new(self, query.clone())
    }

    /// `addDevicesToGroup`: puts devices into a group, all of them or none [10].
    pub async fn add_devices_to_group(
        &self,
        request: &GroupDevicesRequest,
    ) -> Result<GroupDevicesAnswer, Error> {
        let target = self.access_owned(paths::ADD_TO_GROUP);
        self.ask(Operation::AddDevicesToGroup, target, Some(json(request)))
            .await
    }

    /// `deleteDevicesFromGroup`: takes devices out of a group [10]; those that are not in it are passed over.
    pub async fn delete_devices_from_group(
        &self,
        request: &GroupDevicesRequest,
    ) -> Result<(), Error> {
        let target = self.access_owned(paths::DELETE_FROM_GROUP);
        let body = Some(json(request));
        self.tell(Operation::DeleteDevicesFromGroup, target, body)
            .await
    }

    /// A path with the owner as its query, under the name that it has here.
    fn access_owned(&self, path: &str) -> String {
        let owner = self.owner();
        let query = owner.map(|owner| format!("accessAppId={}", percent_encode(&owner)));
        with_query(path, &query.unwrap_or_default())
    }
}
