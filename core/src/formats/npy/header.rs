//! The header of an `.npy` array: a Python dict with type, order and shape, written as text.
//!
//! We read this line ourselves: the crate `npyz` multiplies the shape without a check for overflow and
//! parses nested brackets by recursion, so a hostile file can crash the program.

use crate::formats::arrays::{Bytes, describe_start, show_shape};

/// Longest header that is read, bytes; NumPy's own limit for untrusted files is 10 000.
const MAX_HEADER: u64 = 1 << 16;

/// What a header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// Type without byte order: `f4`, `U28`.
    pub(super) code: String,
    pub(super) big_endian: bool,
    /// First index fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Byte at which the data begins.
    pub(super) data: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`. The error is a predicate: "is no NumPy array, …".
    pub(super) fn read(bytes: &Bytes) -> Result<Self, String> {
        let mut buffer = Vec::new();
        let get = |at: u64, count: u64, buffer: &mut Vec<u8>| {
            let count = count.min(bytes.len().saturating_sub(at));
            let count = usize::try_from(count).map_err(|error| error.to_string())?;
            bytes.read(at, count, buffer).map_err(|error| format!("cannot be read ({error})"))
        };
        get(0, 12, &mut buffer)?;
        if !buffer.starts_with(b"\x93NUMPY") {
            return Err(format!("is no NumPy array, {}", describe_start(&buffer)));
        }
        let (len, start) = match buffer.get(6..) {
            Some(&[1, _, a, b, ..]) => (u64::from(u16::from_le_bytes([a, b])), 10),
            Some(&[2 | 3, _, a, b, c, d]) => (u64::from(u32::from_le_bytes([a, b, c, d])), 12),
            Some(&[version, minor, ..]) => {
                return Err(format!("has the unknown NumPy format version {version}.{minor}"));
            }
            _ => return Err("breaks off within its header".into()),
        };
        if len > MAX_HEADER {
            return Err(format!("claims a header of {len} bytes"));
        }
        get(start, len, &mut buffer)?;
        if (buffer.len() as u64) < len {
            return Err("breaks off within its header".into());
        }
        let text = String::from_utf8_lossy(&buffer).into_owned();
        let mut header = parse(&text)?;
        header.data = start + len;
        Ok(header)
    }

    /// The type and shape as people write them.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.code, show_shape(&self.shape))
    }
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 64, 64), }`.
fn parse(text: &str) -> Result<Header, String> {
    let unclear = |what: &str| format!("has a header whose {what} cannot be understood");
    let after = |key: &str| -> Result<&str, String> {
        let at = [format!("'{key}'"), format!("\"{key}\"")]
            .iter()
            .find_map(|key| Some(text.find(key)? + key.len()));
        let rest = at.and_then(|at| text.get(at..)).ok_or_else(|| unclear(key))?;
        rest.trim_start().strip_prefix(':').map(str::trim_start).ok_or_else(|| unclear(key))
    };
    let descr = after("descr")?;
    if descr.starts_with('[') {
        return Err("is a structured array (several named columns), not an array of numbers".into());
    }
    let quote =
        descr.chars().next().filter(|quote| matches!(quote, '\'' | '"')).ok_or_else(|| unclear("descr"))?;
    let code = descr.get(1..).and_then(|rest| rest.split_once(quote)).ok_or_else(|| unclear("descr"))?.0;
    let big_endian = code.starts_with('>');
    let code = code.trim_start_matches(['<', '>', '|', '=']).to_owned();
    let order = after("fortran_order")?;
    let fortran = if order.starts_with("True") {
        true
    } else if order.starts_with("False") {
        false
    } else {
        return Err(unclear("fortran_order"));
    };
    let shape = after("shape")?;
    let shape =
        shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(|| unclear("shape"))?.0;
    let sides = shape.split(',').map(str::trim).filter(|side| !side.is_empty());
    // Python 2 wrote long integers as 64L.
    let sides = sides.map(|side| side.trim_end_matches('L').parse::<usize>());
    let shape = sides.collect::<Result<Vec<_>, _>>().map_err(|_| unclear("shape"))?;
    if shape.len() > 32 {
        return Err(unclear("shape"));
    }
    Ok(Header { code, big_endian, fortran, shape, data: 0 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_what_numpy_writes() {
        let header =
            parse("{'descr': '<f2', 'fortran_order': False, 'shape': (343, 64, 64), }   \n").unwrap();
        assert_eq!((header.code.as_str(), header.big_endian, header.fortran), ("f2", false, false));
        assert_eq!(header.shape, [343, 64, 64]);
        let header = parse("{'descr': '>U28', 'fortran_order': True, 'shape': (3,), }").unwrap();
        assert_eq!((header.code.as_str(), header.big_endian, header.fortran), ("U28", true, true));
        assert!(parse("{'descr': '<f8', 'fortran_order': False, 'shape': (), }").unwrap().shape.is_empty());
    }

    #[test]
    fn refuses_what_is_no_array_of_numbers() {
        let refusal = |text| parse(text).unwrap_err();
        assert!(
            refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }")
                .contains("structured")
        );
        assert!(
            refusal("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3,), }").contains("fortran_order")
        );
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }").contains("shape"));
        assert!(
            refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }")
                .contains("shape")
        );
        assert!(refusal("{'fortran_order': False, 'shape': (3,), }").contains("descr"));
    }
}
