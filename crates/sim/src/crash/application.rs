//! An application of a round: it asks, asks again, cancels and reads, and notes what it was told.

use std::time::Duration;

use api::paths;
use serde_json::{Value, json};

use super::checks::request_id;
use super::record::{Ask, Asked, Grant, Kind, Seen, Token};
use super::world::{Phase, World};
use crate::clock::passed_us;
use crate::random::Random;
use crate::rig::{Account, Answer, Http, Request};

/// The longest wait for an answer; a platform that takes longer has lost the request.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between attempts to reach a platform that is down.
const TRY_EVERY: Duration = Duration::from_millis(5);
/// Tokens of an application begin at its number times this.
const TOKENS_EACH: u64 = 1_000_000;
/// Of a thousand commands, the application wants to be told of so many.
const TOLD: u16 = 600;
/// Cancellations are asked for among this many of the last commands.
const REMEMBERED_MAX: usize = 16;

/// An application.
pub(crate) struct Application {
    world: World,
    account: Account,
    random: Random,
    http: Option<Http>,
    next_token: Token,
    remembered: Vec<String>,
}

/// The connection ended before the answer: what became of the request is not known.
struct Lost;

impl Application {
    /// The application with this number.
    pub(crate) fn new(number: u64, account: Account, world: World, random: Random) -> Self {
        Self {
            world,
            account,
            random,
            http: None,
            next_token: number * TOKENS_EACH,
            remembered: Vec::new(),
        }
    }

    /// Asks for this and that until the calm; what it has begun it brings to an end.
    pub(crate) async fn run(mut self) {
        while self.world.phase() == Phase::Storm {
            match self.random.below(100) {
                0..50 => self.submit(true).await,
                50..60 => self.submit(false).await,
                60..72 => self.invoke().await,
                72..86 => self.cancel().await,
                86..88 => self.cancel_all().await,
                _ => self.read().await,
            }
            let pause = Duration::from_millis(self.random.between(2, 30));
            self.world.pause(pause, Phase::Calm).await;
        }
    }

    async fn submit(&mut self, queued: bool) {
        let kind = match (queued, self.random.below(10)) {
            (false, _) => Kind::Immediate,
            (true, 0) => Kind::Queued(1),
            (true, 1) => Kind::Queued(2),
            (true, _) => Kind::Queued(600),
        };
        let (device, command) = self.command();
        let retransmit_max = [None, Some(0), Some(1), Some(2), Some(3)][self.draw(5)];
        let mut body =
            json!({"deviceId": self.world.devices[device].device_id, "command": command});
        let expire_time = match kind {
            Kind::Queued(seconds) => seconds,
            Kind::Immediate | Kind::Direct => 0,
        };
        body["expireTime"] = expire_time.into();
        if let Some(max) = retransmit_max {
            body["maxRetransmit"] = max.into();
        }
        let told = if self.random.per_mille(TOLD) {
            body["callbackUrl"] = Value::from(&*self.world.callback_url);
            Asked::Statuses
        } else {
            Asked::Nothing
        };
        let token = self.note(Ask {
            device,
            kind,
            command,
            retransmit_max,
            key: None,
            told,
            asked_at: 0,
            granted: Vec::new(),
            refused: None,
        });
        self.ask(token, paths::DEVICE_COMMANDS, &body.to_string())
            .await;
    }

    async fn invoke(&mut self) {
        // The token in the command is the next one.
        let (device, command) = self.command();
        let to_type = if self.random.per_mille(150) {
            "CLOUD"
        } else {
            "GATEWAY"
        };
        let mode = if self.random.per_mille(500) {
            "ACK"
        } else {
            "NOACK"
        };
        let mut body = json!({
            "header": {"mode": mode, "method": command["method"], "toType": to_type},
            "body": command["paras"],
        });
        let told = if self.random.per_mille(TOLD) {
            body["header"]["callbackURL"] = Value::from(&*self.world.callback_url);
            body["header"]["requestId"] = request_id(self.next_token).into();
            let ack = mode == "ACK";
            Asked::Outcome { ack }
        } else {
            Asked::Nothing
        };
        let kind = Kind::Direct;
        let path = paths::fill(
            paths::SEND_COMMAND,
            &[&self.world.devices[device].device_id, "Meter"],
        );
        let ask = Ask {
            device,
            kind,
            command,
            retransmit_max: Some(0),
            key: None,
            told,
            asked_at: 0,
            granted: Vec::new(),
            refused: None,
        };
        let token = self.note(ask);
        self.ask(token, &path, &body.to_string()).await;
    }

    async fn cancel(&mut self) {
        if self.remembered.is_empty() {
            return;
        }
        let which = self.draw(self.remembered.len());
        let id = self.remembered[which].clone();
        let path = paths::fill(paths::DEVICE_COMMAND, &[&id]);
        let Ok(answer) = self
            .call("PUT", &path, "", r#"{"status":"CANCELED"}"#)
            .await
        else {
            return;
        };
        if error_code(&answer).is_none() {
            self.world.record.notes().cancelled.push(id);
        }
    }

    async fn cancel_all(&mut self) {
        let device = self.draw(self.world.devices.len());
        let body = json!({"deviceId": self.world.devices[device].device_id}).to_string();
        let Ok(answer) = self.call("POST", paths::CANCEL_TASKS, "", &body).await else {
            return;
        };
        if error_code(&answer).is_none() {
            let named = ids(&body_of(&answer)["deviceCommands"]);
            self.world
                .record
                .notes()
                .tasks
                .push(named.into_iter().map(|(id, _)| id).collect());
        }
    }

    async fn read(&mut self) {
        let device = self.draw(self.world.devices.len());
        let path = format!(
            "{}?pageSize=100&deviceId={}",
            paths::DEVICE_COMMANDS,
            self.world.devices[device].device_id
        );
        let asked_at = passed_us();
        let Ok(answer) = self.call("GET", &path, "", "").await else {
            return;
        };
        if let Some(code) = error_code(&answer) {
            self.world
                .record
                .odd(format!("a list of commands was refused with {code}"));
            return;
        }
        let at = passed_us();
        let seen = ids(&body_of(&answer)["data"]).into_iter();
        let seen = seen.map(|(command_id, status)| Seen {
            command_id,
            status,
            asked_at,
            at,
        });
        self.world.record.notes().seen.extend(seen);
    }

    /// Asks for a command, and asks again under the same key where the answer was lost, or now and then all the same.
    async fn ask(&mut self, token: Token, path: &str, body: &str) {
        let key = self.random.per_mille(500).then(|| format!("key-{token}"));
        let again = self.random.per_mille(200);
        let headers = key
            .as_ref()
            .map_or_else(String::new, |key| format!("Idempotency-Key: {key}\r\n"));
        let (asked_at, keyed) = (passed_us(), key.is_some());
        self.world.record.ask(token, |ask| {
            ask.key = key;
            ask.asked_at = asked_at;
        });
        let mut granted = 0;
        while granted == 0 || (granted == 1 && again && keyed) {
            match self.call("POST", path, &headers, body).await {
                Ok(answer) => match error_code(&answer) {
                    None => {
                        self.granted(token, &answer);
                        granted += 1;
                    }
                    Some(code) => {
                        self.world.record.ask(token, |ask| ask.refused = Some(code));
                        return;
                    }
                },
                Err(Lost) if keyed && self.world.phase() != Phase::Over => {}
                Err(Lost) => return,
            }
        }
    }

    fn granted(&mut self, token: Token, answer: &Answer) {
        let grant = Grant {
            at: passed_us(),
            body: body_of(answer),
        };
        if let Some(id) = grant.body["commandId"].as_str() {
            self.remembered.push(id.to_owned());
            if self.remembered.len() > REMEMBERED_MAX {
                self.remembered.remove(0);
            }
        }
        self.world.record.ask(token, |ask| ask.granted.push(grant));
    }

    /// A command for one of the devices; its token is the next one.
    fn command(&mut self) -> (usize, Value) {
        let device = self.draw(self.world.devices.len());
        let text = "x".repeat(self.draw(60));
        let paras = json!({"token": self.next_token, "text": text});
        (
            device,
            json!({"serviceId": "Meter", "method": "SET", "paras": paras}),
        )
    }

    fn note(&mut self, ask: Ask) -> Token {
        let token = self.next_token;
        self.next_token += 1;
        self.world.record.notes().asks.insert(token, ask);
        token
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Answer, Lost> {
        let headers = format!("{}{headers}", self.account.headers);
        let request = Request {
            method,
            path,
            headers: &headers,
            body: body.as_bytes(),
        };
        let Some(mut http) = self.connected().await else {
            return Err(Lost);
        };
        // Whoever waits for this wakes when the request has left.
        self.world.asked.notify_waiters();
        match tokio::time::timeout(ANSWER_WITHIN, http.call(request)).await {
            Ok(Ok(answer)) => {
                self.http = Some(http);
                Ok(answer)
            }
            Ok(Err(_)) => Err(Lost),
            Err(_) => {
                self.world.record.odd(format!(
                    "{method} {path} was not answered within {} s",
                    ANSWER_WITHIN.as_secs()
                ));
                Err(Lost)
            }
        }
    }

    async fn connected(&mut self) -> Option<Http> {
        if let Some(http) = self.http.take() {
            return Some(http);
        }
        loop {
            let place = self.world.platform().await?;
            match Http::connect(place.north).await {
                Ok(http) => return Some(http),
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    }

    fn draw(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a length");
        usize::try_from(self.random.below(end)).expect("below a length")
    }
}

/// Why an answer says no; the contract has errors with every status, 200 among them.
fn error_code(answer: &Answer) -> Option<String> {
    let body = body_of(answer);
    match &body["error_code"] {
        Value::Null if answer.status < 300 => None,
        Value::Null => Some(format!("status {}", answer.status)),
        Value::String(code) => Some(code.clone()),
        code => Some(code.to_string()),
    }
}

fn body_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// Ids and statuses of a list of commands.
fn ids(list: &Value) -> Vec<(String, String)> {
    let items = list.as_array().into_iter().flatten();
    let pair = |item: &Value| {
        Some((
            item["commandId"].as_str()?.to_owned(),
            item["status"].as_str()?.to_owned(),
        ))
    };
    items.filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_an_error_whatever_its_status() {
        let of = |status, body: &str| {
            error_code(&Answer {
                status,
                body: body.as_bytes().to_vec(),
            })
        };
        assert_eq!(of(201, r#"{"commandId":"x"}"#), None);
        assert_eq!(of(204, ""), None);
        assert_eq!(
            of(200, r#"{"error_code":"100428"}"#).as_deref(),
            Some("100428")
        );
        assert_eq!(of(500, "<html>").as_deref(), Some("status 500"));
    }
}
