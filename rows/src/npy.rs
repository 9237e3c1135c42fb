//! Rows from `.npy`: numbers of any type, byte order and axis order.

use anyhow::{Context, Result, bail};
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr};

use super::numbers::Numbers;
use super::options::Options;
use super::table::Table;

/// How every `.npy` file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// numpy writes some hundred bytes.
const MAX_HEADER: usize = 1 << 16;
/// As many as numpy has.
const MAX_AXES: usize = 64;
/// Commas and opening brackets; records, which are refused by name, have four for each field. The crate's parser takes the square of time
/// for them.
const MAX_MARKS: usize = 2000;

/// Reads the rows along the first axis; further axes are flattened. A single axis is a single row.
pub fn read(bytes: &[u8], options: &Options) -> Result<Table> {
    let (header, data) = split(bytes)?;
    let columns_expected = options.expected.as_ref().map(|expected| expected.columns);
    let (rows, row_shape) = rows(&header, columns_expected)?;
    let dtype = dtype(&header, rows, &row_shape, data)?;
    let values = in_order(numbers(&dtype, data)?, &header, rows, &row_shape);
    Ok(Table { columns: row_shape.iter().product(), values })
}

/// Reads an array of any number of axes; bytes stay bytes.
pub fn read_array(bytes: &[u8]) -> Result<(Vec<usize>, Numbers)> {
    let (header, data) = split(bytes)?;
    let (rows, row_shape) = match header.shape() {
        [length] => (usize::try_from(*length)?, vec![]),
        _ => rows(&header, None)?,
    };
    let dtype = dtype(&header, rows, &row_shape, data)?;
    let values = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Uint, 1) => Numbers::Bytes(in_order(data.to_vec(), &header, rows, &row_shape)),
        _ => Numbers::Floats(in_order(numbers(&dtype, data)?, &header, rows, &row_shape)),
    };
    Ok(([&[rows], &row_shape[..]].concat(), values))
}

/// The type of the numbers, of which there are as many as the shape says.
fn dtype(header: &NpyHeader, rows: usize, row_shape: &[usize], data: &[u8]) -> Result<TypeStr> {
    let DType::Plain(dtype) = header.dtype() else { bail!("expected numbers, found a record type") };
    check_kind(&dtype)?;
    let values = rows.checked_mul(row_shape.iter().product());
    let expected = values.and_then(|values| values.checked_mul(usize::try_from(dtype.size_field()).ok()?));
    if expected != Some(data.len()) {
        let expected = expected.map_or("more".into(), |expected| expected.to_string());
        bail!("cut short, or longer than its header says: expected {expected} bytes of values, found {}", data.len());
    }
    Ok(dtype)
}

/// Fails for what is no number, and says what to make of it.
fn check_kind(dtype: &TypeStr) -> Result<()> {
    let (found, advice) = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::ByteStr | TypeChar::UnicodeStr, _) => ("texts", "save numbers, or a table of texts as CSV"),
        (TypeChar::DateTime | TypeChar::TimeDelta, _) => ("dates", "`astype(\"int64\")` makes numbers of them"),
        (TypeChar::Complex, _) => ("complex numbers", "save their parts, or `numpy.abs` of them"),
        (TypeChar::Float, 12 | 16) => {
            ("floats of more than 64 bits", "`astype(\"float64\")` makes common ones of them")
        }
        _ => return Ok(()),
    };
    bail!("expected floats, integers or truth values, found {found}; {advice}")
}

fn in_order<T: Copy>(values: Vec<T>, header: &NpyHeader, rows: usize, row_shape: &[usize]) -> Vec<T> {
    match header.order() {
        Order::C => values,
        Order::Fortran => row_by_row(&values, rows, row_shape),
    }
}

/// Where the rows of an array are in its file, and how they are read.
pub struct Layout {
    /// The byte at which they begin.
    pub start: u64,
    pub rows: usize,
    /// The further axes, and their product: the values in a row.
    pub row_shape: Vec<usize>,
    pub columns: usize,
    /// The bytes of a row.
    pub row_bytes: usize,
    dtype: TypeStr,
}

impl Layout {
    /// Reads how a file begins that holds rows along the first axis, one behind the other. Further axes are flattened; without any, a row
    /// is a number.
    pub fn read(start: &[u8]) -> Result<Self> {
        let (header, len) = header(start)?;
        let [rows, ref row @ ..] = header.shape()[..] else {
            bail!("expected rows along the first axis, found a single number");
        };
        let columns = row.iter().try_fold(1u64, |values, &length| values.checked_mul(length));
        let Some(columns) = columns else {
            bail!("expected rows that fit into memory, found shape {:?}", header.shape())
        };
        if columns == 0 {
            bail!("expected rows of one value or more, found shape {:?}", header.shape());
        }
        let DType::Plain(dtype) = header.dtype() else { bail!("expected numbers, found a record type") };
        check_kind(&dtype)?;
        if header.order() == Order::Fortran && columns > 1 {
            bail!(
                "its numbers stand column by column and cannot be read row by row; save it with `numpy.ascontiguousarray`"
            );
        }
        let row_bytes = columns.checked_mul(dtype.size_field()).and_then(|bytes| usize::try_from(bytes).ok());
        let Some(row_bytes) = row_bytes else { bail!("expected rows that fit into memory, found {columns} values") };
        let (rows, columns) = (usize::try_from(rows)?, usize::try_from(columns)?);
        Ok(Self {
            start: len as u64,
            row_shape: row.iter().map(|&length| length as usize).collect(),
            rows,
            columns,
            row_bytes,
            dtype,
        })
    }

    /// The numbers in the bytes of some rows.
    pub fn numbers(&self, data: &[u8]) -> Result<Vec<f32>> {
        numbers(&self.dtype, data)
    }
}

/// The shape of an array, and whether its numbers are unsigned bytes; nothing where its header cannot be read.
pub fn shape(bytes: &[u8]) -> Option<(Vec<u64>, bool)> {
    let (header, _) = header(bytes).ok()?;
    let is_byte = |dtype: &TypeStr| (dtype.type_char(), dtype.size_field()) == (TypeChar::Uint, 1);
    Some((header.shape().to_vec(), matches!(header.dtype(), DType::Plain(dtype) if is_byte(&dtype))))
}

fn split(bytes: &[u8]) -> Result<(NpyHeader, &[u8])> {
    let (header, len) = header(bytes)?;
    Ok((header, &bytes[len..]))
}

/// The header and its length. A header says its own length, which may be more than there is.
fn header(bytes: &[u8]) -> Result<(NpyHeader, usize)> {
    let len = match bytes.get(6..12) {
        Some(&[1, _, a, b, ..]) => 10 + usize::from(u16::from_le_bytes([a, b])),
        Some(&[2 | 3, _, a, b, c, d]) => 12 + u32::from_le_bytes([a, b, c, d]) as usize,
        Some(&[version, ..]) => bail!("expected version 1, 2 or 3 of the .npy format, found {version}"),
        _ => bail!("not a whole .npy file: it ends in its header"),
    };
    if len > bytes.len() {
        bail!("not a whole .npy file: its header should end at byte {len}, and the file has {}", bytes.len());
    }
    if len > MAX_HEADER {
        bail!("not a .npy file: expected a header of at most {MAX_HEADER} bytes, found {len}");
    }
    if bytes[..len].windows(4).any(|text| text == b"'|O'") {
        bail!(
            "expected numbers, found Python objects; convert the array with `astype(\"float32\")` before it is saved"
        );
    }
    let marks = bytes[..len].iter().filter(|byte| b",([{".contains(byte)).count();
    if marks > MAX_MARKS {
        bail!("not a .npy file of numbers: its header has {marks} commas and brackets; expected at most {MAX_MARKS}");
    }
    if let Some(shape) = shape_that_wraps(&bytes[..len]) {
        bail!("expected rows that fit into memory, found shape ({shape})");
    }
    let header = NpyHeader::from_reader(&bytes[..len]).context("not a .npy file: its header cannot be read")?;
    if header.shape().len() > MAX_AXES {
        bail!("expected at most {MAX_AXES} axes, found {}", header.shape().len());
    }
    Ok((header, len))
}

/// The shape in a header, where its product cannot be counted; the crate multiplies without a look.
fn shape_that_wraps(header: &[u8]) -> Option<String> {
    let header = String::from_utf8_lossy(header);
    let (_, behind) = header.split_once("shape")?;
    let (shape, _) = behind.split_once('(')?.1.split_once(')')?;
    let lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    let product =
        lengths.map(|length| length.parse().ok()).try_fold(1u64, |product, length| product.checked_mul(length?));
    product.is_none().then(|| bundle::printable(shape))
}

/// The number of rows and the shape of one.
fn rows(header: &NpyHeader, columns: Option<usize>) -> Result<(usize, Vec<usize>)> {
    let shape: Option<Vec<usize>> = header.shape().iter().map(|&length| usize::try_from(length).ok()).collect();
    let shape = shape.filter(|shape| shape.iter().try_fold(1usize, |values, &len| values.checked_mul(len)).is_some());
    let Some(shape) = shape else { bail!("expected rows that fit into memory, found shape {:?}", header.shape()) };
    match shape[..] {
        [] => bail!("expected rows along the first of two or more axes, found a single number"),
        [length] if columns.is_none_or(|columns| columns == length) => Ok((1, vec![length])),
        [length] => bail!("expected rows along the first of two or more axes, found one axis of {length} values"),
        [rows, ref row @ ..] => Ok((rows, row.to_vec())),
    }
}

/// The numbers in `data` as 32-bit floats.
fn numbers(dtype: &TypeStr, data: &[u8]) -> Result<Vec<f32>> {
    fn each<const N: usize>(data: &[u8], big: bool, number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (chunks, _) = data.as_chunks::<N>();
        let swap = |mut bytes: [u8; N]| {
            bytes.reverse();
            bytes
        };
        chunks.iter().map(|&bytes| number(if big { swap(bytes) } else { bytes })).collect()
    }
    let big = dtype.endianness() == Endianness::Big;
    Ok(match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Float, 2) => each(data, big, |bytes| half(u16::from_le_bytes(bytes))),
        (TypeChar::Float, 4) => each(data, big, f32::from_le_bytes),
        (TypeChar::Float, 8) => each(data, big, |bytes| f64::from_le_bytes(bytes) as f32),
        (TypeChar::Uint, 1) => each(data, big, |[byte]: [u8; 1]| f32::from(byte)),
        (TypeChar::Int, 1) => each(data, big, |[byte]: [u8; 1]| f32::from(byte as i8)),
        (TypeChar::Uint, 2) => each(data, big, |bytes| f32::from(u16::from_le_bytes(bytes))),
        (TypeChar::Int, 2) => each(data, big, |bytes| f32::from(i16::from_le_bytes(bytes))),
        (TypeChar::Uint, 4) => each(data, big, |bytes| u32::from_le_bytes(bytes) as f32),
        (TypeChar::Int, 4) => each(data, big, |bytes| i32::from_le_bytes(bytes) as f32),
        (TypeChar::Uint, 8) => each(data, big, |bytes| u64::from_le_bytes(bytes) as f32),
        (TypeChar::Int, 8) => each(data, big, |bytes| i64::from_le_bytes(bytes) as f32),
        (TypeChar::Bool, 1) => each(data, big, |[byte]: [u8; 1]| f32::from(u8::from(byte != 0))),
        _ => bail!("expected floats, integers or truth values, found {dtype}"),
    })
}

/// A 16-bit float of IEEE 754 as one of 32 bits.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1. } else { 1. };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        0x1f if fraction == 0. => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024. + fraction) * 2f32.powi(exponent - 25),
    }
}

/// Values in Fortran's order, where the first axis is the fastest, as rows one after the other.
fn row_by_row<T: Copy>(values: &[T], rows: usize, row_shape: &[usize]) -> Vec<T> {
    let columns: usize = row_shape.iter().product();
    let places: Vec<usize> = (0..columns)
        .map(|column| {
            let (mut rest, mut place, mut inner) = (column, 0, columns);
            let mut stride = rows;
            for &length in row_shape {
                inner /= length;
                place += rest / inner * stride;
                rest %= inner;
                stride *= length;
            }
            place
        })
        .collect();
    (0..rows).flat_map(|row| places.iter().map(move |place| values[place + row])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1 with this description and data.
    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let len = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &len, header.as_bytes(), data].concat()
    }

    fn values(descr: &str, data: &[u8]) -> Vec<f32> {
        let (size, _) = (descr[2..].parse::<usize>().unwrap(), ());
        let shape = format!("(1, {})", data.len() / size);
        read(&file(descr, false, &shape, data), &Options::default()).unwrap().values
    }

    #[test]
    fn numbers_of_every_type_and_byte_order_are_read() {
        assert_eq!(values("<f4", &[1.5f32.to_le_bytes(), (-2f32).to_le_bytes()].concat()), [1.5, -2.]);
        assert_eq!(values(">f4", &1.5f32.to_be_bytes()), [1.5]);
        assert_eq!(values("<f8", &0.1f64.to_le_bytes()), [0.1]);
        assert_eq!(values(">f8", &0.1f64.to_be_bytes()), [0.1]);
        // 1, -2, the largest, the smallest above zero.
        assert_eq!(values("<f2", &[0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0]), [1., -2., 65504., 2f32.powi(-24)]);
        assert_eq!(values(">f2", &[0x3c, 0]), [1.]);
        assert_eq!(values("|u1", &[0, 255]), [0., 255.]);
        assert_eq!(values("|i1", &[1, 255]), [1., -1.]);
        assert_eq!(values("<u2", &[1, 2]), [513.]);
        assert_eq!(values(">i2", &[255, 254]), [-2.]);
        assert_eq!(values("<i4", &(-7i32).to_le_bytes()), [-7.]);
        assert_eq!(values("<u4", &7u32.to_le_bytes()), [7.]);
        assert_eq!(values("<i8", &(-7i64).to_le_bytes()), [-7.]);
        assert_eq!(values(">u8", &7u64.to_be_bytes()), [7.]);
        assert_eq!(values("|b1", &[0, 1]), [0., 1.]);
    }

    #[test]
    fn halves_that_are_no_numbers_stay_none() {
        assert_eq!(half(0x7c00), f32::INFINITY);
        assert_eq!(half(0xfc00), f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn fortran_order_gives_the_same_rows() {
        // numpy.arange(12).reshape(2, 2, 3), saved in both orders.
        let fortran = [0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11];
        let table = read(&file("|u1", true, "(2, 2, 3)", &fortran), &Options::default()).unwrap();
        assert_eq!(table, Table { columns: 6, values: (0..12).map(|value| value as f32).collect() });
    }

    #[test]
    fn a_header_that_claims_too_much_is_refused() {
        let error = |bytes: &[u8]| read(bytes, &Options::default()).unwrap_err().to_string();
        let long = [MAGIC, &[2, 0, 255, 255, 255, 255], b"{'descr'"].concat();
        assert!(error(&long).contains("its header should end at byte 4294967307"), "{}", error(&long));
        let huge = file("<f4", false, "(4294967296, 4294967296)", &[]);
        assert!(error(&huge).contains("expected rows that fit into memory"), "{}", error(&huge));
        let short = file("<f4", false, "(1000000000, 64)", &[0; 8]);
        assert!(error(&short).contains("expected 256000000000 bytes of values, found 8"), "{}", error(&short));
        assert!(error(MAGIC).contains("ends in its header"));
        assert!(error(&file("<f4", false, "(2, ", &[])).contains("its header cannot be read"));
    }

    #[test]
    fn what_is_no_array_of_numbers_is_named() {
        let error = |bytes: &[u8]| read(bytes, &Options::default()).unwrap_err().to_string();
        assert!(error(&file("|O", false, "(1, 1)", &[0; 8])).contains("Python objects"));
        assert!(error(&file("<c8", false, "(1, 1)", &[0; 8])).contains("found complex numbers"));
        assert!(error(&file("<f4", false, "()", &[0; 4])).contains("a single number"));
    }
}
