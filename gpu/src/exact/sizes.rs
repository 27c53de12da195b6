//! What fits a device: where weights lie and how many nonces there are at once, for products of either operand.

use super::choose::Wish;
use super::executor::ExactGpuOptions;
use super::kernels::linear::Operand;
use super::layout::{Layout, WeightPlace};
use crate::device::DeviceInfo;
use crate::error::GpuError;
use sphere_pow_core::exact::Params;
use std::num::NonZeroUsize;

/// How a model lies on a device.
#[derive(Clone, Debug)]
pub struct Size {
    /// For products of one operand.
    pub layout: Layout,
    /// Where weights are.
    pub place: WeightPlace,
    /// Nonces at once.
    pub batch: usize,
}

/// The sizes for each operand, before it is known which products are fastest.
#[derive(Clone, Debug)]
pub struct Sizes {
    int8: Size,
    /// None where matrix units are to be done without: f16 takes twice the memory.
    f16: Option<Size>,
}

impl Sizes {
    /// The sizes of a model under the device's limits and the options. Weights that do not fit are made as they are used.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when not even that fits, for f16 only where the options ask for matrix units.
    pub fn choose(info: &DeviceInfo, params: &Params, options: &ExactGpuOptions) -> Result<Self, GpuError> {
        let of = |operand| Size::choose(info, params, operand, options);
        let f16 = of(Operand::F16);
        if let (Some(Operand::F16), Err(error)) = (options.kernel.map(|method| method.operand()), &f16) {
            return Err(error.clone());
        }
        Ok(Self { int8: of(Operand::Int8)?, f16: f16.ok() })
    }

    /// What products are chosen for.
    #[must_use]
    pub fn wish(&self, info: &DeviceInfo, params: &Params, options: &ExactGpuOptions) -> Wish {
        // A software driver would take seconds for what tells a GPU's variants apart, and cares little for shapes.
        let (rows, dim) = if info.is_software() {
            ([128, 8], 256)
        } else {
            let batch = self.int8.batch;
            let rows = [batch * params.tokens(), batch].map(|rows| rows.next_power_of_two().min(4096));
            (rows, params.dim())
        };
        let (method, checked, cache) = (options.kernel, options.checked, options.cache.clone());
        Wish { method, fits_f16: self.f16.is_some(), checked, cache, rows, dim }
    }

    /// Those for products that read `operand`.
    ///
    /// # Panics
    /// When f16 does not fit, which the wish says.
    #[must_use]
    pub fn of(self, operand: Operand) -> Size {
        match operand {
            Operand::Int8 => self.int8,
            Operand::F16 => self.f16.expect("what does not fit is not chosen"),
        }
    }
}

impl Size {
    fn choose(
        info: &DeviceInfo,
        params: &Params,
        operand: Operand,
        options: &ExactGpuOptions,
    ) -> Result<Self, GpuError> {
        let layout = Layout::new(params, operand, (&info.name, &info.limits), options.max_binding_bytes)?;
        let limit = options.memory_limit_bytes.unwrap_or_else(|| info.default_memory_bytes());
        let wanted = options.batch.map_or(1, NonZeroUsize::get);
        let places = match options.weights {
            Some(place) => vec![place],
            None => vec![WeightPlace::Resident, WeightPlace::Streamed],
        };
        for place in &places {
            let most = layout.max_batch(limit, *place);
            if most >= wanted {
                let most_wanted = layout.wanted_batch(info.is_software()).min(most);
                let batch = options.batch.map_or(most_wanted, NonZeroUsize::get);
                return Ok(Self { layout, place: *place, batch });
            }
        }
        let place = places[places.len() - 1];
        let (needed, most) = (layout.memory_bytes(wanted, place), layout.max_batch(u64::MAX, place));
        let name = info.name.clone();
        Err(if needed > limit {
            GpuError::Limit { name, what: "memory in bytes", needed, limit }
        } else {
            GpuError::Limit { name, what: "batch in nonces", needed: wanted as u64, limit: most as u64 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceLimits;
    use crate::exact::Method;
    use sphere_pow_core::exact::Preset;

    #[test]
    fn what_does_not_fit_as_f16_is_made_as_it_is_used_or_multiplied_as_int8() {
        let params = Preset::Standard.params();
        let info = |memory: u64| DeviceInfo {
            index: 0,
            name: "toy".into(),
            pci_address: None,
            uuid: None,
            backend: "vulkan".into(),
            driver: String::new(),
            device_type: "discrete",
            memory_bytes: Some(memory),
            limits: DeviceLimits::new(&wgpu::Limits::default()),
            matrix_units: None,
            usable: Ok(()),
        };
        let sizes = |memory, options: &ExactGpuOptions| Sizes::choose(&info(memory), &params, options);
        let places = |memory| {
            let sizes = sizes(memory, &ExactGpuOptions::default()).expect("fits");
            let limit = info(memory).default_memory_bytes();
            for size in [Some(&sizes.int8), sizes.f16.as_ref()].into_iter().flatten() {
                assert!(size.batch > 0 && size.layout.memory_bytes(size.batch, size.place) <= limit);
            }
            (sizes.int8.place, sizes.f16.map(|size| size.place))
        };
        let (resident, streamed) = (WeightPlace::Resident, WeightPlace::Streamed);
        assert_eq!(places(1 << 30), (resident, Some(resident)));
        assert_eq!(places(600 << 20), (resident, Some(streamed)));
        assert_eq!(places(64 << 20), (streamed, Some(streamed)));
        // A nonce at a time takes 14.0 and 15.6 MB, and 14.3 are given.
        assert_eq!(places(17 << 20), (streamed, None));
        let options = ExactGpuOptions { kernel: Some(Method::Coop16), ..ExactGpuOptions::default() };
        let refused = sizes(17 << 20, &options);
        assert!(matches!(refused, Err(GpuError::Limit { what: "memory in bytes", .. })), "{refused:?}");
    }
}
