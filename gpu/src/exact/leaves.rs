//! Leaves of transcripts, hashed on the device as the states pass (SPEC §II.12.2).

use super::kernels::leaf::{HASH_BYTES, Leaves, chunks_of};
use super::layout::READBACKS;
use super::self_test::{Mismatch, compare, paint};
use crate::context::Gpu;
use crate::error::GpuError;
use crate::readback::Readback;
use crate::recorder::{Recorder, run};
use sphere_pow_core::exact::plan::Op;
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::transcript::{Hash, Keys};
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::PublicKey;

/// What hashes the states of a batch, and what it makes of them.
#[derive(Debug)]
pub struct StateHasher {
    params: Params,
    kernels: Leaves,
    /// By state.
    keys: Vec<StreamKey>,
    chaining: wgpu::Buffer,
    /// `[layers + 1, nonces]`.
    leaves: wgpu::Buffer,
    readback: Readback,
}

/// Bytes of a batch's leaves.
#[must_use]
pub fn leaves_bytes(params: &Params, batch: usize) -> u64 {
    (batch * (params.layers() + 1) * HASH_BYTES) as u64
}

/// Bytes of the chaining values of a batch's states.
#[must_use]
pub fn chaining_bytes(params: &Params, batch: usize) -> u64 {
    (batch * chunks_of(state_bytes(params, 0)) * HASH_BYTES) as u64
}

/// Bytes of state `state`: after the last layer of the last position alone.
#[must_use]
pub fn state_bytes(params: &Params, state: usize) -> usize {
    2 * params.dim() * if state == params.layers() { 1 } else { params.tokens() }
}

impl StateHasher {
    /// For batches of up to `batch` nonces; its kernels are tested to the bit first.
    ///
    /// # Errors
    /// [`GpuError::SelfTest`] when the device hashes wrongly, and what else a device can do.
    pub async fn new(gpu: &Gpu, puzzle: &Puzzle, batch: usize, checked: bool) -> Result<Self, GpuError> {
        let params = *puzzle.params();
        let kernels = Leaves::new(gpu, checked).await?;
        hashes_are_exact(gpu, &kernels, puzzle).await?.map_err(|mismatch| mismatch.on(gpu.info()))?;
        let bytes = leaves_bytes(&params, batch);
        Ok(Self {
            params,
            kernels,
            keys: (0..=params.layers()).map(|state| StreamKey::leaf(&params, state)).collect(),
            chaining: gpu.buffer("chaining", chaining_bytes(&params, batch)),
            leaves: gpu.buffer("leaves", bytes),
            readback: Readback::new(gpu, READBACKS, bytes),
        })
    }

    /// Records the hashes of `nonces` states in `stream`, when `op` is the first that reads a new one.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn record(
        &self,
        recorder: &mut Recorder<'_>,
        op: Op,
        stream: &wgpu::Buffer,
        nonces: usize,
    ) -> Result<(), GpuError> {
        let Some(state) = op.state_before(&self.params) else { return Ok(()) };
        let bytes = state_bytes(&self.params, state);
        let buffers = [stream, &self.chaining, &self.leaves];
        self.kernels.record(recorder, &self.keys[state], buffers, (nonces, bytes), state * nonces)
    }

    /// Sends the leaves of `nonces` nonces off to the host.
    ///
    /// # Errors
    /// As [`Recorder::copy`].
    pub fn send(&mut self, recorder: &mut Recorder<'_>, nonces: usize) -> Result<(), GpuError> {
        self.readback.send(recorder, &self.leaves, leaves_bytes(&self.params, nonces))
    }

    /// The leaves that were sent off first, of `nonces` nonces: `[nonces, layers + 1]`.
    ///
    /// # Errors
    /// As [`Readback::take`].
    pub async fn take(&mut self, gpu: &Gpu, nonces: usize) -> Result<Vec<Hash>, GpuError> {
        let words = self.readback.take(gpu).await?;
        let (hashes, _) = words.as_chunks::<8>();
        let states = self.params.layers() + 1;
        let of = |nonce: usize| (0..states).map(move |state| state * nonces + nonce);
        Ok((0..nonces).flat_map(of).map(|ix| Hash::from_bytes(bytemuck::cast(hashes[ix]))).collect())
    }

    /// Forgets what is under way.
    pub fn clear(&mut self) {
        self.readback.clear();
    }
}

/// The leaves of core under the key of state `state`, in words as a device gives them.
#[must_use]
pub fn hash_on_twin(keys: &Keys, state: usize, states: &[i16], values: usize) -> Vec<i32> {
    let words = |state_values| bytemuck::cast::<_, [i32; 8]>(*keys.leaf(state, state_values).as_bytes());
    states.chunks(values).flat_map(words).collect()
}

/// Holds the kernels to core's hash: states of one chunk, of part of one, and of so many that levels are odd.
async fn hashes_are_exact(
    gpu: &Gpu,
    kernels: &Leaves,
    puzzle: &Puzzle,
) -> Result<Result<(), Mismatch>, GpuError> {
    let keys = Keys::new(puzzle, &PublicKey::new("self-test").expect("a key"));
    for values in [64, 512, 544, 1024, 7 * 512 + 96] {
        let states: Vec<i16> = paint(9, 3 * values, 127).into_iter().map(|x| i16::from(x) * 193).collect();
        let got = hash_on_device(gpu, kernels, &StreamKey::leaf(puzzle.params(), 0), &states, values).await?;
        let want = hash_on_twin(&keys, 0, &states, values);
        let compared = compare(&format!("leaves of {values} values"), &got, &want);
        if compared.is_err() {
            return Ok(compared);
        }
    }
    Ok(Ok(()))
}

/// The leaves of states of `values` values each under `key`, in words.
///
/// # Errors
/// As the device fails.
///
/// # Panics
/// When `values` are no whole blocks of 32.
pub async fn hash_on_device(
    gpu: &Gpu,
    kernels: &Leaves,
    key: &StreamKey,
    states: &[i16],
    values: usize,
) -> Result<Vec<i32>, GpuError> {
    let n = states.len() / values;
    let buffer = gpu.buffer("states", size_of_val(states) as u64);
    gpu.write(&buffer, 0, bytemuck::cast_slice(states));
    let chaining = gpu.buffer("chaining", (n * chunks_of(2 * values) * HASH_BYTES) as u64);
    let leaves = gpu.buffer("leaves", (n * HASH_BYTES) as u64);
    run(gpu, |recorder| kernels.record(recorder, key, [&buffer, &chaining, &leaves], (n, 2 * values), 0))
        .await?;
    Ok(bytemuck::pod_collect_to_vec(&gpu.read(&leaves, (n * HASH_BYTES) as u64).await?))
}
