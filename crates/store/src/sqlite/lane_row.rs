//! The packed values of a lane's row: its own record, and which of its commands are open.

use super::bytes::{Bytes, Damage, pad, put_number};
use crate::contract::LaneRow;
use delivery::{Mid, MidSequence, Moment, UNANSWERED_MIDS_MAX};
use std::collections::VecDeque;

const VERSION: u8 = 1;
/// A record has a multiple of this length, so that most rewritings keep it.
const RECORD_STEP: usize = 16;
/// The same of a list of open commands.
const OPEN_STEP: usize = 16;

const CONTACT: u8 = 1;
const DELETED: u8 = 2;

/// Packs a lane's own record.
pub(super) fn put_record(out: &mut Vec<u8>, row: &LaneRow) {
    out.push(VERSION);
    let contact = if row.contact.is_some() { CONTACT } else { 0 };
    let deleted = if row.deleted { DELETED } else { 0 };
    out.push(contact | deleted);
    if let Some(contact) = row.contact {
        put_number(out, contact.as_millis());
    }
    put_number(out, row.mids.next);
    put_number(
        out,
        u64::try_from(row.mids.unanswered.len()).unwrap_or(u64::MAX),
    );
    for mid in &row.mids.unanswered {
        out.extend_from_slice(&mid.number().to_le_bytes());
    }
    pad(out, RECORD_STEP);
}

/// Reads a lane's own record.
pub(super) fn record(packed: &[u8]) -> Result<LaneRow, Damage> {
    let mut from = Bytes::new(packed);
    match from.byte()? {
        VERSION => {}
        other => return Err(Damage::Version(other)),
    }
    let flags = from.byte()?;
    if flags & !(CONTACT | DELETED) != 0 {
        return Err(Damage::Code(flags));
    }
    let contact = if flags & CONTACT == 0 {
        None
    } else {
        Some(Moment::from_millis(from.number()?))
    };
    let next = from.number()?;
    let count = from.narrow::<usize>()?;
    if count > UNANSWERED_MIDS_MAX {
        return Err(Damage::Range);
    }
    let mut unanswered = VecDeque::with_capacity(count);
    for _ in 0..count {
        unanswered.push_back(Mid::new(u16::from_le_bytes(from.array()?)).ok_or(Damage::Range)?);
    }
    from.end()?;
    Ok(LaneRow {
        mids: MidSequence { next, unanswered },
        contact,
        deleted: flags & DELETED != 0,
    })
}

/// Packs the sequence numbers of open commands, which rise: each as its distance from the one before.
pub(super) fn put_open(out: &mut Vec<u8>, open: &[u64]) {
    let mut before = 0u64;
    for seq in open {
        put_number(out, seq.wrapping_sub(before));
        before = *seq;
    }
    // A distance of nought is none, so zeros are padding.
    pad(out, OPEN_STEP);
}

/// Reads the sequence numbers of open commands.
pub(super) fn open(packed: &[u8]) -> Result<Vec<u64>, Damage> {
    let mut from = Bytes::new(packed);
    let mut open = Vec::new();
    let mut before = 0u64;
    while from.left() > 0 {
        let distance = from.number()?;
        if distance == 0 {
            from.end()?;
            break;
        }
        before = before.checked_add(distance).ok_or(Damage::Range)?;
        open.push(before);
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back() {
        let mids = |count: u16| {
            (1..=count)
                .rev()
                .filter_map(Mid::new)
                .collect::<VecDeque<_>>()
        };
        for count in [0, 1, 7, 256] {
            for contact in [None, Some(Moment::from_millis(1_795_000_000_000))] {
                for deleted in [false, true] {
                    let mids = MidSequence {
                        next: 65_534,
                        unanswered: mids(count),
                    };
                    let row = LaneRow {
                        mids,
                        contact,
                        deleted,
                    };
                    let mut packed = Vec::new();
                    put_record(&mut packed, &row);
                    assert_eq!(packed.len() % RECORD_STEP, 0);
                    assert_eq!(record(&packed), Ok(row));
                }
            }
        }
    }

    #[test]
    fn a_list_of_open_commands_comes_back() {
        for list in [
            vec![],
            vec![1],
            vec![1, 2, 3, 1_000_000],
            vec![u64::MAX],
            (5..1_005).collect(),
        ] {
            let mut packed = Vec::new();
            put_open(&mut packed, &list);
            assert_eq!(open(&packed), Ok(list));
        }
    }

    #[test]
    fn damaged_lane_rows_are_refused_and_never_panic() {
        let mut packed = Vec::new();
        let unanswered = (1..=300).filter_map(Mid::new).take(256).collect();
        put_record(
            &mut packed,
            &LaneRow {
                mids: MidSequence {
                    next: 7,
                    unanswered,
                },
                contact: None,
                deleted: false,
            },
        );
        for cut in 0..500 {
            assert!(record(&packed[..cut]).is_err(), "cut at {cut}");
        }
        packed[0] = 9;
        assert_eq!(record(&packed), Err(Damage::Version(9)));
        assert_eq!(open(&[0, 0, 1]), Err(Damage::Long));
        assert_eq!(open(&[0x80]), Err(Damage::Short));
    }
}
