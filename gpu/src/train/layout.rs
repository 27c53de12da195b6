//! Where tensors lie on the device: one after the other, each padded to whole blocks.

use super::kernels::tensors::BLOCK;
use sphere_pow_core::train::Params;

/// A tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first block.
    pub block: usize,
    /// Its blocks.
    pub blocks: usize,
    /// Its rows.
    pub outputs: usize,
    /// Its columns.
    pub inputs: usize,
}

impl Place {
    /// Values before it.
    #[must_use]
    pub fn first(&self) -> usize {
        self.block * BLOCK
    }

    /// Values of it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.outputs * self.inputs
    }
}

/// All tensors in the order of [`Params::shapes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Them.
    pub places: Vec<Place>,
    /// Blocks in all.
    pub blocks: usize,
}

impl Layout {
    /// That of a model.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        let mut block = 0;
        let places = params.shapes().into_iter().map(|(outputs, inputs)| {
            let place = Place { block, blocks: (outputs * inputs).div_ceil(BLOCK), outputs, inputs };
            block += place.blocks;
            place
        });
        let places = places.collect();
        Self { places, blocks: block }
    }

    /// Of each block its tensor: first block, blocks, number, 0.
    #[must_use]
    pub fn of_blocks(&self) -> Vec<[u32; 4]> {
        let of = |(number, place): (usize, &Place)| {
            let row = [place.block, place.blocks, number, 0].map(crate::kernel::u32_of);
            vec![row; place.blocks]
        };
        self.places.iter().enumerate().flat_map(of).collect()
    }

    /// Of each tensor its first block, and its blocks.
    #[must_use]
    pub fn of_tensors(&self) -> Vec<[u32; 2]> {
        self.places.iter().map(|place| [place.block, place.blocks].map(crate::kernel::u32_of)).collect()
    }

    /// Values of tensors with their padding.
    #[must_use]
    pub fn padded<'a>(&self, tensors: impl Iterator<Item = &'a [i32]>) -> Vec<i32> {
        let mut out = Vec::with_capacity(self.blocks * BLOCK);
        for (values, place) in tensors.zip(&self.places) {
            out.extend_from_slice(values);
            out.resize((place.block + place.blocks) * BLOCK, 0);
        }
        out
    }

    /// A tensor's values among those of all.
    #[must_use]
    pub fn tensor<'a>(&self, values: &'a [i32], number: usize) -> &'a [i32] {
        let place = &self.places[number];
        &values[place.first()..][..place.size()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::train::Preset;

    #[test]
    fn tensors_lie_in_blocks_of_their_own_and_come_back() {
        for params in Preset::ALL.map(Preset::params) {
            let layout = Layout::new(&params);
            assert_eq!(
                (layout.of_blocks().len(), layout.of_tensors().len()),
                (layout.blocks, layout.places.len())
            );
            let tensors: Vec<Vec<i32>> =
                (1..).zip(&layout.places).map(|(number, place)| vec![number; place.size()]).collect();
            let padded = layout.padded(tensors.iter().map(|tensor| &tensor[..]));
            assert_eq!(padded.len(), layout.blocks * BLOCK);
            for (number, tensor) in tensors.iter().enumerate() {
                assert_eq!(layout.tensor(&padded, number), tensor);
            }
            let all: usize = layout.places.iter().map(Place::size).sum();
            assert_eq!(padded.iter().filter(|x| **x != 0).count(), all);
        }
    }
}
