//! Bytes of a packed value: numbers in seven-bit groups, the low ones first, and bounded reading that never panics.

use delivery::Moment;

/// Why a packed value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    /// It ends too early.
    #[error("it is cut short")]
    Short,
    /// A number has more than 64 bits, or does not fit where it stands.
    #[error("a number is out of range")]
    Range,
    /// A code that this version does not know.
    #[error("code {0} is not known")]
    Code(u8),
    /// Written by a version that this one does not know.
    #[error("version {0} is not known")]
    Version(u8),
    /// Something follows its end.
    #[error("something follows its end")]
    Long,
}

/// Appends a number, one to ten bytes.
pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends a moment as its distance from `base`, in either direction.
pub(super) fn put_moment(out: &mut Vec<u8>, at: Moment, base: Moment) {
    let distance = at.as_millis().wrapping_sub(base.as_millis()).cast_signed();
    // The sign goes to the lowest bit, so that small distances stay short.
    put_number(out, ((distance << 1) ^ (distance >> 63)).cast_unsigned());
}

/// Appends bytes with their length.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// Reads a packed value from its front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) const fn new(packed: &'a [u8]) -> Self {
        Self(packed)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.0.split_first().ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(Damage::Range);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage::Range)
    }

    /// A number that fits a narrower type.
    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Damage> {
        T::try_from(self.number()?).map_err(|_| Damage::Range)
    }

    pub(super) fn moment(&mut self, base: Moment) -> Result<Moment, Damage> {
        let folded = self.number()?;
        let distance = (folded >> 1) ^ (folded & 1).wrapping_neg();
        Ok(Moment::from_millis(base.as_millis().wrapping_add(distance)))
    }

    /// Bytes with their length before them.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.narrow::<usize>()?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// As many bytes as the array has.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Damage::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.0.len()
    }

    /// Nothing may follow but padding.
    pub(super) fn end(self) -> Result<(), Damage> {
        if self.0.iter().all(|byte| *byte == 0) {
            Ok(())
        } else {
            Err(Damage::Long)
        }
    }
}

/// Fills up with zeros to a multiple of `step`.
///
/// A row that keeps its length is overwritten in place; one that grows makes SQLite move its neighbours.
pub(super) fn pad(out: &mut Vec<u8>, step: usize) {
    out.resize(out.len().next_multiple_of(step), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_come_back() {
        let mut values = vec![0, 1, u64::MAX];
        for bits in 1..64 {
            values.extend([(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        }
        for value in values {
            let mut packed = Vec::new();
            put_number(&mut packed, value);
            let mut read = Bytes::new(&packed);
            assert_eq!(read.number(), Ok(value));
            assert_eq!(read.left(), 0);
        }
    }

    #[test]
    fn moments_before_and_after_the_base_come_back() {
        let ends = [0, 1, 1_795_000_000_000, u64::MAX - 1, u64::MAX];
        for base in ends {
            for at in ends {
                let mut packed = Vec::new();
                put_moment(
                    &mut packed,
                    Moment::from_millis(at),
                    Moment::from_millis(base),
                );
                let read = Bytes::new(&packed).moment(Moment::from_millis(base));
                assert_eq!(read, Ok(Moment::from_millis(at)));
            }
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert_eq!(Bytes::new(&[0xff; 10]).number(), Err(Damage::Range));
        let eleven = [
            0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01,
        ];
        assert_eq!(Bytes::new(&eleven).number(), Err(Damage::Range));
        assert_eq!(Bytes::new(&[0x80]).number(), Err(Damage::Short));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Bytes::new(&[3, 1, 2]).bytes(), Err(Damage::Short));
        let mut huge = Vec::new();
        put_number(&mut huge, u64::MAX);
        assert!(Bytes::new(&huge).bytes().is_err());
    }
}
