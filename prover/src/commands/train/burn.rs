//! Steps in floats, where the command is built with them (`--features float`): burn takes long to compile.

#[cfg(feature = "float")]
pub(super) use sphere_pow_float::Steps;

use crate::error::ProverError;
use sphere_pow_core::train::Run;

/// What makes the steps of a run in f32.
#[cfg(feature = "float")]
pub(super) fn steps(run: &Run) -> Result<Steps<'_>, ProverError> {
    Ok(Steps::new(run, sphere_pow_float::Arithmetic::F32))
}

/// What makes the steps of a run in f32: not in this build.
#[cfg(not(feature = "float"))]
pub(super) fn steps(_: &Run) -> Result<Steps<'_>, ProverError> {
    Err(ProverError::NotBuilt { what: "lanes in floats", feature: "float" })
}

/// None: [`steps`] gives an error.
#[cfg(not(feature = "float"))]
pub(super) struct Steps<'a>(std::convert::Infallible, std::marker::PhantomData<&'a ()>);

#[cfg(not(feature = "float"))]
impl Steps<'_> {
    pub(super) fn step(
        &self,
        _: &sphere_pow_core::train::Lane,
        _: u32,
        _: &mut sphere_pow_core::train::float::FloatState,
    ) -> f64 {
        match self.0 {}
    }

    pub(super) fn validate(&self, _: &[f32], _: usize) -> (f64, usize) {
        match self.0 {}
    }
}
