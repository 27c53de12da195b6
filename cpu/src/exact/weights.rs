//! Panels of weights: kept, or made when asked for.

use super::kernels::{Isa, Job, PANEL, Present, Stream, make_panel};
use crate::memory::Aligned;
use crate::threads;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::weights::Tensor;
use sphere_pow_core::exact::{Params, Puzzle};

/// The weights of a block.
#[derive(Debug)]
pub(crate) struct Weights {
    params: Params,
    key: StreamKey,
    /// By stream number: `[outputs / PANEL, inputs / QUAD, PANEL, QUAD]`. Empty where made as they are used.
    kept: Vec<Aligned<u8>>,
}

impl Weights {
    /// Weights made as they are used.
    pub(crate) fn on_the_fly(puzzle: &Puzzle) -> Self {
        Self { params: *puzzle.params(), key: puzzle.weights_key(), kept: Vec::new() }
    }

    /// Bytes that keeping them takes.
    pub(crate) fn packed_bytes(params: &Params) -> usize {
        let bytes = |tensor: Tensor| {
            let (outputs, inputs) = tensor.shape(params);
            outputs.next_multiple_of(PANEL) * inputs
        };
        Tensor::all(params).map(bytes).fold(0, usize::saturating_add)
    }

    /// Bytes of the largest panel.
    pub(crate) fn panel_bytes(params: &Params) -> usize {
        PANEL * params.dim().max(params.hidden())
    }

    /// Whether they are kept.
    pub(crate) fn is_packed(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Makes and keeps all, in parallel on rayon's current threads; `poll` is called between tasks where there
    /// are none. `done` counts bytes; once `stop` is set the rest is skipped, and the weights are rubbish.
    pub(crate) fn pack(
        &mut self,
        kernels: Present,
        stop: &AtomicBool,
        done: &AtomicU64,
        poll: &mut dyn FnMut(),
    ) {
        let params = self.params;
        let mut kept: Vec<Aligned<u8>> = Vec::new();
        let mut tasks = Vec::new();
        for tensor in Tensor::all(&params) {
            let (outputs, inputs) = tensor.shape(&params);
            kept.push(Aligned::new(outputs.next_multiple_of(PANEL) * inputs));
        }
        for (tensor, panels) in Tensor::all(&params).zip(&mut kept) {
            let inputs = tensor.shape(&params).1;
            tasks.extend(panels.chunks_exact_mut(PANEL * inputs).enumerate().map(|(ix, p)| (tensor, ix, p)));
        }
        threads::for_each(tasks, poll, |(tensor, ix, panel)| {
            if !stop.load(Ordering::Relaxed) {
                self.make(kernels, tensor, ix, panel);
                done.fetch_add(panel.len() as u64, Ordering::Relaxed);
            }
        });
        self.kept = kept;
    }

    /// Panel `ix` of a tensor, in `scratch` unless kept.
    pub(crate) fn panel<'a>(
        &'a self,
        kernels: Present,
        tensor: Tensor,
        ix: usize,
        scratch: &'a mut Aligned<u8>,
    ) -> &'a [u8] {
        let len = PANEL * tensor.shape(&self.params).1;
        if self.is_packed() {
            let stream = usize::try_from(tensor.stream(&self.params)).expect("a tensor's number is small");
            return &self.kept[stream][ix * len..][..len];
        }
        scratch.resize(len);
        self.make(kernels, tensor, ix, scratch);
        scratch
    }

    fn make(&self, kernels: Present, tensor: Tensor, ix: usize, panel: &mut [u8]) {
        let stream = Stream::new(&self.key, tensor.stream(&self.params));
        kernels.run(Make { stream, first: ix * PANEL, inputs: tensor.shape(&self.params).1, panel });
    }
}

/// One panel from its stream.
struct Make<'a> {
    stream: Stream,
    first: usize,
    inputs: usize,
    panel: &'a mut [u8],
}

impl Job for Make<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        make_panel::<I::Words>(self.stream, self.first, self.inputs, self.panel);
    }
}
