//! The caller's progress function: told the share done, it answers whether to stop.

use core::ops::ControlFlow;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use js_sys::Function;
use wasm_bindgen::JsValue;

/// Calls `function(fraction)`; a true answer, or an exception, means stop.
pub fn tell(function: &Function, fraction: f64) -> ControlFlow<()> {
    match function.call1(&JsValue::UNDEFINED, &JsValue::from_f64(fraction)) {
        Ok(answer) if answer.is_falsy() => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}

/// What a future gives that is ready when first polled, as those of a CPU are.
///
/// # Panics
/// When it is not.
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("an executor of this thread waits for nobody"),
    }
}
