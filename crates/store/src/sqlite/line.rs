//! A device's line: every command it ever had, in order, as packed blocks.
//!
//! An index by device would cost a page of its own for each birth, for the next birth is another device's. So the youngest
//! block stands in the lane's row, which a birth writes anyway, and goes to the table `line` when it is full. A block holds
//! what lists and the search for a mid ask of a command (R2.6, R6.7); nobody reads a body to leave it out.

use super::bytes::{Bytes, Damage, pad, put_moment, put_number};
use super::rows;
use crate::contract::Failed;
use delivery::{AppKey, Command, Kind, Mid, Moment};
use rusqlite::Connection;
use std::ops::ControlFlow;

/// How many commands a full block holds.
const BLOCK: usize = 16;

/// A block has a multiple of this length, so that most rewritings of a lane's row keep its length.
const BLOCK_STEP: usize = 32;

/// A command in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) created: Moment,
    pub(super) seq: u64,
    pub(super) mid: Mid,
    pub(super) app: AppKey,
    pub(super) direct: bool,
}

impl Place {
    pub(super) fn of(command: &Command) -> Self {
        Self {
            created: command.created,
            seq: command.id.seq,
            mid: command.mid,
            app: command.app,
            direct: matches!(command.kind, Kind::Direct { .. }),
        }
    }
}

/// Adds births to the youngest block; what becomes too long for it is given to `full`, the oldest block first.
pub(super) fn add<E: From<Damage>>(
    youngest: &mut Vec<u8>,
    births: impl Iterator<Item = Place>,
    mut full: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut places = places(youngest)?;
    for birth in births {
        let at =
            places.partition_point(|place| (place.created, place.seq) < (birth.created, birth.seq));
        places.insert(at, birth);
    }
    while places.len() > BLOCK {
        put(youngest, &places[..BLOCK]);
        full(youngest)?;
        places.drain(..BLOCK);
    }
    put(youngest, &places);
    Ok(())
}

/// Takes the commands with these numbers out of a block, and their numbers out of `seqs`; whether there were any.
pub(super) fn remove(block: &mut Vec<u8>, seqs: &mut Vec<u64>) -> Result<bool, Damage> {
    let mut kept = places(block)?;
    let before = kept.len();
    kept.retain(
        |place| match seqs.iter().position(|seq| *seq == place.seq) {
            Some(at) => {
                seqs.swap_remove(at);
                false
            }
            None => true,
        },
    );
    let changed = kept.len() < before;
    if changed {
        put(block, &kept);
    }
    Ok(changed)
}

/// Whether no command stands in a block.
pub(super) fn is_empty(block: &[u8]) -> Result<bool, Damage> {
    places(block).map(|places| places.is_empty())
}

/// Shows a device's commands to `visit`, the newest first, until it has seen enough.
pub(super) fn walk(
    conn: &Connection,
    device_seq: u64,
    mut visit: impl FnMut(Place) -> ControlFlow<()>,
) -> Result<(), Failed> {
    // The youngest block stands behind every full one.
    let sql = "SELECT line AS places, 9223372036854775807 AS block FROM lane WHERE device = ?1
      UNION ALL SELECT places, block FROM line WHERE device = ?1 ORDER BY block DESC";
    let mut statement = conn.prepare_cached(sql).map_err(rows::cannot_read)?;
    let mut blocks = statement
        .query([rows::integer(device_seq)])
        .map_err(rows::cannot_read)?;
    while let Some(row) = blocks.next().map_err(rows::cannot_read)? {
        let places =
            places(rows::bytes(row, 0)?).map_err(|why| rows::damaged("line", device_seq, why))?;
        for place in places.into_iter().rev() {
            if visit(place).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, places: &[Place]) {
    out.clear();
    put_number(out, u64::try_from(places.len()).unwrap_or(u64::MAX));
    let (mut seq, mut created) = (0u64, Moment::from_millis(0));
    for place in places {
        put_moment(
            out,
            Moment::from_millis(place.seq),
            Moment::from_millis(seq),
        );
        put_moment(out, place.created, created);
        out.extend_from_slice(&place.mid.number().to_le_bytes());
        out.push(u8::from(place.direct));
        put_number(out, place.app.0);
        (seq, created) = (place.seq, place.created);
    }
    pad(out, BLOCK_STEP);
}

fn places(packed: &[u8]) -> Result<Vec<Place>, Damage> {
    if packed.is_empty() {
        return Ok(Vec::new());
    }
    let mut from = Bytes::new(packed);
    let count = from.narrow::<usize>()?;
    if count > BLOCK {
        return Err(Damage::Range);
    }
    let mut places = Vec::with_capacity(count + 1);
    let (mut seq, mut created) = (0u64, Moment::from_millis(0));
    for _ in 0..count {
        seq = from.moment(Moment::from_millis(seq))?.as_millis();
        created = from.moment(created)?;
        let mid = Mid::new(u16::from_le_bytes(from.array()?)).ok_or(Damage::Range)?;
        let direct = match from.byte()? {
            0 => false,
            1 => true,
            code => return Err(Damage::Code(code)),
        };
        let app = AppKey(from.number()?);
        places.push(Place {
            created,
            seq,
            mid,
            app,
            direct,
        });
    }
    from.end()?;
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u64) -> Place {
        let created = Moment::from_millis(1_795_000_000_000 + n / 2);
        let mid = Mid::new(u16::try_from(n + 1).expect("small")).expect("not nought");
        Place {
            created,
            seq: n + 1,
            mid,
            app: AppKey(n % 3),
            direct: n.is_multiple_of(5),
        }
    }

    fn fill(counts: &[u64]) -> (Vec<Vec<Place>>, Vec<Place>) {
        let (mut youngest, mut full) = (Vec::new(), Vec::new());
        let mut born = 0;
        for count in counts {
            let births = born..born + count;
            born += count;
            let keep = |block: &[u8]| {
                full.push(places(block)?);
                Ok::<(), Damage>(())
            };
            add(&mut youngest, births.map(place), keep).expect("blocks are sound");
            assert_eq!(youngest.len() % BLOCK_STEP, 0);
        }
        (full, places(&youngest).expect("it is sound"))
    }

    #[test]
    fn blocks_hold_every_birth_in_order() {
        for counts in [
            vec![0],
            vec![1],
            vec![16],
            vec![17],
            vec![1; 40],
            vec![3; 20],
            vec![100, 1, 15, 16],
        ] {
            let (full, youngest) = fill(&counts);
            assert!(full.iter().all(|block| block.len() == BLOCK));
            let all: Vec<Place> = full.into_iter().flatten().chain(youngest).collect();
            assert_eq!(all, (0..counts.iter().sum()).map(place).collect::<Vec<_>>());
        }
    }

    #[test]
    fn births_of_one_moment_stand_in_order_of_their_numbers() {
        let mut youngest = Vec::new();
        let nowhere = |_: &[u8]| Ok::<(), Damage>(());
        for n in [3, 2, 4] {
            let birth = Place {
                created: Moment::from_millis(7),
                ..place(n)
            };
            add(&mut youngest, std::iter::once(birth), nowhere).expect("blocks are sound");
        }
        let seqs: Vec<u64> = places(&youngest)
            .expect("it is sound")
            .iter()
            .map(|place| place.seq)
            .collect();
        assert_eq!(seqs, [3, 4, 5]);
    }

    #[test]
    fn a_damaged_block_is_refused_and_never_panics() {
        let mut block = Vec::new();
        put(&mut block, &(0..16).map(place).collect::<Vec<_>>());
        for cut in 1..block.len() - BLOCK_STEP {
            assert!(places(&block[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..block.len() {
            let mut damaged = block.clone();
            damaged[at] ^= 0xff;
            let _ = places(&damaged);
        }
        assert_eq!(places(&[17, 0]), Err(Damage::Range));
    }
}
