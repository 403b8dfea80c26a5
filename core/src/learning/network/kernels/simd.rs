//! Vectors of f32 as wide as the processor has them, chosen when the program runs.

use std::sync::OnceLock;

/// What the kernels are compiled for. Each is correct everywhere it is chosen; they differ in speed
/// and in the order of roundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Whatever the compiler makes of plain Rust for the target's baseline.
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F besides AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The best this processor can do.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::Portable))
    }

    /// All that this processor can do, the slowest first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                    found.push(Self::Avx512);
                }
            }
        }
        found
    }
}

/// Compiles a function over plain slices for the baseline and for AVX2; the compiler finds the vectors.
/// `run!` calls the one that fits.
macro_rules! compiled {
    ($name:ident, $avx2:ident, ($($arg:ident : $type:ty),*) $body:block) => {
        #[inline(always)]
        fn $name($($arg: $type),*) $body
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn $avx2($($arg: $type),*) {
            $name($($arg),*)
        }
    };
}

/// Calls what `compiled!` made, for an [`Isa`].
macro_rules! run {
    ($isa:expr, $name:ident, $avx2:ident, ($($arg:expr),*)) => {
        match $isa {
            Isa::Portable => $name($($arg),*),
            // SAFETY: `Isa` is only made of what the processor has.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { $avx2($($arg),*) },
        }
    };
}

pub(super) use {compiled, run};

/// One vector register of f32.
///
/// # Safety
/// Methods may only be called on a processor that has the instructions, and pointers must be good
/// for [`Simd::LANES`] values.
pub unsafe trait Simd: Copy {
    /// Values in a register.
    const LANES: usize;
    /// All lanes zero.
    unsafe fn zero() -> Self;
    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self;
    /// Unaligned load.
    unsafe fn load(from: *const f32) -> Self;
    /// Unaligned store.
    unsafe fn store(self, to: *mut f32);
    /// self + a·b.
    unsafe fn fma(self, a: Self, b: Self) -> Self;
}

/// Eight lanes that the compiler maps on what the target has.
#[derive(Clone, Copy)]
pub struct Lanes8([f32; 8]);

// SAFETY: plain Rust; loads and stores are unaligned copies of eight values.
unsafe impl Simd for Lanes8 {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 8])
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller gives a pointer good for eight values.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller gives a pointer good for eight values.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn fma(mut self, a: Self, b: Self) -> Self {
        for i in 0..8 {
            // Without a fused instruction `mul_add` is a call into the C library.
            self.0[i] = if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                a.0[i].mul_add(b.0[i], self.0[i])
            } else {
                self.0[i] + a.0[i] * b.0[i]
            };
        }
        self
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512, Avx512And256};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// Eight lanes.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    // SAFETY: the intrinsics are what the names say; loads and stores are the unaligned ones.
    unsafe impl Simd for Avx2 {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm256_setzero_ps() })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
    }

    /// Sixteen lanes.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY: the intrinsics are what the names say; loads and stores are the unaligned ones.
    unsafe impl Simd for Avx512 {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm512_setzero_ps() })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm512_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
    }

    /// Sixteen lanes and eight more, for 24 channels.
    #[derive(Clone, Copy)]
    pub struct Avx512And256(__m512, __m256);

    // SAFETY: the intrinsics are what the names say; loads and stores are the unaligned ones.
    unsafe impl Simd for Avx512And256 {
        const LANES: usize = 24;
        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            unsafe { Self(_mm512_setzero_ps(), _mm256_setzero_ps()) }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            unsafe { Self(_mm512_set1_ps(x), _mm256_set1_ps(x)) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            unsafe { Self(_mm512_loadu_ps(from), _mm256_loadu_ps(from.add(16))) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the processor has the instruction, and the pointer is good for the lanes, as the caller promises.
            unsafe {
                _mm512_storeu_ps(to, self.0);
                _mm256_storeu_ps(to.add(16), self.1);
            }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: the processor has the instruction, as the caller promises.
            unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }
    }
}
