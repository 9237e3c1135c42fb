//! A decimal number at a place of a text, read in one pass and rounded as [`str::parse`] rounds it.

/// The powers of ten from the -22nd to the 22nd, each rounded at most once.
const POWERS: [f64; 45] = [
    1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6,
    1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// The powers of ten by which a number moves up for digits behind it.
const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// The most digits that a `u64` always holds.
const MAX_DIGITS: usize = 19;
/// The bits of an `f64` that an `f32` has no room for, and halfway between two `f32`.
const REST: u64 = (1 << 29) - 1;
const HALF: u64 = 1 << 28;

/// The number that begins at `start`, and where it ends; none where the quick way could round another way than [`str::parse`],
/// or where there is no number.
///
/// Its digits as a whole number, times a power of ten: three roundings of an `f64`, so that the nearest `f32` is the right
/// one unless the product lies beside the middle of two.
#[inline]
pub(crate) fn decimal(text: &[u8], start: usize) -> Option<(f32, usize)> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(b'\n');
    let is_negative = byte(start) == b'-';
    let mut at = start + usize::from(is_negative || byte(start) == b'+');
    let Digits { whole, count, places, len } = digits_at(text, at);
    at += len;
    if count == 0 || count > MAX_DIGITS {
        return None;
    }
    let mut exponent = -(places as i32);
    if byte(at) | 0x20 == b'e' {
        let (power, end) = power(text, at + 1)?;
        exponent += power;
        at = end;
    }
    // A conversion from `u64` takes twice as long.
    let number = i64::try_from(whole).ok()? as f64 * POWERS.get(usize::try_from(exponent + 22).ok()?)?;
    let is_safe = (number.to_bits() & REST).abs_diff(HALF) > 8
        && (number >= f64::from(f32::MIN_POSITIVE) && number <= f64::from(f32::MAX) || whole == 0);
    let sign = u32::from(is_negative) << 31;
    is_safe.then_some((f32::from_bits((number as f32).to_bits() | sign), at))
}

/// The digits of a number, with a point among them or without.
struct Digits {
    /// All of them as a whole number, if they are at most [`MAX_DIGITS`].
    whole: u64,
    count: usize,
    /// How many of them stand behind the point.
    places: usize,
    /// The bytes that they take, with the point.
    len: usize,
}

#[inline]
fn digits_at(text: &[u8], start: usize) -> Digits {
    let Some(&bytes) = text.get(start..).and_then(|rest| rest.first_chunk()) else {
        return digits_in_parts(text, start, digits(text, start, 0));
    };
    let word = u64::from_le_bytes(bytes);
    let (values, others) = values_and_others(word);
    if others == 0 {
        return digits_in_parts(text, start, digits(text, start, 0));
    }
    let end = others.trailing_zeros() & !7;
    let before = (1 << end) - 1;
    let count = end as usize / 8;
    if (word >> end) as u8 != b'.' {
        return Digits { whole: eight(values, count), count, places: 0, len: count };
    }
    // Most numbers end within eight bytes: one load tells where, and nothing waits for where their point is.
    let behind = others & (others - 1);
    if behind == 0 {
        return digits_in_parts(text, start, (eight(values, count), count));
    }
    // The point is taken out: what stands behind it moves one place down.
    let joined = (values & before) | (values >> 8 & !before);
    let len = behind.trailing_zeros() as usize / 8;
    Digits { whole: eight(joined, len - 1), count: len - 1, places: len - 1 - count, len }
}

/// The digits that begin at `start`, of which the number before a point and how many digits it has are known.
#[inline]
fn digits_in_parts(text: &[u8], start: usize, (whole, count): (u64, usize)) -> Digits {
    if text.get(start + count) != Some(&b'.') {
        return Digits { whole, count, places: 0, len: count };
    }
    let (whole, places) = digits(text, start + count + 1, whole);
    Digits { whole, count: count + places, places, len: count + 1 + places }
}

/// The values of eight digits, and the highest bit of each byte that is none.
#[inline]
fn values_and_others(word: u64) -> (u64, u64) {
    const EVERY: u64 = 0x0101_0101_0101_0101;
    let values = word ^ (EVERY * u64::from(b'0'));
    // A byte above 9 has a highest bit; a carry only reaches the bytes behind one that is no ASCII.
    (values, (values.wrapping_add(EVERY * (0x80 - 10)) | values) & (EVERY * 0x80))
}

/// The digits that begin at `start`, as they follow those of the number `before`, and how many there are.
#[inline]
fn digits(text: &[u8], start: usize, before: u64) -> (u64, usize) {
    let (mut whole, mut at) = (before, start);
    while let Some(&bytes) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let (values, others) = values_and_others(u64::from_le_bytes(bytes));
        let count = others.trailing_zeros() as usize / 8;
        whole = whole.wrapping_mul(TENS[count]).wrapping_add(eight(values, count));
        at += count;
        if count < 8 {
            return (whole, at - start);
        }
    }
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        whole = whole.wrapping_mul(10).wrapping_add(digit.into());
        at += 1;
    }
    (whole, at - start)
}

/// The first `count` of eight digits as a number: pairs, then fours, then all of them.
#[inline]
fn eight(digits: u64, count: usize) -> u64 {
    // As if zeros stood before them.
    let digits = digits.checked_shl(64 - 8 * count as u32).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100).wrapping_add(pairs >> 16 & 0x00ff_00ff_00ff_00ff);
    (fours & 0x0000_ffff).wrapping_mul(10_000) + (fours >> 32 & 0xffff)
}

/// The power of ten behind an `e`, of one to three digits, and where it ends.
fn power(text: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = *text.get(start)?;
    let first = start + usize::from(sign == b'-' || sign == b'+');
    let (power, count) = digits(text, first, 0);
    let power = if sign == b'-' { -(power as i32) } else { power as i32 };
    (1..=3).contains(&count).then_some((power, first + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let check = |text: &str| match decimal(text.as_bytes(), 0) {
            Some((number, end)) => {
                let expected: f32 = text.parse().unwrap_or_else(|_| panic!("{text}"));
                assert_eq!((number.to_bits(), end), (expected.to_bits(), text.len()), "{text}");
                1
            }
            None => 0,
        };
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 11
        };
        let mut quick = 0;
        for _ in 0..200_000 {
            let number = f32::from_bits(random() as u32);
            let small = random() as f64 / (1u64 << 53) as f64 * 1000.;
            // Halfway between two `f32`, and beside it.
            let half = f64::from_bits(f64::from(small as f32).to_bits() + HALF + random() % 3 - 1);
            for text in [format!("{number:e}"), format!("{small}"), format!("-{small:.4}"), format!("{half:.17}")] {
                quick += if number.is_finite() || !text.contains("n") { check(&text) } else { 0 };
            }
        }
        assert!(quick > 400_000, "{quick}");
    }

    #[test]
    fn what_is_no_number_is_none_and_what_follows_is_left() {
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "nan", "inf", "x", "12345678901234567890", "1e40", "1e-40", "1e1000"]
        {
            assert_eq!(decimal(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(decimal(b"7,-2.5e1;", 2), Some((-25., 8)));
        assert_eq!(decimal(b"1.", 0), Some((1., 2)));
        assert_eq!(decimal(b".5", 0), Some((0.5, 2)));
        assert_eq!(decimal(b"+3", 0), Some((3., 2)));
        assert_eq!(decimal(b"0.000", 0), Some((0., 5)));
        assert!(decimal(b"-0", 0).unwrap().0.is_sign_negative());
    }
}
