use super::*;
use crate::device::fake::{Fake, Fault};
use crate::profiles::Machine;
use crate::signals::Stop;
use sphere_pow_core::gonka::{Gonka, Puzzle, known_answer};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Short enough for a test, long enough for a busy machine: batches here take no time.
const SHORT: Duration = Duration::from_millis(400);

fn go_on() -> impl FnMut(f32) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}

/// A model that nobody makes.
fn wanted(block: &str) -> Wanted<Gonka> {
    Wanted { puzzle: puzzle(block), shared: Weak::new() }
}

fn puzzle(block: &str) -> Puzzle {
    Puzzle::new(known_answer::puzzle().params(), &BlockHash::new(block).unwrap())
}

/// A watched fake whose every opening takes a batch of 8, or less when told, and has `fault`; what it opened with comes along.
fn watched(fault: Fault, resets: usize) -> (Watched<Gonka>, Arc<Mutex<Vec<usize>>>) {
    let opened = Arc::<Mutex<Vec<usize>>>::default();
    let own = Arc::clone(&opened);
    let opener: Opener<Gonka> = Arc::new(move |_, limit, _| {
        let batch = limit.map_or(8, NonZeroUsize::get);
        own.lock().unwrap().push(batch);
        Ok(Box::new(Fake { batch, root: Some("root"), ..Fake::gpu("fake", fault.clone()) }))
    });
    let row = Arc::new(Row::named("fake", "vulkan", None));
    let patience = Patience { batch: SHORT, resets, within: Duration::from_secs(600) };
    (Watched::open(opener, wanted("AB"), (row, patience), &mut go_on()).unwrap(), opened)
}

fn outcomes(device: &mut Watched<Gonka>) -> Result<Vec<f64>, ProverError> {
    let nonces: Vec<Nonce> = (0..8).map(|nonce| Nonce::new(nonce).unwrap()).collect();
    Device::outcomes(device, &PublicKey::new("k").unwrap(), &nonces, &mut go_on())
}

fn is_loss<T>(result: &Result<T, ProverError>) -> bool {
    matches!(result, Err(ProverError::Gpu(GpuError::DeviceLost { .. })))
}

#[test]
fn a_driver_that_does_not_return_is_a_loss_and_a_new_device_goes_on() {
    let end = Arc::new(AtomicBool::new(false));
    let (mut device, opened) = watched(Fault::Hangs(Arc::new(AtomicU64::new(1)), Arc::clone(&end)), 5);
    assert!(Device::keep_roots(&mut device));
    assert!(is_loss(&outcomes(&mut device)));
    // Until it is made anew it stays lost.
    assert!(is_loss(&outcomes(&mut device)));
    Device::rebuild(&mut device, &mut go_on()).unwrap();
    assert_eq!(outcomes(&mut device).unwrap(), [1.0; 8]);
    assert_eq!(Device::take_roots(&mut device), ["root"], "transcripts are kept on the new device too");
    assert_eq!(
        (opened.lock().unwrap().len(), device.row.counts(), device.row.condition().0),
        (2, (1, 0), Condition::Working)
    );
    end.store(true, Ordering::Relaxed);
}

#[test]
fn a_device_that_is_too_hot_rests_until_it_has_cooled() {
    let (mut device, _) = watched(Fault::None, 5);
    let row = Arc::clone(&device.row);
    row.feel(Some(79.0), 80.0);
    assert_eq!(row.condition().0, Condition::Working);
    row.feel(Some(80.5), 80.0);
    assert_eq!(row.condition().0, Condition::Cooling);
    // It is given nothing, and whoever waits may leave.
    let mut asked = 0;
    let nonces = [Nonce::new(1).unwrap()];
    let mut leave = |_| {
        asked += 1;
        if asked < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let left = Device::outcomes(&mut device, &PublicKey::new("k").unwrap(), &nonces, &mut leave);
    assert!(matches!(left, Err(ProverError::Interrupted)), "{left:?}");
    assert_eq!(asked, 3);
    // A little cooler will not do, or it would go on and off.
    row.feel(Some(77.0), 80.0);
    assert!(row.is_hot());
    let cools = std::thread::spawn(move || {
        std::thread::sleep(SHORT);
        row.feel(Some(74.9), 80.0);
    });
    let since = Instant::now();
    assert_eq!(outcomes(&mut device).unwrap(), [1.0; 8]);
    assert!(since.elapsed() >= SHORT);
    assert_eq!(device.row.condition().0, Condition::Working);
    cools.join().unwrap();
}

#[test]
fn who_stops_waiting_is_not_held_by_a_driver_that_hangs() {
    let end = Arc::new(AtomicBool::new(false));
    let (mut device, _) = watched(Fault::Hangs(Arc::new(AtomicU64::new(1)), Arc::clone(&end)), 5);
    let nonces = [Nonce::new(1).unwrap()];
    let stopped =
        Device::outcomes(
            &mut device,
            &PublicKey::new("k").unwrap(),
            &nonces,
            &mut |_| ControlFlow::Break(()),
        );
    assert!(matches!(stopped, Err(ProverError::Interrupted)), "{stopped:?}");
    end.store(true, Ordering::Relaxed);
    assert!(is_loss(&outcomes(&mut device)));
}

#[test]
fn too_many_resets_are_a_storm() {
    let (mut device, _) = watched(Fault::Lost(Arc::new(AtomicU64::new(100))), 2);
    for _ in 0..2 {
        assert!(is_loss(&outcomes(&mut device)));
        Device::rebuild(&mut device, &mut go_on()).unwrap();
    }
    let storm = Device::rebuild(&mut device, &mut go_on());
    assert!(matches!(storm, Err(ProverError::ResetStorm { resets: 2, .. })), "{storm:?}");
    assert_eq!(storm.unwrap_err().exit_code(), 3);
}

#[test]
fn memory_that_is_refused_halves_the_batch_until_it_is_had_or_nothing_is_left() {
    let room = Arc::new(AtomicUsize::new(2));
    let (mut device, opened) = watched(Fault::NoMemory(Arc::clone(&room)), 5);
    assert_eq!(outcomes(&mut device).unwrap(), [1.0; 8]);
    assert_eq!((opened.lock().unwrap().clone(), Device::batch(&device)), (vec![8, 4, 2], 2));
    assert_eq!((device.row.batch(), device.row.counts()), (2, (0, 2)));
    room.store(0, Ordering::Relaxed);
    let refused = outcomes(&mut device);
    assert!(matches!(refused, Err(ProverError::Gpu(GpuError::OutOfMemory { .. }))), "{refused:?}");
}

#[test]
fn memory_that_is_refused_while_a_device_is_opened_halves_the_batch_too() {
    let opened = Arc::<Mutex<Vec<Option<usize>>>>::default();
    let own = Arc::clone(&opened);
    let opener: Opener<Gonka> = Arc::new(move |_, limit, _| {
        own.lock().unwrap().push(limit.map(NonZeroUsize::get));
        let fake = Fake { batch: limit.map_or(64, NonZeroUsize::get), ..Fake::gpu("fake", Fault::None) };
        if fake.batch > 16 { Err(fake.refusal()) } else { Ok(Box::new(fake)) }
    });
    let row = Arc::new(Row::named("fake", "vulkan", None));
    let device = Watched::open(opener, wanted("AB"), (row, Patience::default()), &mut go_on()).unwrap();
    assert_eq!(
        (opened.lock().unwrap().clone(), Device::batch(&device)),
        (vec![None, Some(32), Some(16)], 16)
    );
}

#[test]
fn a_panic_of_a_driver_is_an_error_by_name() {
    let (mut device, _) = watched(Fault::Panics, 5);
    let error = outcomes(&mut device).unwrap_err();
    assert!(matches!(&error, ProverError::Panicked { device, .. } if device == "fake"), "{error}");
}

type Blocks = Arc<Mutex<Vec<BlockHash>>>;

/// A watched fake, what took which block without being opened, and what was opened for which.
fn over_blocks(fault: Fault) -> (Watched<Gonka>, Blocks, Blocks) {
    let (taken, opened) = (Blocks::default(), Blocks::default());
    let own = (Arc::clone(&taken), Arc::clone(&opened));
    let opener: Opener<Gonka> = Arc::new(move |wanted, _, _| {
        own.1.lock().unwrap().push(wanted.puzzle.block().clone());
        Ok(Box::new(Fake { blocks: Arc::clone(&own.0), ..Fake::gpu("fake", fault.clone()) }))
    });
    let (row, patience) =
        (Arc::new(Row::named("fake", "vulkan", None)), Patience { batch: SHORT, ..Patience::default() });
    (Watched::open(opener, wanted("A0"), (row, patience), &mut go_on()).unwrap(), taken, opened)
}

fn take(device: &mut Watched<Gonka>, block: &str) -> Result<(), ProverError> {
    let shared = Arc::new(Gonka::share(&puzzle(block), &Stop::default()).unwrap());
    Device::set_block(device, &puzzle(block), &shared, &mut go_on())
}

#[test]
fn a_device_takes_block_after_block_and_is_opened_once() {
    let (mut device, taken, opened) = over_blocks(Fault::None);
    for block in ["A1", "A2"] {
        take(&mut device, block).unwrap();
        assert_eq!(outcomes(&mut device).unwrap(), [1.0; 8]);
    }
    let blocks =
        |of: &Mutex<Vec<BlockHash>>| of.lock().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (blocks(&opened), blocks(&taken)),
        (vec!["A0".to_owned()], vec!["A1".to_owned(), "A2".to_owned()])
    );
    assert_eq!(device.row.condition().0, Condition::Working);
}

#[test]
fn a_device_that_cannot_take_a_block_is_opened_anew_for_it() {
    let (mut device, taken, opened) = over_blocks(Fault::Lost(Arc::new(AtomicU64::new(1))));
    take(&mut device, "A1").unwrap();
    assert_eq!(outcomes(&mut device).unwrap(), [1.0; 8]);
    // What is made anew later is made for the latest block.
    Device::rebuild(&mut device, &mut go_on()).unwrap();
    let blocks: Vec<String> = opened.lock().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(blocks, ["A0", "A1", "A1"]);
    assert!(taken.lock().unwrap().is_empty());
}
