//! Tiles of products: each one right, and those chosen remembered.

use pollster::block_on;
use sphere_pow_core::gonka::known_answer;
use sphere_pow_gpu::cache::CachePlace;
use sphere_pow_gpu::context::Gpu;
use sphere_pow_gpu::device::MatrixUnits;
use sphere_pow_gpu::gonka::choose::{Wish, choose};
use sphere_pow_gpu::gonka::kernels::linear::Tile;
use sphere_pow_gpu::gonka::kernels::{KernelOptions, Kernels};
use sphere_pow_gpu::gonka::self_test;
use sphere_pow_gpu::gonka::tune::Sizes;
use sphere_pow_tests::gpu::{adapter, tiles_of};
use std::path::Path;

#[test]
fn every_tile_gives_the_known_answers_and_long_products_are_right_by_it() {
    let adapter = adapter();
    let gpu = block_on(Gpu::open(&adapter, MatrixUnits::features_of(&adapter))).expect("a usable device");
    let options = KernelOptions { native_unpack: true, max_seq: 64, ..KernelOptions::default() };
    let tiles = tiles_of(&gpu);
    let mut kernels = block_on(Kernels::new(&gpu, options, &tiles)).expect("kernels that compile");
    for tile in tiles {
        block_on(kernels.choose(&gpu, [tile; 3])).expect("a gated kernel");
        assert_eq!(block_on(self_test::known_answers(&gpu, &kernels, &known_answer::DISTANCES)), Ok(()));
        // Two chunks of 1024 values, and a part of one; gated ones are shorter.
        let right = block_on(self_test::products_are_right(&gpu, &kernels, tile, [2176, 1152]));
        assert_eq!(right, Ok(()), "{tile:?}");
    }
}

#[test]
fn tiles_chosen_are_remembered_for_the_device_and_the_model() {
    let adapter = adapter();
    let gpu = block_on(Gpu::open(&adapter, MatrixUnits::features_of(&adapter))).expect("a usable device");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gonka-tiles");
    // What an earlier run left.
    let _ = std::fs::remove_dir_all(&directory);
    let cache = CachePlace::In(directory);
    let options = KernelOptions { max_seq: 64, ..KernelOptions::default() };
    let sizes = Sizes { rows: 64, dim: 128, hidden: 256 };
    let wish = |sizes| Wish { options, on_matrix_units: false, sizes, cache: cache.clone() };
    let chosen = |sizes| block_on(choose(&gpu, &wish(sizes))).expect("tiles").0.chosen();
    let first = chosen(sizes);
    let file = cache.file().expect("a place");
    let text = std::fs::read_to_string(&file).expect("what was chosen");
    let names = first.map(|tile| serde_json::to_string(&format!("{tile:?}")).expect("a name"));
    let changed = names.iter().fold(text, |text, name| text.replace(name, "\"Flat\""));
    std::fs::write(&file, &changed).expect("changed");
    assert_eq!(chosen(sizes), [Tile::Flat; 3], "{changed}");
    assert_ne!(chosen(Sizes { hidden: 384, ..sizes }), [Tile::Flat; 3]);
}
