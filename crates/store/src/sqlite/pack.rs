//! The packed values of a command's row: what is fixed at its birth, and how it fares.
//!
//! ```text
//!   facts     version · tag · kind (· expiry) · resends · flags                              written once
//!   progress  version · told · state · issued · lost · late · entries · answer · padding     in `open`, then in `outcome`
//! ```
//!
//! Moments stand as distances from the creation. An outcome that is not known yet is all zeros: no version is 0.

use super::bytes::{Bytes, Damage, pad, put_bytes, put_moment, put_number};
use delivery::{
    Answer, AppKey, Cause, Command, Ending, Entry, Kind, Moment, Next, Sent, State, Status,
    Verdict, Who,
};
use std::sync::Arc;
use std::time::Duration;

/// The version of both values.
const VERSION: u8 = 1;

/// A progress has a multiple of this length while it is rewritten.
const PROGRESS_STEP: usize = 64;

/// The most history entries that are read; the heart's own bounds keep a history far below.
const ENTRIES_MAX: usize = 1_024;

/// What stands in the place of an outcome that is not known yet. Most outcomes need no more room.
pub(super) const NO_OUTCOME: [u8; 96] = [0; 96];

/// What of a command is fixed at its birth, apart from what has columns of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) tag: u64,
    pub(super) kind: Kind,
    pub(super) retransmit_max: u8,
    pub(super) answer_expected: bool,
    pub(super) callback: bool,
}

/// How a command fares: everything of it that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) told: u32,
    pub(super) state: State,
    pub(super) issued: u8,
    pub(super) lost: u32,
    pub(super) late: u32,
    pub(super) history: Vec<Entry>,
    pub(super) answer: Option<Answer>,
}

const ANSWER_EXPECTED: u8 = 1;
const CALLBACK: u8 = 2;

/// Packs what is fixed.
pub(super) fn put_facts(out: &mut Vec<u8>, command: &Command) {
    out.push(VERSION);
    out.extend_from_slice(&command.id.tag.to_le_bytes());
    match command.kind {
        Kind::Queued { expire_after } => {
            out.push(0);
            put_number(out, expire_after.as_secs());
            put_number(out, u64::from(expire_after.subsec_nanos()));
        }
        Kind::Immediate => out.push(1),
        Kind::Direct { confirm: true } => out.push(2),
        Kind::Direct { confirm: false } => out.push(3),
    }
    out.push(command.retransmit_max);
    let expected = if command.answer_expected {
        ANSWER_EXPECTED
    } else {
        0
    };
    let callback = if command.callback { CALLBACK } else { 0 };
    out.push(expected | callback);
}

/// Reads what is fixed.
pub(super) fn facts(packed: &[u8]) -> Result<Facts, Damage> {
    let mut from = Bytes::new(packed);
    version(&mut from)?;
    let tag = u64::from_le_bytes(from.array()?);
    let kind = match from.byte()? {
        0 => {
            let seconds = from.number()?;
            let nanos = from.narrow::<u32>()?;
            if nanos >= 1_000_000_000 {
                return Err(Damage::Range);
            }
            Kind::Queued {
                expire_after: Duration::new(seconds, nanos),
            }
        }
        1 => Kind::Immediate,
        2 => Kind::Direct { confirm: true },
        3 => Kind::Direct { confirm: false },
        code => return Err(Damage::Code(code)),
    };
    let retransmit_max = from.byte()?;
    let flags = from.byte()?;
    if flags & !(ANSWER_EXPECTED | CALLBACK) != 0 {
        return Err(Damage::Code(flags));
    }
    from.end()?;
    let (answer_expected, callback) = (flags & ANSWER_EXPECTED != 0, flags & CALLBACK != 0);
    Ok(Facts {
        tag,
        kind,
        retransmit_max,
        answer_expected,
        callback,
    })
}

/// Packs how a command fares, as it stands but for how much its owner was told.
pub(super) fn put_progress(out: &mut Vec<u8>, command: &Command, told: u32) {
    out.push(VERSION);
    put_number(out, u64::from(told));
    put_state(out, command.state, command.created);
    out.push(command.issued);
    put_number(out, u64::from(command.lost));
    put_number(out, u64::from(command.late));
    put_number(
        out,
        u64::try_from(command.history.len()).unwrap_or(u64::MAX),
    );
    for entry in &command.history {
        put_entry(out, entry, command.created);
    }
    put_answer(out, command.answer.as_ref());
    if out.len() < NO_OUTCOME.len() && command.has_ended() {
        out.resize(NO_OUTCOME.len(), 0);
    } else {
        pad(out, PROGRESS_STEP);
    }
}

/// Reads how a command fares that was created at `created`; `None` if that is not known here.
pub(super) fn progress(packed: &[u8], created: Moment) -> Result<Option<Progress>, Damage> {
    if packed.first() == Some(&0) {
        return Bytes::new(packed).end().map(|()| None);
    }
    let mut from = Bytes::new(packed);
    version(&mut from)?;
    let told = from.narrow()?;
    let state = state(&mut from, created)?;
    let issued = from.byte()?;
    let lost = from.narrow()?;
    let late = from.narrow()?;
    let entries = from.narrow::<usize>()?;
    if entries > ENTRIES_MAX {
        return Err(Damage::Range);
    }
    // An entry takes four bytes at least, so a length that lies does not reserve much.
    let mut history = Vec::with_capacity(entries.min(from.left() / 4));
    for _ in 0..entries {
        history.push(entry(&mut from, created)?);
    }
    let answer = answer(&mut from)?;
    from.end()?;
    Ok(Some(Progress {
        told,
        state,
        issued,
        lost,
        late,
        history,
        answer,
    }))
}

/// Only how much the owner was told, from the front of a packed progress.
pub(super) fn told(packed: &[u8]) -> Result<u32, Damage> {
    let mut from = Bytes::new(packed);
    version(&mut from)?;
    from.narrow()
}

fn version(from: &mut Bytes<'_>) -> Result<(), Damage> {
    match from.byte()? {
        VERSION => Ok(()),
        other => Err(Damage::Version(other)),
    }
}

fn put_state(out: &mut Vec<u8>, state: State, created: Moment) {
    match state {
        State::Queued => out.push(0),
        State::Sent(Sent { slot, last, next }) => {
            let (code, at) = match next {
                Next::Attempt(at) => (1, at),
                Next::Timeout(at) => (2, at),
            };
            out.push(code);
            out.push(slot);
            put_moment(out, last, created);
            put_moment(out, at, created);
        }
        State::Delivered { settle_at } => {
            out.push(3);
            put_moment(out, settle_at, created);
        }
        State::Ended(ending) => out.push(match ending {
            Ending::Settled => 4,
            Ending::Succeeded => 5,
            Ending::Failed => 6,
            Ending::Cancelled => 7,
            Ending::Expired => 8,
            Ending::TimedOut => 9,
        }),
    }
}

fn state(from: &mut Bytes<'_>, created: Moment) -> Result<State, Damage> {
    Ok(match from.byte()? {
        0 => State::Queued,
        code @ (1 | 2) => {
            let slot = from.byte()?;
            let last = from.moment(created)?;
            let at = from.moment(created)?;
            let next = if code == 1 {
                Next::Attempt(at)
            } else {
                Next::Timeout(at)
            };
            State::Sent(Sent { slot, last, next })
        }
        3 => State::Delivered {
            settle_at: from.moment(created)?,
        },
        4 => State::Ended(Ending::Settled),
        5 => State::Ended(Ending::Succeeded),
        6 => State::Ended(Ending::Failed),
        7 => State::Ended(Ending::Cancelled),
        8 => State::Ended(Ending::Expired),
        9 => State::Ended(Ending::TimedOut),
        code => return Err(Damage::Code(code)),
    })
}

/// An entry: status in the low and actor in the high half of a byte, cause, attempt, moment, and the application if one acted.
fn put_entry(out: &mut Vec<u8>, entry: &Entry, created: Moment) {
    let who = match entry.who {
        Who::Platform => 0x00,
        Who::Device => 0x10,
        Who::Application(_) => 0x20,
        Who::Operator => 0x30,
    };
    out.push(status_code(entry.status) | who);
    out.push(cause_code(entry.cause));
    out.push(entry.attempt);
    put_moment(out, entry.at, created);
    if let Who::Application(app) = entry.who {
        put_number(out, app.0);
    }
}

fn entry(from: &mut Bytes<'_>, created: Moment) -> Result<Entry, Damage> {
    let head = from.byte()?;
    let status = status(head & 0x0f)?;
    let cause = from.byte()?;
    let cause = *CAUSES.get(usize::from(cause)).ok_or(Damage::Code(cause))?;
    let attempt = from.byte()?;
    let at = from.moment(created)?;
    let who = match head & 0xf0 {
        0x00 => Who::Platform,
        0x10 => Who::Device,
        0x20 => Who::Application(AppKey(from.number()?)),
        0x30 => Who::Operator,
        _ => return Err(Damage::Code(head)),
    };
    Ok(Entry {
        status,
        at,
        cause,
        attempt,
        who,
    })
}

const OFF_PROFILE: u8 = 0x10;
const DETAIL: u8 = 0x20;

fn put_answer(out: &mut Vec<u8>, answer: Option<&Answer>) {
    let Some(answer) = answer else {
        return out.push(0);
    };
    let verdict = match answer.verdict {
        Verdict::Success => 1,
        Verdict::Failure => 2,
        Verdict::Undecodable => 3,
    };
    let off_profile = if answer.off_profile { OFF_PROFILE } else { 0 };
    let detail = if answer.detail.is_some() { DETAIL } else { 0 };
    out.push(verdict | off_profile | detail);
    if let Some(detail) = &answer.detail {
        put_bytes(out, detail);
    }
}

fn answer(from: &mut Bytes<'_>) -> Result<Option<Answer>, Damage> {
    let head = from.byte()?;
    let verdict = match head & 0x0f {
        0 if head == 0 => return Ok(None),
        1 => Verdict::Success,
        2 => Verdict::Failure,
        3 => Verdict::Undecodable,
        _ => return Err(Damage::Code(head)),
    };
    if head & !(0x0f | OFF_PROFILE | DETAIL) != 0 {
        return Err(Damage::Code(head));
    }
    let detail = if head & DETAIL == 0 {
        None
    } else {
        Some(Arc::from(from.bytes()?))
    };
    Ok(Some(Answer {
        verdict,
        detail,
        off_profile: head & OFF_PROFILE != 0,
    }))
}

const fn status_code(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Sent => 1,
        Status::Delivered => 2,
        Status::Succeeded => 3,
        Status::Failed => 4,
        Status::Cancelled => 5,
        Status::Expired => 6,
        Status::TimedOut => 7,
    }
}

fn status(code: u8) -> Result<Status, Damage> {
    Ok(match code {
        0 => Status::Queued,
        1 => Status::Sent,
        2 => Status::Delivered,
        3 => Status::Succeeded,
        4 => Status::Failed,
        5 => Status::Cancelled,
        6 => Status::Expired,
        7 => Status::TimedOut,
        code => return Err(Damage::Code(code)),
    })
}

/// Causes by their codes. The order is kept: new ones go to the end.
const CAUSES: [Cause; 22] = [
    Cause::Accepted,
    Cause::Attempt,
    Cause::Skipped,
    Cause::Lost,
    Cause::Acked,
    Cause::AnswerImplies,
    Cause::Answered,
    Cause::AnsweredOffProfile,
    Cause::Undecodable,
    Cause::NotEncodable,
    Cause::LinkRefused,
    Cause::NoAck,
    Cause::TooOld,
    Cause::CancelRequested,
    Cause::CancelTask,
    Cause::DeviceDeleted,
    Cause::GrantRevoked,
    Cause::NoResult,
    Cause::NoResultExpected,
    Cause::Displaced,
    Cause::LateAck,
    Cause::LateAnswer,
];

/// The place of a cause in [`CAUSES`].
const fn cause_code(cause: Cause) -> u8 {
    match cause {
        Cause::Accepted => 0,
        Cause::Attempt => 1,
        Cause::Skipped => 2,
        Cause::Lost => 3,
        Cause::Acked => 4,
        Cause::AnswerImplies => 5,
        Cause::Answered => 6,
        Cause::AnsweredOffProfile => 7,
        Cause::Undecodable => 8,
        Cause::NotEncodable => 9,
        Cause::LinkRefused => 10,
        Cause::NoAck => 11,
        Cause::TooOld => 12,
        Cause::CancelRequested => 13,
        Cause::CancelTask => 14,
        Cause::DeviceDeleted => 15,
        Cause::GrantRevoked => 16,
        Cause::NoResult => 17,
        Cause::NoResultExpected => 18,
        Cause::Displaced => 19,
        Cause::LateAck => 20,
        Cause::LateAnswer => 21,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::{CommandId, DeviceId, Mid};

    const CREATED: Moment = Moment::from_millis(1_795_000_000_000);

    fn command(state: State, entries: usize, answer: Option<Answer>) -> Command {
        let whos = [
            Who::Platform,
            Who::Device,
            Who::Application(AppKey(300)),
            Who::Operator,
        ];
        let statuses: Vec<Status> = (0..8).filter_map(|code| status(code).ok()).collect();
        let entry = |n: usize| Entry {
            status: statuses[n % 8],
            at: CREATED + Duration::from_secs(u64::try_from(n * n).expect("small")),
            cause: CAUSES[n % CAUSES.len()],
            attempt: u8::try_from(n % 5).expect("small"),
            who: whos[n % 4],
        };
        Command {
            id: CommandId {
                seq: 5,
                tag: u64::MAX - 1,
            },
            device: DeviceId::new(1, 2),
            app: AppKey(1),
            kind: Kind::Queued {
                expire_after: Duration::from_millis(172_800_001),
            },
            mid: Mid::new(9).expect("9 is a mid"),
            created: CREATED,
            retransmit_max: 3,
            answer_expected: true,
            callback: false,
            key: None,
            body: Arc::from(*b"{}"),
            state,
            issued: 2,
            history: (0..entries).map(entry).collect(),
            answer,
            told: 3,
            lost: 70_000,
            late: 1,
        }
    }

    fn samples() -> Vec<Command> {
        let at = CREATED + Duration::from_hours(48);
        let sent = |next| {
            State::Sent(Sent {
                slot: 4,
                last: CREATED,
                next,
            })
        };
        let mut states = vec![
            State::Queued,
            sent(Next::Attempt(at)),
            sent(Next::Timeout(at)),
            State::Delivered { settle_at: at },
        ];
        states.extend(
            [
                Ending::Settled,
                Ending::Succeeded,
                Ending::Failed,
                Ending::Cancelled,
                Ending::Expired,
                Ending::TimedOut,
            ]
            .map(State::Ended),
        );
        let detail = |length: usize| Some(Arc::from(vec![0; length]));
        let answers = [
            None,
            Some(Answer {
                verdict: Verdict::Success,
                detail: detail(500),
                off_profile: false,
            }),
            Some(Answer {
                verdict: Verdict::Failure,
                detail: detail(0),
                off_profile: true,
            }),
            Some(Answer {
                verdict: Verdict::Undecodable,
                detail: None,
                off_profile: true,
            }),
        ];
        let sizes = [0, 1, 4, 22, 1_024];
        let all = states
            .iter()
            .flat_map(|state| answers.iter().map(move |answer| (*state, answer.clone())));
        all.zip(sizes.iter().cycle())
            .map(|((state, answer), size)| command(state, *size, answer))
            .collect()
    }

    fn packed(command: &Command) -> Vec<u8> {
        let mut out = Vec::new();
        put_progress(&mut out, command, command.told);
        out
    }

    #[test]
    fn every_progress_comes_back() {
        for command in samples() {
            let packed = packed(&command);
            let read = progress(&packed, CREATED)
                .expect("it is whole")
                .expect("it is there");
            let Command {
                state,
                issued,
                history,
                answer,
                told,
                lost,
                late,
                ..
            } = command;
            assert_eq!(super::told(&packed), Ok(told));
            assert_eq!(
                read,
                Progress {
                    told,
                    state,
                    issued,
                    lost,
                    late,
                    history,
                    answer
                }
            );
        }
    }

    #[test]
    fn all_facts_come_back() {
        let kinds = [
            Kind::Queued {
                expire_after: Duration::new(u64::MAX, 999_999_999),
            },
            Kind::Immediate,
            Kind::Direct { confirm: true },
            Kind::Direct { confirm: false },
        ];
        for (n, kind) in kinds.into_iter().enumerate() {
            let (answer_expected, callback) = (n % 2 == 0, n < 2);
            let command = Command {
                kind,
                answer_expected,
                callback,
                ..command(State::Queued, 1, None)
            };
            let mut out = Vec::new();
            put_facts(&mut out, &command);
            let (tag, retransmit_max) = (command.id.tag, command.retransmit_max);
            assert_eq!(
                facts(&out),
                Ok(Facts {
                    tag,
                    kind,
                    retransmit_max,
                    answer_expected,
                    callback
                })
            );
            for cut in 0..out.len() {
                assert!(facts(&out[..cut]).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn causes_stand_at_their_codes() {
        for cause in Cause::ALL {
            assert_eq!(CAUSES[usize::from(cause_code(cause))], cause);
        }
    }

    #[test]
    fn an_outcome_that_is_not_known_yet_is_none() {
        assert_eq!(progress(&NO_OUTCOME, CREATED), Ok(None));
        assert_eq!(progress(&[], CREATED), Err(Damage::Short));
        assert_eq!(progress(&[0, 1], CREATED), Err(Damage::Long));
        assert_eq!(progress(&[2], CREATED), Err(Damage::Version(2)));
    }

    #[test]
    fn a_short_progress_keeps_its_length_over_a_life() {
        let life = [
            (State::Queued, 1),
            (State::Delivered { settle_at: CREATED }, 3),
        ];
        for (state, entries) in life {
            assert_eq!(
                packed(&Command {
                    lost: 0,
                    ..command(state, entries, None)
                })
                .len(),
                PROGRESS_STEP
            );
        }
        let answer = Answer {
            verdict: Verdict::Success,
            detail: Some(Arc::from(*b"{\"level\":42}")),
            off_profile: false,
        };
        let ended = command(State::Ended(Ending::Succeeded), 4, Some(answer));
        assert_eq!(packed(&ended).len(), NO_OUTCOME.len());
    }

    #[test]
    fn a_damaged_progress_never_panics() {
        for command in samples().iter().filter(|c| c.history.len() <= 22) {
            let whole = packed(command);
            let used = whole
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            for cut in (1..used.min(200)).chain([used - 1]) {
                let _ = progress(&whole[..cut], CREATED);
            }
            for at in 0..whole.len().min(200) {
                for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] = value;
                    let _ = progress(&damaged, CREATED);
                }
            }
        }
    }

    #[test]
    fn a_history_beyond_the_bound_is_refused() {
        let whole = packed(&command(State::Queued, ENTRIES_MAX + 1, None));
        assert_eq!(progress(&whole, CREATED), Err(Damage::Range));
    }
}
