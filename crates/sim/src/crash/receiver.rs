//! The applications' receiver: it notes what it was told and took, and refuses now and then, so that the platform tries again.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use api::callbacks::Callback;

use super::record::{About, Record, Told};
use crate::random::Random;
use crate::rig::{Receiver, Reply};

/// Of a thousand callbacks, so many are refused, and so many get no answer.
const REFUSED: u16 = 120;
const CUT: u16 = 40;

/// Starts the receiver of a round.
///
/// # Errors
/// There is no port.
pub(crate) async fn start(record: Arc<Record>, random: Random) -> io::Result<Receiver> {
    let random = Mutex::new(random);
    Receiver::start(move |_, body| {
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        if random.per_mille(REFUSED) {
            return Reply::Status(503);
        }
        // It may have been taken all the same: nobody who gets no answer can know.
        let cut = random.per_mille(CUT);
        drop(random);
        match Callback::from_json(body) {
            Ok(callback) => record.notes().told.push(note(&callback)),
            Err(error) => record.odd(format!(
                "a callback cannot be read: {error}: {}",
                String::from_utf8_lossy(body)
            )),
        }
        if cut {
            Reply::Close
        } else {
            Reply::Status(200)
        }
    })
    .await
}

fn note(callback: &Callback) -> Told {
    match callback {
        Callback::Status(status) => Told {
            about: About::Command(status.command_id.clone()),
            says: status.result.result_code.as_str().to_owned(),
        },
        Callback::MessageConfirm(confirm) => Told {
            about: About::Request(confirm.header.request_id.clone().unwrap_or_default()),
            says: confirm.notify_type.clone(),
        },
        Callback::CommandRsp(rsp) => Told {
            about: About::Request(rsp.header.request_id.clone().unwrap_or_default()),
            says: rsp.notify_type.clone(),
        },
    }
}
