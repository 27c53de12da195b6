//! The caller's progress function: told the share done, it answers whether to stop.

use core::ops::ControlFlow;
use js_sys::Function;
use wasm_bindgen::JsValue;

/// Calls `function(fraction)`; a true answer, or an exception, means stop.
pub fn tell(function: &Function, fraction: f64) -> ControlFlow<()> {
    match function.call1(&JsValue::UNDEFINED, &JsValue::from_f64(fraction)) {
        Ok(answer) if answer.is_falsy() => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}
