//! Devices: registered, asked about, changed, deleted [3], [4].

use api::credentials::{
    RefreshKeyAnswer, RefreshKeyRequest, RefreshSecretAnswer, RefreshSecretRequest,
};
use api::device_list::{DevicesAnswer, DevicesQuery};
use api::devices::{DeleteDeviceQuery, DeviceAnswer, DeviceQuery, ModifyDeviceRequest};
use api::registration::{
    DeviceStatusAnswer, RegisterAnswer, RegisterRequest, RegisterWithSecretAnswer,
    RegisterWithSecretRequest,
};
use api::{Operation, Secret, paths};

use super::with_query;
use crate::transport::json;
use crate::{Client, Error, Pages};

/// Devices behind a deleted gateway [3.6].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedWith {
    /// They are deleted with it, as the contract has it by default.
    Children,
    /// They stay as they are (R8.2).
    Nothing,
}

/// A device's new credentials, in secret mode [3.2].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The device, in UUID form.
    pub device_id: String,
    /// What its MQTT password is made from.
    pub secret: Secret,
    /// Its key for DTLS, if the platform gave one.
    pub psk: Option<Secret>,
}

impl Client {
    /// `regDirectDevice`: registers a device by a verification code [3.1].
    pub async fn reg_direct_device(
        &self,
        request: &RegisterRequest,
    ) -> Result<RegisterAnswer, Error> {
        let target = self.owned(paths::DEVICE_CREDENTIALS);
        self.ask(Operation::RegDirectDevice, target, Some(json(request)))
            .await
    }

    /// `regDirectDevice` v2.0.0: registers a device in secret mode, for MQTT [3.2]. Without `mqtt_connect` it is set: a device of the old
    /// mode, which fetches its secret itself, gets none here and is an [`Error::Unexpected`].
    pub async fn reg_direct_device_with_secret(
        &self,
        request: &RegisterWithSecretRequest,
    ) -> Result<Registered, Error> {
        let operation = Operation::RegDirectDeviceWithSecret;
        let request = RegisterWithSecretRequest {
            mqtt_connect: request.mqtt_connect.or(Some(true)),
            ..request.clone()
        };
        let target = self.owned(paths::DEVICE_CREDENTIALS_V2);
        let answer: RegisterWithSecretAnswer =
            self.ask(operation, target, Some(json(&request))).await?;
        let secret = answer.secret.ok_or_else(|| Error::Unexpected {
            status: operation.success(),
            reason: "the registration has no secret".to_owned(),
            request_id: None,
        })?;
        Ok(Registered {
            device_id: answer.device_id,
            secret,
            psk: answer.psk,
        })
    }

    /// `refreshDeviceKey`: a new verification code, with which the device binds again [3.3].
    pub async fn refresh_device_key(
        &self,
        device_id: &str,
        request: &RefreshKeyRequest,
    ) -> Result<RefreshKeyAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_CREDENTIAL, &[device_id]));
        self.ask(Operation::RefreshDeviceKey, target, Some(json(request)))
            .await
    }

    /// `refreshDeviceKey` v2.0.0: a new secret, with which the device connects again [3.3]. The old one is worth nothing from then on.
    pub async fn refresh_device_secret(
        &self,
        device_id: &str,
        request: &RefreshSecretRequest,
    ) -> Result<RefreshSecretAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_CREDENTIAL_V2, &[device_id]));
        self.ask(Operation::RefreshDeviceSecret, target, Some(json(request)))
            .await
    }

    /// `queryDeviceStatus`: whether a device has ever been in contact [3.4].
    pub async fn query_device_status(&self, device_id: &str) -> Result<DeviceStatusAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_CREDENTIAL, &[device_id]));
        self.ask(Operation::QueryDeviceStatus, target, None).await
    }

    /// `querySingleDeviceInfo`: what is known of a device, its last reports included [4.1].
    pub async fn query_single_device_info(&self, device_id: &str) -> Result<DeviceAnswer, Error> {
        let query = DeviceQuery::default();
        self.query_single_device_info_with(device_id, &query).await
    }

    /// The same, with what the query selects besides: the IMSI.
    pub async fn query_single_device_info_with(
        &self,
        device_id: &str,
        query: &DeviceQuery,
    ) -> Result<DeviceAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(&paths::fill(paths::DEVICE, &[device_id]), &query.to_query());
        self.ask(Operation::QuerySingleDeviceInfo, target, None)
            .await
    }

    /// `queryBatchDevicesInfo`: a page of devices, or those of a gateway [4.2]. The query names a page or a gateway, else it is 100218.
    pub async fn query_batch_devices_info(
        &self,
        query: &DevicesQuery,
    ) -> Result<DevicesAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::DEVICES, &query.to_query());
        self.ask(Operation::QueryBatchDevicesInfo, target, None)
            .await
    }

    /// The pages of [`query_batch_devices_info`](Self::query_batch_devices_info).
    pub fn query_batch_devices_info_pages(&self, query: &DevicesQuery) -> Pages<'_, DevicesQuery> {
        Pages::new(self, query.clone())
    }

    /// `modifyDeviceInfo`: changes what is known of a device [3.5].
    pub async fn modify_device_info(
        &self,
        device_id: &str,
        request: &ModifyDeviceRequest,
    ) -> Result<(), Error> {
        let target = self.owned(&paths::fill(paths::DEVICE, &[device_id]));
        self.tell(Operation::ModifyDeviceInfo, target, Some(json(request)))
            .await
    }

    /// `deleteDirectDevice`: deletes a device [3.6]; its open commands end (R1.11).
    pub async fn delete_direct_device(
        &self,
        device_id: &str,
        with: DeletedWith,
    ) -> Result<(), Error> {
        let query = DeleteDeviceQuery {
            app_id: self.owner(),
            cascade: with == DeletedWith::Children,
        };
        let target = with_query(&paths::fill(paths::DEVICE, &[device_id]), &query.to_query());
        self.tell(Operation::DeleteDirectDevice, target, None).await
    }
}
