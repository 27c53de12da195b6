//! Streams, as bytes and through the normal table, to the bit.

use pollster::block_on;
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::tables::NORMAL;
use sphere_pow_core::exact::{Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_gpu::exact::kernels::{WG, stream};
use sphere_pow_gpu::recorder;
use sphere_pow_tests::cases::cases;
use sphere_pow_tests::exact_bench::{Bench, on_every_bench, same};

#[test]
fn the_keystream_is_that_of_rand_chacha() {
    let gpu = &Bench::shared(true).gpu;
    let constants = [("WG", f64::from(WG))];
    let compiled = block_on(gpu.compile_kernel(&stream::KERNELS[0], &constants, true)).expect("compiles");
    // Bytes as they are instead of through the normal table.
    let identity: Vec<u32> = (0..256).collect();
    let table = gpu.buffer("identity", 1024);
    gpu.write(&table, 0, bytemuck::cast_slice(&identity));
    let key = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("stream").expect("a hash")).weights_key();
    let near = |edge: u64| [edge - 2, edge - 1, edge];
    let counters = [0, 1].into_iter().chain(near(1 << 32)).chain(near(1 << 33)).chain(near(1 << 57));
    for counter in counters {
        for (number, blocks) in [(0, 1), (7, 63), (1 << 32, 64), (u64::MAX >> 1, 65), (u64::MAX, 131)] {
            let numbers: [u64; 1] = [number];
            let streams = gpu.buffer("streams", 8);
            gpu.write(&streams, 0, bytemuck::cast_slice(&numbers));
            let out = gpu.buffer("out", 64 * blocks);
            let words: [u32; 8] = bytemuck::pod_read_unaligned(key.as_bytes());
            let count = u32::try_from(blocks).expect("few");
            let halves =
                [counter & 0xffff_ffff, counter >> 32].map(|half| u32::try_from(half).expect("32 bits"));
            let dims = stream::Dims {
                key: bytemuck::cast(words),
                counter: halves,
                first_stream: 0,
                blocks_per_stream: count,
                first_block: 0,
                end_block: count,
                out_first: 0,
                padding: 0,
            };
            let buffers = [&table, &streams, &out];
            let groups = [count.div_ceil(WG), 1];
            block_on(recorder::run(gpu, |recorder| {
                recorder.dispatch(&compiled, bytemuck::bytes_of(&dims), &buffers, groups, 1.0)
            }))
            .expect("a run");
            let mut want = vec![0; 64 * usize::try_from(blocks).expect("few")];
            key.read(number, 64 * counter, &mut want);
            let got = block_on(gpu.read(&out, 64 * blocks)).expect("bytes");
            let int = |bytes: &[u8]| bytes.iter().map(|b| i32::from(*b)).collect::<Vec<_>>();
            same(&format!("stream {number} from block {counter}"), &int(&got), &int(&want));
        }
    }
}

fn drawn(key: &StreamKey, number: u64, first: u64, n: usize) -> Vec<i32> {
    let mut bytes = vec![0; n];
    key.read(number, first, &mut bytes);
    bytes.into_iter().map(|byte| NORMAL[usize::from(byte)].into()).collect()
}

#[test]
fn streams_through_the_normal_table_match_their_twin() {
    on_every_bench(|bench| {
        let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("streams").expect("a hash"));
        let key = puzzle.inputs_key(&PublicKey::new("streams").expect("a key"));
        let numbers: Vec<u64> = (0..70).map(|i| i * 0x1_2345_6789).collect();
        let streams = bench.upload(&numbers);
        // The last takes several dispatches.
        let fixed = [
            (1, 1, 0, 0, 0),
            (1, 64, 3, 5, 1),
            (2, 63, 1, 1 << 20, 0),
            (5, 13, 60, 9, 7),
            (70, 131, 0, 0, 2),
        ];
        let all = cases("stream", fixed, 1, |d| {
            let count = d.within(1, 9);
            (count, d.within(1, 70), d.within(0, 70 - count), d.within(0, 1 << 26) as u64, d.within(0, 5))
        });
        for (_, (count, blocks, first_stream, first_block, out_block)) in all {
            let stored = bench.kernels.operand();
            let shape =
                stream::Shape { first_stream, streams: count, first_block, blocks, out_block, stored };
            let out = bench.upload(&stored.store(&vec![0x5a; (out_block + count * blocks) * 64]));
            bench.run(|recorder| stream::record(recorder, &bench.kernels, &key, [&streams, &out], shape));
            let got = bench.operands(&out, (out_block + count * blocks) * 64);
            let mut want = vec![0x5a; out_block * 64];
            for number in &numbers[first_stream..first_stream + count] {
                want.extend(drawn(&key, *number, 64 * first_block, 64 * blocks));
            }
            same(&format!("{shape:?}"), &got, &want);
        }
    });
}
