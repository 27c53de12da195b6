//! From `--backend`, `--adapter`, `--threads` to devices that hold the model.

mod kept;

pub use kept::Session;

use crate::commands::PROBE;
use crate::console::{advance, bar};
use crate::device::Device;
use crate::error::ProverError;
use crate::options::{Backend, DeviceArgs};
use crate::profiles::{Machine, Setup};
use crate::search::Miners;
use crate::signals::Stop;
use crate::watch::{Opener, Patience, Roster, Wanted, Watched};
use kept::{still_meant, take_kept};
use pollster::block_on;
use sphere_pow_gpu::exact::CachePlace;
use sphere_pow_gpu::probe::in_child;
use sphere_pow_gpu::{DeviceInfo, DeviceSelector, devices, one_of_each};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

/// A device of profile `P`, whichever kind it is.
pub type AnyDevice<P> = Box<dyn Device<P>>;

/// Every device that the arguments name, each holding the model, and what recomputes the wins of GPUs among them.
///
/// # Errors
/// [`ProverError::NoDevice`] when none can be had, the device's own error when it was asked for by name.
pub fn mining<P: Machine>(
    args: &DeviceArgs,
    puzzle: &P::Puzzle,
    stop: &Stop,
) -> Result<Miners<P>, ProverError> {
    stop.heed();
    let chosen = choose(args)?;
    let shared = P::share(puzzle, stop)?;
    let devices = open::<P>(args, &chosen, puzzle, &shared, stop)?;
    with_checker(args, devices, puzzle, &shared, stop)
}

/// As [`mining`], but every GPU on a thread of its own that is watched; those that `roster` has out of use stay so. Of those
/// `kept` open, with a model of the same sizes, what is still meant takes the new block.
///
/// # Errors
/// As [`mining`], also when all that the arguments name are out of use.
pub fn mining_watched<P: Machine>(
    args: &DeviceArgs,
    puzzle: &P::Puzzle,
    (roster, patience): (&Roster, Patience),
    kept: Vec<AnyDevice<P>>,
    stop: &Stop,
) -> Result<Miners<P>, ProverError> {
    stop.heed();
    let chosen = choose(args)?;
    let is_out = |info: &DeviceInfo| roster.of_adapter(info).condition().0.is_out();
    let (out, left): (Vec<DeviceInfo>, Vec<DeviceInfo>) = chosen.into_iter().partition(is_out);
    if left.is_empty() && !out.is_empty() {
        let names: Vec<&str> = out.iter().map(|info| info.name.as_str()).collect();
        return Err(ProverError::NoDevice { reason: format!("out of use: {}", names.join(", ")) });
    }
    let setup = args.setup::<P>()?;
    // What is no longer meant gives its memory back before anything takes more.
    let kept = Mutex::new(still_meant(kept, &left, roster));
    let shared = Arc::new(P::share(puzzle, stop)?);
    let devices = open_with::<P>(args, &left, (puzzle, &shared, &setup), stop, |info| {
        let bar = bar(&format!("loading {}", info.name));
        let row = roster.of_adapter(info);
        let kept = take_kept(&kept, &row);
        let advance = advance(&bar, stop);
        let mut progress = |share| {
            row.loading(share);
            advance(share)
        };
        let opened = match kept {
            Some(mut device) => device.set_block(puzzle, &shared, &mut progress).map(|()| device),
            None => {
                let (opener, wanted) = (opener::<P>(info.clone(), setup), Wanted::new(puzzle, &shared));
                let opened = Watched::open(opener, wanted, (Arc::clone(&row), patience), &mut progress);
                opened.map(|device| Box::new(device) as AnyDevice<P>)
            }
        };
        bar.finish_and_clear();
        opened.inspect_err(|error| row.refused(error.to_string()))
    })?;
    with_checker(args, devices, puzzle, &shared, stop)
}

/// Makes a GPU anew. What devices share is made anew too once nobody else has it: it takes too much of the host's memory to
/// be kept for a rare event.
fn opener<P: Machine>(info: DeviceInfo, setup: Setup) -> Opener<P> {
    Arc::new(move |Wanted { puzzle, shared }, batch, progress| {
        let shared = match shared.upgrade() {
            Some(shared) => shared,
            None => Arc::new(P::share(puzzle, &Stop::default())?),
        };
        let setup = Setup { batch: batch.or(setup.batch), ..setup };
        P::open_gpu(&with_trusted_units(&info), puzzle, &shared, &setup, progress)
    })
}

/// What recomputes wins beside the devices, where there are GPUs among them.
fn with_checker<P: Machine>(
    args: &DeviceArgs,
    devices: Vec<AnyDevice<P>>,
    puzzle: &P::Puzzle,
    shared: &P::Shared,
    stop: &Stop,
) -> Result<Miners<P>, ProverError> {
    if !devices.iter().any(|device| device.info().engine == "gpu") {
        return Ok(Miners { devices, checker: None });
    }
    // One thread stays for the drivers.
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.and_then(|all| NonZeroUsize::new(all.get() - 1)).or(Some(NonZeroUsize::MIN));
    let setup = Setup { threads, ..Setup::default() };
    match open_cpu::<P>(puzzle, shared, &setup, stop) {
        Ok(checker) => Ok(Miners { devices, checker: Some(checker) }),
        Err(ProverError::Interrupted) => Err(ProverError::Interrupted),
        Err(error) => {
            tracing::warn!("wins are not recomputed on the CPU: {error}");
            Ok(Miners { devices, checker: None })
        }
    }
}

/// The first device that the arguments name.
///
/// # Errors
/// As [`mining`].
pub fn one<P: Machine>(
    args: &DeviceArgs,
    puzzle: &P::Puzzle,
    stop: &Stop,
) -> Result<AnyDevice<P>, ProverError> {
    one_with::<P>(args, puzzle, None, stop)
}

/// As [`one`], with what devices share made before.
///
/// # Errors
/// As [`mining`].
pub fn one_with<P: Machine>(
    args: &DeviceArgs,
    puzzle: &P::Puzzle,
    shared: Option<Arc<P::Shared>>,
    stop: &Stop,
) -> Result<AnyDevice<P>, ProverError> {
    args.check_single()?;
    stop.heed();
    let mut chosen = choose(args)?;
    chosen.truncate(1);
    let shared = match shared {
        Some(shared) => shared,
        None => Arc::new(P::share(puzzle, stop)?),
    };
    Ok(open::<P>(args, &chosen, puzzle, &shared, stop)?.swap_remove(0))
}

/// A path other than the one that mined: the CPU after a GPU; after the CPU, a GPU if only a software one, else the
/// CPU without its SIMD kernels.
///
/// # Errors
/// The CPU's, or on interruption.
pub fn other<P: Machine>(is_gpu: bool, puzzle: &P::Puzzle, stop: &Stop) -> Result<AnyDevice<P>, ProverError> {
    let setup = Setup { is_portable: !is_gpu, ..Setup::default() };
    let shared = P::share(puzzle, stop)?;
    if !is_gpu {
        for info in block_on(devices()).iter().filter(|info| info.usable.is_ok()) {
            match open_gpu::<P>(info, puzzle, &shared, &setup, stop) {
                Err(ProverError::Interrupted) => return Err(ProverError::Interrupted),
                Err(error) => tracing::warn!("{} is not used: {error}", info.name),
                opened => return opened,
            }
        }
    }
    open_cpu::<P>(puzzle, &shared, &setup, stop)
}

/// Opens `chosen`, or the CPU where there is none.
fn open<P: Machine>(
    args: &DeviceArgs,
    chosen: &[DeviceInfo],
    puzzle: &P::Puzzle,
    shared: &P::Shared,
    stop: &Stop,
) -> Result<Vec<AnyDevice<P>>, ProverError> {
    let setup = args.setup::<P>()?;
    let open_one = |info: &DeviceInfo| open_gpu::<P>(info, puzzle, shared, &setup, stop);
    open_with::<P>(args, chosen, (puzzle, shared, &setup), stop, open_one)
}

/// Opens every one on a thread of its own, in their order: each mostly waits for its driver.
fn side_by_side<T: Send>(
    chosen: &[DeviceInfo],
    open_one: impl Fn(&DeviceInfo) -> Result<T, ProverError> + Sync,
) -> Vec<Result<T, ProverError>> {
    if let [only] = chosen {
        return vec![open_one(only)];
    }
    std::thread::scope(|scope| {
        let open_one = &open_one;
        let start = |info| std::thread::Builder::new().spawn_scoped(scope, move || open_one(info));
        let threads: Vec<_> = chosen.iter().map(|info| (info, start(info))).collect();
        let ended = threads.into_iter().map(|(info, thread)| match thread {
            Ok(thread) => {
                thread.join().unwrap_or_else(|panic| Err(ProverError::panicked(&info.name, panic.as_ref())))
            }
            Err(error) => Err(ProverError::Thread(error)),
        });
        ended.collect()
    })
}

/// Opens `chosen` by `open_one`, or the CPU where there is none.
fn open_with<P: Machine>(
    args: &DeviceArgs,
    chosen: &[DeviceInfo],
    (puzzle, shared, setup): (&P::Puzzle, &P::Shared, &Setup),
    stop: &Stop,
    open_one: impl Fn(&DeviceInfo) -> Result<AnyDevice<P>, ProverError> + Sync,
) -> Result<Vec<AnyDevice<P>>, ProverError> {
    let (mut opened, mut refused) = (Vec::new(), Vec::new());
    for (info, result) in chosen.iter().zip(side_by_side(chosen, open_one)) {
        match result {
            Ok(device) => opened.push(device),
            Err(ProverError::Interrupted) => return Err(ProverError::Interrupted),
            // What was asked for by name must not go missing silently.
            Err(error) if !args.adapter.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!("{} is not used: {error}", info.name);
                refused.push(format!("{}: {error}", info.name));
            }
        }
    }
    if opened.is_empty() {
        if args.backend == Backend::Gpu {
            return Err(ProverError::NoDevice { reason: format!("no usable GPU: {}", refused.join("; ")) });
        }
        opened.push(open_cpu::<P>(puzzle, shared, setup, stop)?);
    }
    Ok(opened)
}

fn open_gpu<P: Machine>(
    info: &DeviceInfo,
    puzzle: &P::Puzzle,
    shared: &P::Shared,
    setup: &Setup,
    stop: &Stop,
) -> Result<AnyDevice<P>, ProverError> {
    let bar = bar(&format!("loading {}", info.name));
    let info = &with_trusted_units(info);
    let opened = P::open_gpu(info, puzzle, shared, setup, &mut advance(&bar, stop));
    bar.finish_and_clear();
    opened
}

/// `info` with its matrix units as another process of this program found them.
fn with_trusted_units(info: &DeviceInfo) -> DeviceInfo {
    let Ok(mut program) = crate::program::again() else {
        return DeviceInfo { matrix_units: None, ..info.clone() };
    };
    program.arg(PROBE);
    in_child(info, program, &CachePlace::User)
}

fn open_cpu<P: Machine>(
    puzzle: &P::Puzzle,
    shared: &P::Shared,
    setup: &Setup,
    stop: &Stop,
) -> Result<AnyDevice<P>, ProverError> {
    let bar = bar("loading the CPU");
    let opened = P::open_cpu(puzzle, shared, setup, &mut advance(&bar, stop));
    bar.finish_and_clear();
    opened
}

/// The adapters to open, none for the CPU.
pub(crate) fn choose(args: &DeviceArgs) -> Result<Vec<DeviceInfo>, ProverError> {
    if args.backend == Backend::Cpu {
        return match args.adapter.first() {
            None => Ok(Vec::new()),
            Some(name) => {
                let expected = "no adapter with --backend cpu".into();
                Err(ProverError::Argument { what: "--adapter", got: name.clone(), expected })
            }
        };
    }
    if !args.adapter.is_empty() {
        let find = |name: &String| {
            let selector: DeviceSelector = name.parse().unwrap_or_else(|never| match never {});
            block_on(selector.find()).map_err(ProverError::from)
        };
        let mut found: Vec<DeviceInfo> = args.adapter.iter().map(find).collect::<Result<_, _>>()?;
        found.sort_by_key(|info| info.index);
        found.dedup_by_key(|info| info.index);
        return Ok(found);
    }
    let all = block_on(devices());
    let usable = |info: &&DeviceInfo| info.usable.is_ok();
    let hardware: Vec<DeviceInfo> =
        all.iter().filter(usable).filter(|info| !info.is_software()).cloned().collect();
    if !hardware.is_empty() {
        return Ok(one_of_each(hardware));
    }
    if args.backend == Backend::Auto {
        let names: Vec<&str> = all.iter().map(|info| info.name.as_str()).collect();
        let there =
            if names.is_empty() { "no adapter at all".into() } else { format!("only {}", names.join(", ")) };
        tracing::info!("no hardware GPU here ({there}): using the CPU");
        return Ok(Vec::new());
    }
    let software = block_on(DeviceSelector::Best.find())?;
    tracing::warn!("no hardware GPU here: using the software driver {}", software.name);
    Ok(vec![software])
}

#[cfg(test)]
mod tests;
