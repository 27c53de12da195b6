use super::*;
use sphere_pow_core::exact::{Preset, Puzzle, weights::Tensor};
use sphere_pow_core::identity::BlockHash;

struct MakePanel<'a>(Stream, usize, usize, &'a mut [u8]);

impl Job for MakePanel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        make_panel::<I::Words>(self.0, self.1, self.2, self.3);
    }
}

#[test]
fn panels_are_the_streams_weights() {
    let params = Preset::Standard.params();
    let puzzle = Puzzle::new(&params, &BlockHash::new("panels").expect("a hash"));
    for (tensor, first) in [(Tensor::Output, 992), (Tensor::all(&params).nth(9).expect("there are more"), 64)]
    {
        let inputs = tensor.shape(&params).1;
        let mut want = vec![0; PANEL * inputs];
        puzzle.weights().read_tile(tensor, first..first + PANEL, 0..inputs, &mut want);
        let stream = Stream::new(&puzzle.weights_key(), tensor.stream(&params));
        for kernels in Kernels::available() {
            let mut panel = vec![0; PANEL * inputs];
            let job = MakePanel(stream, first, inputs, &mut panel);
            Present::new(kernels).expect("available").run(job);
            for n in 0..PANEL {
                for k in 0..inputs {
                    let got = panel[(k / QUAD * PANEL + n) * QUAD + k % QUAD].wrapping_sub(WEIGHT_BIAS);
                    assert_eq!(
                        got.cast_signed(),
                        want[n * inputs + k],
                        "{kernels}: weight {k} of output {n}"
                    );
                }
            }
        }
    }
}
