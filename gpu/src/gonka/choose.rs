//! Which tiles a device makes products by: for each kind of product the fastest, if they compute rightly on it.

use super::kernels::linear::{Class, Leaves, Tile};
use super::kernels::{KernelOptions, Kernels};
use super::self_test::{KNOWN, Longest, known_answers, products_are_right, right_conversions};
use super::tune::{self, Sizes};
use crate::cache::{self, CachePlace};
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use serde::{Deserialize, Serialize};
use sphere_pow_core::gonka::known_answer;

/// What is chosen for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How kernels are compiled, where the device is found to do as they say.
    pub options: KernelOptions,
    /// That no tile without matrix units is wanted.
    pub on_matrix_units: bool,
    /// The products of a layer.
    pub sizes: Sizes,
    /// Where choices are remembered.
    pub cache: CachePlace,
}

impl Wish {
    fn longest(&self) -> Longest {
        let Sizes { dim, hidden, .. } = self.sizes;
        [hidden.max(dim), dim]
    }

    fn takes(&self, tile: Tile) -> bool {
        !self.on_matrix_units || matches!(tile, Tile::Matrix(_))
    }

    /// What a choice is remembered by.
    fn key(&self, info: &DeviceInfo, all: &[Tile], options: KernelOptions) -> String {
        let texts = all.iter();
        let texts = texts.flat_map(|tile| Leaves::ALL.map(|leaves| tile.kernel(leaves).source));
        let Sizes { rows, dim, hidden } = self.sizes;
        let units = if self.on_matrix_units { " on matrix units" } else { "" };
        format!("gonka, {}: {rows} x {dim} and {hidden} {options:?}{units}", cache::key(info, texts))
    }
}

/// The tiles that a device was fastest with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// By [`Class`], by the names that tiles have among those of the device.
    tiles: [String; 3],
    /// Operations per second of the gated product.
    rate: f64,
}

impl Choice {
    fn of(picked: [(Tile, f64); 3]) -> Self {
        let tiles = picked.map(|(tile, _)| format!("{tile:?}"));
        Self { tiles, rate: picked[Class::Gated as usize].1 }
    }

    /// The tiles, if a device has them and the choice makes sense.
    fn among(&self, all: &[Tile]) -> Option<[Tile; 3]> {
        let find = |name: &String| all.iter().copied().find(|tile| format!("{tile:?}") == *name);
        let [gated, deep, square] = &self.tiles;
        (self.rate > 0.0).then_some([find(gated)?, find(deep)?, find(square)?])
    }
}

/// Compiles the kernels, by the driver's own conversions of f16 only where these are exact, and takes for each [`Class`] of
/// products the tile that is fastest, or was when it was last measured. Holds every tile taken to what it must give, products over
/// the longest sums among it; one that may be refused gives way to the next where it fails. Gives the operations per second of the
/// gated product, too.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first wrong value, [`GpuError::NoKernel`] when no tile for matrix units is right and no other
/// is wanted, else as the device fails.
pub async fn choose(gpu: &Gpu, wish: &Wish) -> Result<(Kernels, f64), GpuError> {
    let options = right_conversions(gpu, wish.options).await?;
    let all = Tile::for_device(gpu);
    let key = wish.key(gpu.info(), &all, options);
    if let Some(choice) = wish.cache.load::<Choice>(&key)
        && let Some(tiles) = choice.among(&all)
        && tiles.iter().all(|tile| wish.takes(*tile))
        && let Some(kernels) = remembered(gpu, wish, options, tiles).await?
    {
        return Ok((kernels, choice.rate));
    }
    let mut kernels = Kernels::new(gpu, options, &all).await?;
    let ranked = tune::rank(gpu, &kernels, wish.sizes).await?;
    for (class, tiles) in Class::ALL.into_iter().zip(&ranked) {
        for (tile, rate) in tiles {
            tracing::debug!("{}: {class:?} by {tile:?} at {rate:.3e}/s", gpu.info().name);
        }
    }
    products_are_right(gpu, &kernels, Tile::Flat, wish.longest()).await?;
    let picked = fastest_right(gpu, wish, &mut kernels, ranked).await?;
    kernels.choose(gpu, picked.map(|(tile, _)| tile)).await?;
    wish.cache.store(&key, &Choice::of(picked));
    Ok((kernels, picked[Class::Gated as usize].1))
}

/// The tile that is fastest for each class, of those that are right.
async fn fastest_right(
    gpu: &Gpu,
    wish: &Wish,
    kernels: &mut Kernels,
    mut ranked: [Vec<(Tile, f64)>; 3],
) -> Result<[(Tile, f64); 3], GpuError> {
    for tiles in &mut ranked {
        tiles.retain(|(tile, _)| wish.takes(*tile));
    }
    let (mut right, mut reasons) = (Vec::new(), Vec::new());
    'pick: loop {
        let [Some(gated), Some(deep), Some(square)] = ranked.each_ref().map(|tiles| tiles.first().copied())
        else {
            // A plain tile ends the search, where any may be taken.
            let reasons = if reasons.is_empty() { "it offers none".to_owned() } else { reasons.join("; ") };
            return Err(GpuError::NoKernel { name: gpu.info().name.clone(), reasons });
        };
        for (tile, _) in [gated, deep, square] {
            if right.contains(&tile) {
                continue;
            }
            match is_right(gpu, wish, kernels, tile).await {
                Ok(()) => right.push(tile),
                Err(error @ (GpuError::SelfTest { .. } | GpuError::Internal { .. }))
                    if tile.may_be_refused() =>
                {
                    tracing::warn!("{tile:?} is not used: {error}");
                    reasons.push(error.to_string());
                    ranked.iter_mut().for_each(|tiles| tiles.retain(|(one, _)| *one != tile));
                    continue 'pick;
                }
                Err(error) => return Err(error),
            }
        }
        return Ok([gated, deep, square]);
    }
}

/// Holds a tile to the known answers, and its products to f64.
async fn is_right(gpu: &Gpu, wish: &Wish, kernels: &mut Kernels, tile: Tile) -> Result<(), GpuError> {
    kernels.choose(gpu, [tile; 3]).await?;
    known_answers(gpu, kernels, &known_answer::DISTANCES[..KNOWN]).await?;
    products_are_right(gpu, kernels, tile, wish.longest()).await
}

/// The tiles of an earlier choice, if they are right still.
async fn remembered(
    gpu: &Gpu,
    wish: &Wish,
    options: KernelOptions,
    tiles: [Tile; 3],
) -> Result<Option<Kernels>, GpuError> {
    let mut wanted = vec![Tile::Flat];
    for tile in tiles {
        if !wanted.contains(&tile) {
            wanted.push(tile);
        }
    }
    let mut kernels = Kernels::new(gpu, options, &wanted).await?;
    if !wanted.iter().all(|wanted| kernels.tiles().any(|tile| tile == *wanted)) {
        return Ok(None);
    }
    products_are_right(gpu, &kernels, Tile::Flat, wish.longest()).await?;
    for tile in wanted.into_iter().skip(1) {
        match is_right(gpu, wish, &mut kernels, tile).await {
            Ok(()) => {}
            Err(GpuError::SelfTest { .. } | GpuError::Internal { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    kernels.choose(gpu, tiles).await?;
    Ok(Some(kernels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_taken_where_the_device_has_its_tiles() {
        let picked = [(Tile::Large, 3e12), (Tile::Wide, 1e12), (Tile::Square, 5e11)];
        let choice = Choice::of(picked);
        assert_eq!(choice.among(&Tile::PLAIN), Some([Tile::Large, Tile::Wide, Tile::Square]));
        assert_eq!(choice.rate, 3e12);
        assert_eq!(choice.among(&[Tile::Flat, Tile::Large, Tile::Wide]), None);
        assert_eq!(Choice { rate: f64::NAN, ..choice.clone() }.among(&Tile::PLAIN), None);
        let strange = Choice { tiles: ["Huge".into(), "Wide".into(), "Wide".into()], ..choice };
        assert_eq!(strange.among(&Tile::PLAIN), None);
    }
}
