//! The certificates of a server that runs: looked at every hour and upon SIGHUP, and what became of it in log and metrics.

use crate::clock;
use crate::tls::{Certificate, Tls};
use metrics::{counter, gauge};
use std::sync::Arc;

/// Whoever looks at the log has so many days to do something.
const WARNED_DAYS: u64 = 30;
const DAY_MS: u64 = 86_400_000;

/// Renews what TLS is made of. Cheap to clone; without TLS there is nothing to renew.
#[derive(Clone)]
pub struct Certificates {
    tls: Option<Arc<Tls>>,
}

impl Certificates {
    pub(super) fn of(tls: Option<Arc<Tls>>) -> Self {
        Self { tls }
    }

    /// Reads certificates, keys, client authorities and revocation lists again. New connections get what is new; connections
    /// that stand go on. What is not good is not taken over, and what was in use stays in use. Says whether anything is new.
    pub async fn reload(&self) -> bool {
        let Some(tls) = self.tls.clone() else {
            tracing::info!("there is no certificate to reload: no listener speaks TLS");
            return false;
        };
        let refreshed =
            tokio::task::spawn_blocking(move || tls.refresh(clock::wall().as_millis())).await;
        let outcome = match refreshed {
            Ok(Ok(true)) => {
                tracing::info!("certificates were reloaded: new connections get the new ones");
                "changed"
            }
            Ok(Ok(false)) => {
                tracing::info!("certificates were reloaded: nothing is new");
                "same"
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "certificates cannot be reloaded: the old ones stay in use");
                "failed"
            }
            Err(error) => {
                tracing::error!(%error, "certificates were not looked at");
                "failed"
            }
        };
        counter!("downlink_tls_reloads_total", "outcome" => outcome).increment(1);
        gauge!("downlink_tls_reload_failed").set(u8::from(outcome == "failed"));
        self.tell();
        outcome == "changed"
    }

    /// Tells how long the certificate in use holds.
    pub(super) fn tell(&self) {
        let Some(Certificate {
            subject,
            from_ms,
            until_ms,
            until,
            ..
        }) = self.tls.as_ref().map(|tls| tls.certificate())
        else {
            return;
        };
        let seconds = u32::try_from(until_ms / 1_000).unwrap_or(u32::MAX);
        gauge!("downlink_tls_certificate_expires_seconds").set(seconds);
        let now = clock::wall().as_millis();
        if until_ms < now {
            tracing::error!(
                subject,
                until,
                "the certificate has expired: clients refuse it"
            );
        } else if from_ms > now {
            tracing::error!(
                subject,
                "the certificate is not valid yet: clients refuse it"
            );
        } else if until_ms < now + WARNED_DAYS * DAY_MS {
            tracing::warn!(subject, until, "the certificate expires soon");
        }
    }
}
