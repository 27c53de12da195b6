//! A pool that is read while it is made.

use super::{PoolMaker, copy_out, zeros};
use core::ops::{ControlFlow, Range};
use half::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::identity::BlockHash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// How often whoever waits is asked whether to go on.
const TICK: Duration = Duration::from_millis(50);

/// A weight pool that one thread makes while others read what there is of it.
#[derive(Debug)]
pub struct GrowingPool {
    params: Params,
    block: BlockHash,
    /// `[pool_len]`; empty once the pool is whole.
    values: RwLock<Vec<f16>>,
    whole: OnceLock<Arc<Vec<f16>>>,
    state: Mutex<State>,
    grew: Condvar,
}

#[derive(Debug, Default)]
struct State {
    made: usize,
    /// Nobody makes any more of it.
    is_over: bool,
}

/// Ends the making, however that ends.
struct Making<'a>(&'a GrowingPool);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.grew.notify_all();
    }
}

impl GrowingPool {
    /// The pool of `block`, of which nothing is made yet.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash) -> Self {
        Self {
            params: params.clone(),
            block: block.clone(),
            values: RwLock::new(zeros(params.pool_len())),
            whole: OnceLock::new(),
            state: Mutex::default(),
            grew: Condvar::new(),
        }
    }

    /// How many values it has when it is whole.
    #[must_use]
    pub fn values(&self) -> usize {
        self.params.pool_len()
    }

    /// Makes it, once, on all threads, telling the share done; where `progress` breaks, it stays in part.
    pub fn make(&self, progress: &(dyn Fn(f32) -> ControlFlow<()> + Sync)) -> ControlFlow<()> {
        let _making = Making(self);
        let mut maker = PoolMaker::new(&self.params, &self.block);
        while maker.filled < maker.len {
            progress(maker.fraction())?;
            maker.read();
            {
                let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
                maker.filled += copy_out(&maker.segments, &mut values[maker.filled..]);
                if maker.filled == maker.len {
                    let whole = Arc::new(core::mem::take(&mut *values));
                    self.whole.set(whole).expect("a pool is made once");
                }
            }
            self.state().made = maker.filled;
            self.grew.notify_all();
        }
        progress(1.0)
    }

    /// Waits for values `range` and gives them to `take`; meanwhile asks `goes_on` again and again. Breaks when that does, or
    /// when they will never be made.
    pub fn read(
        &self,
        range: Range<usize>,
        goes_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f16]),
    ) -> ControlFlow<()> {
        self.wait(range.end, goes_on)?;
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        // Whoever made it whole took them out under the lock.
        take(&self.whole.get().map_or(&*values, |whole| &**whole)[range]);
        ControlFlow::Continue(())
    }

    /// Waits for all of it, as [`Self::read`] does.
    pub fn whole(&self, goes_on: &mut dyn FnMut() -> ControlFlow<()>) -> Option<Arc<Vec<f16>>> {
        self.wait(self.values(), goes_on).is_continue().then(|| self.whole.get().cloned())?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, made: usize, goes_on: &mut dyn FnMut() -> ControlFlow<()>) -> ControlFlow<()> {
        loop {
            let state = self.state();
            let missing = |state: &mut State| state.made < made && !state.is_over;
            let waited = self.grew.wait_timeout_while(state, TICK, missing);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.made >= made {
                return ControlFlow::Continue(());
            }
            if state.is_over {
                return ControlFlow::Break(());
            }
            drop(state);
            goes_on()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::weight_pool;
    use super::*;
    use sphere_pow_core::gonka::Preset;

    fn pool() -> GrowingPool {
        GrowingPool::new(&Preset::DevTest.params(), &BlockHash::new("growing").expect("a hash"))
    }

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn whoever_reads_it_while_it_grows_gets_the_pool() {
        let pool = pool();
        let want = weight_pool(&pool.params, &pool.block);
        let copy = |step: usize| {
            let mut got = Vec::new();
            for first in (0..pool.values()).step_by(step) {
                let range = first..pool.values().min(first + step);
                let read = pool.read(range, &mut go_on, &mut |values| got.extend_from_slice(values));
                assert!(read.is_continue());
            }
            got
        };
        std::thread::scope(|scope| {
            let readers = [1 << 16, 1 << 20, usize::MAX >> 1].map(|step| scope.spawn(move || copy(step)));
            assert!(pool.make(&|_| ControlFlow::Continue(())).is_continue());
            for reader in readers {
                assert!(reader.join().expect("a copy") == want);
            }
        });
        assert!(copy(1 << 18) == want, "after it is whole");
        assert!(*pool.whole(&mut go_on).expect("whole") == want);
    }

    #[test]
    fn whoever_waits_for_what_nobody_makes_is_let_go() {
        let pool = pool();
        // Nobody has begun: it is the reader who stops.
        let mut asked = 0;
        let mut stop = || {
            asked += 1;
            if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert!(pool.read(0..1, &mut stop, &mut |_| panic!("there is none")).is_break());
        assert_eq!(asked, 3);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.whole(&mut go_on));
            assert!(pool.make(&|_| ControlFlow::Break(())).is_break());
            assert!(waiting.join().expect("an answer").is_none());
        });
        assert!(pool.read(0..1, &mut go_on, &mut |_| panic!("there is none")).is_break());
    }
}
