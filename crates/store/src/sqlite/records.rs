//! Records beside commands as rows: what a unit writes along with its turn, or alone.

use super::apply::Applier;
use super::reads;
use super::rows::{self, integer, moment};
use crate::contract::{Failed, Write};
use crate::records::{Application, CancelTask, ProductModel, Report, Token, TokenKind};
use delivery::{AppKey, Moment};
use rusqlite::params;

impl Applier<'_> {
    pub(super) fn write(&mut self, write: &Write, now: Moment) -> Result<(), Failed> {
        match write {
            Write::Application(app) => self.application(app),
            Write::Token(token) => self.token(token, now),
            Write::ForgetTokens { app, keep } => self.forget_tokens(*app, keep),
            Write::Device(device) => self.device(device),
            Write::Presence {
                device,
                presence,
                activated,
            } => {
                let sql =
                    "UPDATE device SET online = ?3, since = ?4, activated = coalesce(activated, ?5)
                  WHERE seq = ?1 AND id = ?2";
                let (seq, id) = (integer(device.seq()), rows::device_id(*device));
                let (since, activated) = (presence.since.map(moment), activated.map(moment));
                self.count(sql, params![seq, id, presence.online, since, activated])
            }
            Write::ProductModel(model) => self.product_model(model),
            Write::Report(report) => self.report(report),
            Write::CancelTask(task) => self.cancel_task(task),
            Write::Setting { name, value } => self.count(
                "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)",
                params![name, value],
            ),
            Write::Told { command, up_to } => self.tell(*command, *up_to),
            Write::Grant(grant) => self.grant(grant),
            Write::ForgetGrant { owner, grantee } => self.forget_grant(*owner, *grantee),
            Write::Group(group) => self.group(group),
            Write::GroupDevices { group, add, remove } => self.group_devices(*group, add, remove),
            Write::ForgetGroup(id) => self.forget_group(*id),
            Write::ForgetApplication(app) => self.forget_application(*app),
            Write::DeadCallback(dead) => self.dead_callback(dead),
            Write::ForgetDeadCallback(command) => self.forget_dead_callback(*command),
            Write::ForgetCommands(ids) => self.forget_commands(ids),
            Write::ForgetDevices(ids) => self.forget_devices(ids),
            Write::ForgetCancelTasks(ids) => self.forget_cancel_tasks(ids),
        }
    }

    fn application(&mut self, app: &Application) -> Result<(), Failed> {
        let sql = "INSERT INTO application
          (key, app_id, name, secret_hash, created, throttled, frozen, webhook_secret, callback_ca)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
          ON CONFLICT (key) DO UPDATE SET app_id = ?2, name = ?3, secret_hash = ?4, created = ?5, throttled = ?6, frozen = ?7,
          webhook_secret = ?8, callback_ca = ?9";
        let values = params![
            integer(app.key.0),
            app.app_id,
            app.name,
            app.secret_hash,
            moment(app.created),
            app.throttled,
            app.frozen,
            app.webhook_secret,
            app.callback_ca,
        ];
        self.count(sql, values)?;
        self.registered.app_key = self.registered.app_key.max(app.key.0);
        Ok(())
    }

    fn token(&mut self, token: &Token, now: Moment) -> Result<(), Failed> {
        self.count("DELETE FROM token WHERE valid_until < ?1", [moment(now)])?;
        let refresh = match token.kind {
            TokenKind::Access => false,
            TokenKind::Refresh => true,
        };
        let sql = "INSERT OR REPLACE INTO token (digest, app, refresh, valid_until) VALUES (?1, ?2, ?3, ?4)";
        self.count(
            sql,
            params![
                token.digest,
                integer(token.app.0),
                refresh,
                moment(token.valid_until)
            ],
        )
    }

    fn forget_tokens(&mut self, app: AppKey, keep: &[[u8; 32]]) -> Result<(), Failed> {
        let digests = |row: &rusqlite::Row<'_>| rows::array::<32>(row, 0);
        let theirs = reads::all(
            self.conn,
            "SELECT digest FROM token WHERE app = ?1",
            [integer(app.0)],
            digests,
        )?;
        for digest in theirs.into_iter().filter(|digest| !keep.contains(digest)) {
            self.count("DELETE FROM token WHERE digest = ?1", [digest])?;
        }
        Ok(())
    }

    fn product_model(&mut self, model: &ProductModel) -> Result<(), Failed> {
        let sql = "INSERT OR REPLACE INTO product_model (version, manufacturer_id, model, added, replaced, document)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (version, added, replaced) = (
            integer(model.version),
            moment(model.added),
            model.replaced.map(moment),
        );
        self.count(
            sql,
            params![
                version,
                model.manufacturer_id,
                model.model,
                added,
                replaced,
                model.document
            ],
        )
    }

    fn report(&mut self, report: &Report) -> Result<(), Failed> {
        let sql = "INSERT OR REPLACE INTO report (device, service_id, device_id, at, event_time, off_profile, properties)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (device, id) = (integer(report.device.seq()), rows::device_id(report.device));
        let (at, event_time) = (moment(report.at), report.event_time.map(moment));
        self.count(
            sql,
            params![
                device,
                report.service_id,
                id,
                at,
                event_time,
                report.off_profile,
                report.properties
            ],
        )
    }

    fn cancel_task(&mut self, task: &CancelTask) -> Result<(), Failed> {
        let sql = "INSERT OR REPLACE INTO cancel_task (id, app, device, device_id, created, found, commands)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (device, device_id) = (integer(task.device.seq()), rows::device_id(task.device));
        let found = !task.commands.is_empty();
        let (id, app, created) = (
            rows::task_id(task.id),
            integer(task.app.0),
            moment(task.created),
        );
        self.count(
            sql,
            params![
                id,
                app,
                device,
                device_id,
                created,
                found,
                rows::put_ids(&task.commands)
            ],
        )
    }
}
