//! What a device says about itself in its client id.
//!
//! ```text
//! {id}_{authType}_{signType}_{YYYYMMDDHH}       mqtt_sdk01_2_0_2026102123
//! ```
//!
//! The user name must be the id, and the password the lower-case hex of HMAC-SHA256 with the *time text as the key* and the
//! device's secret as the message. Computing and comparing it is the server's affair: this module only takes the client id apart.
//! With signType 0 the time is the HMAC's key and nothing else (tolerance 16): it may be a month off, or no date at all.

use crate::limits::Millis;

const HOUR_MS: Millis = 3_600_000;

/// What the id of a client id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// authType 0: the platform's deviceId.
    DeviceId,
    /// authType 2: the nodeId.
    NodeId,
}

/// Whether the time of a client id is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignType {
    /// signType 0: it is not.
    Unchecked,
    /// signType 1: it must be within one hour of UTC (R6.6).
    Hour,
}

/// Why a client id cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// It does not have the four parts, or one of them is unknown.
    #[error("client id is not id_authType_signType_YYYYMMDDHH")]
    Malformed,
    /// authType 1: dynamic registration of a product's devices, which this platform does not offer.
    #[error("client id asks for dynamic registration, which is not supported")]
    Registration,
}

/// A client id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId<'a> {
    /// The deviceId or nodeId. It may contain underscores.
    pub id: &'a str,
    /// Which of the two it is.
    pub auth: AuthType,
    /// Whether the time is checked.
    pub sign: SignType,
    /// Ten ASCII digits, `YYYYMMDDHH`: the key of the password's HMAC.
    pub time: &'a str,
}

impl<'a> ClientId<'a> {
    /// Takes a client id apart, from the right, as the id may contain underscores.
    pub fn parse(text: &'a str) -> Result<Self, ClientIdError> {
        let mut parts = text.rsplitn(4, '_');
        let (Some(time), Some(sign), Some(auth), Some(id)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClientIdError::Malformed);
        };
        if time.len() != 10 || !time.bytes().all(|byte| byte.is_ascii_digit()) || id.is_empty() {
            return Err(ClientIdError::Malformed);
        }
        let sign = match sign {
            "0" => SignType::Unchecked,
            "1" => SignType::Hour,
            _ => return Err(ClientIdError::Malformed),
        };
        let auth = match auth {
            "0" => AuthType::DeviceId,
            "1" => return Err(ClientIdError::Registration),
            "2" => AuthType::NodeId,
            _ => return Err(ClientIdError::Malformed),
        };
        Ok(Self {
            id,
            auth,
            sign,
            time,
        })
    }

    /// The first moment of the hour that the time names, in Unix milliseconds UTC; `None` if it names none (month 13, year 1969).
    pub fn hour_start_ms(&self) -> Option<Millis> {
        let number = |range: core::ops::Range<usize>| self.time.get(range)?.parse::<u64>().ok();
        let (year, month, day, hour) =
            (number(0..4)?, number(4..6)?, number(6..8)?, number(8..10)?);
        if year < 1970
            || !(1..=12).contains(&month)
            || day == 0
            || day > days_of_month(year, month)
            || hour > 23
        {
            return None;
        }
        let months: u64 = (1..month).map(|earlier| days_of_month(year, earlier)).sum();
        Some((days_before_year(year) + months + day - 1) * 24 * HOUR_MS + hour * HOUR_MS)
    }

    /// Whether the time passes at `now`, Unix milliseconds UTC: always for signType 0, else if it names this hour, the one before or
    /// the one after.
    pub fn is_timely(&self, now: Millis) -> bool {
        match self.sign {
            SignType::Unchecked => true,
            SignType::Hour => self
                .hour_start_ms()
                .is_some_and(|hour| (hour / HOUR_MS).abs_diff(now / HOUR_MS) <= 1),
        }
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first day of `year`, which is 1970 or later.
fn days_before_year(year: u64) -> u64 {
    let leaps = |before: u64| before / 4 - before / 100 + before / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_devices_client_id_is_taken_apart_from_the_right() {
        let id = ClientId::parse("mqtt_sdk01_2_0_2026102123").unwrap();
        assert_eq!(
            id,
            ClientId {
                id: "mqtt_sdk01",
                auth: AuthType::NodeId,
                sign: SignType::Unchecked,
                time: "2026102123"
            }
        );
        let id = ClientId::parse("0_1_2_0_1_2026102123").unwrap();
        assert_eq!(
            (id.id, id.auth, id.sign),
            ("0_1_2", AuthType::DeviceId, SignType::Hour)
        );
    }

    #[test]
    fn dynamic_registration_is_named_and_everything_else_is_malformed() {
        assert_eq!(
            ClientId::parse("prod_node_1_0_2026102123"),
            Err(ClientIdError::Registration)
        );
        for text in [
            "",
            "mosq-abc",
            "d_0_0_202610212",
            "d_0_0_20261021234",
            "d_0_0_2026１0212",
            "d_0_0_+026102123",
            "_0_0_2026102123",
            "0_0_2026102123",
            "d_3_0_2026102123",
            "d_0_2_2026102123",
            "d_00_0_2026102123",
        ] {
            assert_eq!(
                ClientId::parse(text),
                Err(ClientIdError::Malformed),
                "{text}"
            );
        }
    }

    fn hour_of(time: &str) -> Option<Millis> {
        ClientId {
            id: "d",
            auth: AuthType::DeviceId,
            sign: SignType::Hour,
            time,
        }
        .hour_start_ms()
    }

    #[test]
    fn hours_become_unix_time() {
        assert_eq!(hour_of("1970010100"), Some(0));
        assert_eq!(hour_of("2000022923"), Some(951_865_200_000));
        assert_eq!(hour_of("2026112200"), Some(1_795_305_600_000));
        assert_eq!(hour_of("2100030100"), Some(4_107_542_400_000));
        for no_hour in [
            "2026130100",
            "2026000100",
            "2026022900",
            "2026043100",
            "2026010124",
            "1969123123",
            "2026010000",
        ] {
            assert_eq!(hour_of(no_hour), None, "{no_hour}");
        }
    }

    #[test]
    fn r6_6_sign_type_1_is_timely_within_one_hour_and_sign_type_0_always() {
        let checked = ClientId::parse("d_0_1_2026112212").unwrap();
        let noon = checked.hour_start_ms().unwrap();
        assert!(checked.is_timely(noon));
        assert!(checked.is_timely(noon - HOUR_MS));
        assert!(!checked.is_timely(noon - HOUR_MS - 1));
        assert!(checked.is_timely(noon + 2 * HOUR_MS - 1));
        assert!(!checked.is_timely(noon + 2 * HOUR_MS));
        assert!(!ClientId::parse("d_0_1_2026002212").unwrap().is_timely(noon));
        assert!(ClientId::parse("d_0_0_2026002212").unwrap().is_timely(noon));
    }
}
