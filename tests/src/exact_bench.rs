//! A device with the kernels of the `exact` profile or of training, for the tests that hold each to its twin.

use crate::gpu::adapter;
use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_gpu::GpuError;
use sphere_pow_gpu::context::Gpu;
use sphere_pow_gpu::device::MatrixUnits;
use sphere_pow_gpu::exact::kernels::Kernels;
use sphere_pow_gpu::exact::kernels::linear::Operand;
use sphere_pow_gpu::exact::self_test::compare;
use sphere_pow_gpu::recorder::{self, Recorder};
use sphere_pow_gpu::train;
use std::sync::OnceLock;

/// A device with kernels on it, by default every one of the `exact` profile.
pub struct Bench<K = Kernels> {
    /// The device.
    pub gpu: Gpu,
    /// The kernels.
    pub kernels: K,
}

/// Runs `test` with and without wgpu's bounds checks, for products of int8 and of f16.
///
/// # Panics
/// When the device or the kernels cannot be had.
pub fn on_every_bench(test: impl Fn(&Bench)) {
    for checked in [true, false] {
        test(Bench::shared(checked));
    }
    test(Bench::for_matrix_units());
}

impl Bench {
    /// The bench with or without bounds checks that all tests of a binary share: they write to no buffer but their own.
    ///
    /// # Panics
    /// When the device or the kernels cannot be had.
    pub fn shared(checked: bool) -> &'static Self {
        static BENCHES: [OnceLock<Bench>; 2] = [const { OnceLock::new() }; 2];
        BENCHES[usize::from(checked)].get_or_init(|| Self::open(Operand::Int8, checked))
    }

    /// One whose kernels write what matrix units read, with bounds checks, which all tests share; any device runs it.
    ///
    /// # Panics
    /// When the device or the kernels cannot be had.
    pub fn for_matrix_units() -> &'static Self {
        static BENCH: OnceLock<Bench> = OnceLock::new();
        BENCH.get_or_init(|| Self::open(Operand::F16, true))
    }

    fn open(operand: Operand, checked: bool) -> Self {
        let info = adapter();
        let gpu = block_on(Gpu::open(&info, MatrixUnits::features_of(&info))).expect("a usable device");
        let kernels = block_on(Kernels::new(&gpu, operand, checked)).expect("kernels");
        Self { gpu, kernels }
    }

    /// A buffer for `n` operands of products that a kernel must all write.
    #[must_use]
    pub fn unwritten_operands(&self, n: usize) -> wgpu::Buffer {
        self.unwritten::<u8>(n * self.kernels.operand().bytes())
    }

    /// The first `n` operands of a buffer.
    ///
    /// # Panics
    /// When the device fails, or one is no integer.
    #[must_use]
    pub fn operands(&self, buffer: &wgpu::Buffer, n: usize) -> Vec<i32> {
        match self.kernels.operand() {
            Operand::Int8 => self.download::<i8>(buffer, n),
            Operand::F16 => {
                let bits = self.download::<u16>(buffer, n).into_iter();
                let values = bits.map(|bits| f16::from_bits(u16::try_from(bits).expect("16 bits")).to_f32());
                values.map(integer).collect()
            }
        }
    }
}

/// A value that must be an integer.
fn integer(value: f32) -> i32 {
    assert!(value.fract() == 0.0, "{value} is no integer");
    #[expect(clippy::cast_possible_truncation, reason = "an f16 that is an integer")]
    {
        value as i32
    }
}

impl Bench<train::kernels::Kernels> {
    /// Runs `test` with and without wgpu's bounds checks, each with another way to multiply.
    ///
    /// # Panics
    /// When the device or the kernels cannot be had.
    pub fn on_each(test: impl Fn(&Self)) {
        static BENCHES: [OnceLock<Bench<train::kernels::Kernels>>; 2] = [const { OnceLock::new() }; 2];
        for (ix, method) in train::Method::ALL.into_iter().enumerate() {
            test(BENCHES[ix].get_or_init(|| {
                let gpu = block_on(Gpu::open(&adapter(), wgpu::Features::empty())).expect("a usable device");
                let kernels = block_on(train::kernels::Kernels::new(&gpu, method, ix == 0)).expect("kernels");
                Self { gpu, kernels }
            }));
        }
    }
}

impl<K> Bench<K> {
    /// A buffer of these values, and then words that show where a kernel reads or writes too far.
    #[must_use]
    pub fn upload<T: bytemuck::Pod>(&self, values: &[T]) -> wgpu::Buffer {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(4), 0x5a);
        let buffer = self.gpu.buffer("test", padded.len() as u64);
        self.gpu.write(&buffer, 0, &padded);
        buffer
    }

    /// A buffer for `n` values that a kernel must all write.
    #[must_use]
    pub fn unwritten<T: bytemuck::Pod>(&self, n: usize) -> wgpu::Buffer {
        self.upload(&vec![0x5a_u8; n * size_of::<T>()])
    }

    /// Records and runs.
    ///
    /// # Panics
    /// When the device fails.
    pub fn run(&self, record: impl FnOnce(&mut Recorder<'_>) -> Result<(), GpuError>) {
        block_on(recorder::run(&self.gpu, record)).expect("a run");
    }

    /// The first `n` values of a buffer.
    ///
    /// # Panics
    /// When the device fails.
    #[must_use]
    pub fn download<T: bytemuck::Pod + Into<i32>>(&self, buffer: &wgpu::Buffer, n: usize) -> Vec<i32> {
        let bytes = (n * size_of::<T>()).next_multiple_of(4) as u64;
        let values: Vec<T> =
            bytemuck::pod_collect_to_vec(&block_on(self.gpu.read(buffer, bytes)).expect("bytes"));
        values[..n].iter().map(|value| (*value).into()).collect()
    }
}

/// Equality, and that planted faults are seen: the first, a middle and the last value off by one, the last missing.
///
/// # Panics
/// When a value differs, or a planted fault goes unseen.
pub fn same(what: &str, got: &[i32], want: &[i32]) {
    compare(what, got, want).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    assert!(!want.is_empty(), "{what} compares nothing");
    for at in [0, want.len() / 2, want.len() - 1] {
        let mut faulty = got.to_vec();
        faulty[at] ^= 1;
        assert!(compare(what, &faulty, want).is_err(), "{what}: a planted fault at {at} went unseen");
    }
    assert!(compare(what, &got[..got.len() - 1], want).is_err(), "{what}: a missing value went unseen");
}
