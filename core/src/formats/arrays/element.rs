//! The types of numbers that arrays of patches are made of.

use half::{bf16, f16};

/// How the numbers of an array are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    Bool,
}

impl Element {
    /// Bytes of one number.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::F16 | Self::Bf16 | Self::U16 | Self::I16 => 2,
            Self::F32 | Self::U32 | Self::I32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
        }
    }

    /// Reads NumPy's type string without its byte order: `f4`, `u1`, `b1`. The error says what
    /// the type is.
    pub(crate) fn from_numpy(code: &str) -> Result<Self, String> {
        Ok(match code {
            "f2" | "float16" => Self::F16,
            "f4" | "float32" => Self::F32,
            "f8" | "float64" => Self::F64,
            "u1" | "uint8" => Self::U8,
            "i1" | "int8" => Self::I8,
            "u2" | "uint16" => Self::U16,
            "i2" | "int16" => Self::I16,
            "u4" | "uint32" => Self::U32,
            "i4" | "int32" => Self::I32,
            "u8" | "uint64" => Self::U64,
            "i8" | "int64" => Self::I64,
            "b1" | "?" | "bool" => Self::Bool,
            other => {
                let kind = match other.as_bytes().first() {
                    Some(b'c') => "complex numbers",
                    Some(b'O') => "Python objects",
                    Some(b'U' | b'S') => "text",
                    Some(b'V') => "structures",
                    Some(b'M' | b'm') => "dates",
                    _ => "values of a type that is not read",
                };
                return Err(format!("holds {kind} (dtype {other:?})"));
            }
        })
    }

    /// Decodes numbers that lie `step` bytes apart; false when `bytes` ends before `out` is full.
    pub(super) fn decode(self, big_endian: bool, bytes: &[u8], step: usize, out: &mut [f32]) -> bool {
        match self {
            Self::F16 => fill(big_endian, bytes, step, out, |raw| f16::from_le_bytes(raw).to_f32()),
            Self::Bf16 => fill(big_endian, bytes, step, out, |raw| bf16::from_le_bytes(raw).to_f32()),
            Self::F32 => fill(big_endian, bytes, step, out, f32::from_le_bytes),
            Self::F64 => fill(big_endian, bytes, step, out, |raw| f64::from_le_bytes(raw) as f32),
            Self::U8 => fill(big_endian, bytes, step, out, |raw| f32::from(u8::from_le_bytes(raw))),
            Self::I8 => fill(big_endian, bytes, step, out, |raw| f32::from(i8::from_le_bytes(raw))),
            Self::U16 => fill(big_endian, bytes, step, out, |raw| f32::from(u16::from_le_bytes(raw))),
            Self::I16 => fill(big_endian, bytes, step, out, |raw| f32::from(i16::from_le_bytes(raw))),
            Self::U32 => fill(big_endian, bytes, step, out, |raw| u32::from_le_bytes(raw) as f32),
            Self::I32 => fill(big_endian, bytes, step, out, |raw| i32::from_le_bytes(raw) as f32),
            Self::U64 => fill(big_endian, bytes, step, out, |raw| u64::from_le_bytes(raw) as f32),
            Self::I64 => fill(big_endian, bytes, step, out, |raw| i64::from_le_bytes(raw) as f32),
            Self::Bool => fill(big_endian, bytes, step, out, |raw: [u8; 1]| f32::from(u8::from(raw != [0]))),
        }
    }

    /// One number in double precision; `None` when `bytes` is too short.
    pub(crate) fn value(self, big_endian: bool, bytes: &[u8]) -> Option<f64> {
        let mut raw = [0; 8];
        let own = bytes.get(..self.bytes())?;
        raw.get_mut(..own.len())?.copy_from_slice(own);
        if big_endian {
            raw.get_mut(..own.len())?.reverse();
        }
        Some(match self {
            Self::F64 => f64::from_le_bytes(raw),
            Self::U32 => f64::from(u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])),
            Self::I32 => f64::from(i32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])),
            Self::U64 => u64::from_le_bytes(raw) as f64,
            Self::I64 => i64::from_le_bytes(raw) as f64,
            // All others are exact in single precision.
            _ => {
                let mut out = [0.0];
                self.decode(false, &raw, 8, &mut out).then_some(())?;
                f64::from(out[0])
            }
        })
    }
}

fn fill<const N: usize>(
    big_endian: bool,
    bytes: &[u8],
    step: usize,
    out: &mut [f32],
    value: impl Fn([u8; N]) -> f32,
) -> bool {
    let mut rest = bytes;
    let count = out.len();
    for (index, pixel) in out.iter_mut().enumerate() {
        let Some(raw) = rest.first_chunk::<N>() else { return false };
        let mut raw = *raw;
        if big_endian {
            raw.reverse();
        }
        *pixel = value(raw);
        if index + 1 < count {
            let Some(next) = rest.get(step..) else { return false };
            rest = next;
        }
    }
    true
}
