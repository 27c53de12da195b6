//! Limits of what a device may draw: Linux's hwmon (`power1_cap` of amdgpu and xe, `power1_max` of i915), else NVIDIA's library.

use super::Sensors;
use nvml_wrapper::error::NvmlError;
use std::path::PathBuf;

/// Watts that a driver may round by.
const ROUNDED: f64 = 1.0;

/// What a device may draw, in watts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLimit {
    /// Now.
    pub now: f64,
    /// The least that may be set; 0 where the driver does not say.
    pub least: f64,
    /// The most; infinite where the driver does not say.
    pub most: f64,
}

/// A limit that cannot be read or set. Each names the device's PCI address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PowerError {
    /// Nobody here can set one.
    #[error("the device at {place} has no power limit that can be set here: {reason}")]
    Unsupported {
        /// Its PCI address.
        place: String,
        /// What is missing.
        reason: String,
    },
    /// The device takes others.
    #[error("--power-limit is {watts} W, expected {least} to {most} W for the device at {place}")]
    Range {
        /// Its PCI address.
        place: String,
        /// What was asked.
        watts: f64,
        /// The least it takes.
        least: f64,
        /// The most it takes.
        most: f64,
    },
    /// This user may not.
    #[error(
        "the power limit of the device at {place} may not be set by this user, expected root or who may write it: {reason}"
    )]
    Denied {
        /// Its PCI address.
        place: String,
        /// What the system says.
        reason: String,
    },
    /// The driver failed, or took another limit than it was told.
    #[error("the power limit of the device at {place} was not set: {reason}")]
    Failed {
        /// Its PCI address.
        place: String,
        /// What happened.
        reason: String,
    },
}

impl PowerError {
    /// 2 for a limit that the device does not take, 3 for what the machine refuses.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Range { .. }) { 2 } else { 3 }
    }

    /// A stable name for the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "power-unsupported",
            Self::Range { .. } => "power-range",
            Self::Denied { .. } => "power-denied",
            Self::Failed { .. } => "power-failed",
        }
    }
}

impl Sensors {
    /// The limit of the device at a PCI address.
    ///
    /// # Errors
    /// [`PowerError::Unsupported`], or what its driver says.
    pub fn power_limit(&self, place: &str) -> Result<PowerLimit, PowerError> {
        if let Some(file) = self.cap(place) {
            let number = |ending: &str| -> Option<f64> {
                let name = format!("{}{ending}", file.file_name()?.to_str()?);
                let text = std::fs::read_to_string(file.with_file_name(name)).ok()?;
                text.trim().parse::<f64>().ok().map(|micro| micro / 1e6)
            };
            let unreadable =
                || PowerError::Failed { place: place.to_owned(), reason: "it cannot be read".into() };
            let now = number("").ok_or_else(unreadable)?;
            let most = number("_max").filter(|most| *most > 0.0).unwrap_or(f64::INFINITY);
            return Ok(PowerLimit { now, least: number("_min").unwrap_or(0.0), most });
        }
        let Some(nvml) = self.nvml.as_ref().filter(|_| super::is_address(place)) else {
            let reason = "no hwmon of it has power1_cap or power1_max, and NVIDIA's library is not there";
            return Err(PowerError::Unsupported { place: place.to_owned(), reason: reason.into() });
        };
        let read = || {
            let device = nvml.device_by_pci_bus_id(place)?;
            let range = device.power_management_limit_constraints()?;
            let watts = |milli: u32| f64::from(milli) / 1e3;
            let now = watts(device.power_management_limit()?);
            Ok(PowerLimit { now, least: watts(range.min_limit), most: watts(range.max_limit) })
        };
        read().map_err(|error| of_nvml(place, &error))
    }

    /// Sets it, and reads it back: a driver that takes another one is an error.
    ///
    /// # Errors
    /// Each [`PowerError`].
    pub fn set_power_limit(&self, place: &str, watts: f64) -> Result<(), PowerError> {
        let PowerLimit { least, most, .. } = self.power_limit(place)?;
        if !(least..=most).contains(&watts) {
            return Err(PowerError::Range { place: place.to_owned(), watts, least, most });
        }
        if let Some(file) = self.cap(place) {
            std::fs::write(&file, format!("{:.0}", watts * 1e6)).map_err(|error| {
                let (place, reason) = (place.to_owned(), format!("{}: {error}", file.display()));
                match error.kind() {
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                        PowerError::Denied { place, reason }
                    }
                    _ => PowerError::Failed { place, reason },
                }
            })?;
        } else if let Some(nvml) = &self.nvml {
            let set = || nvml.device_by_pci_bus_id(place)?.set_power_management_limit(milliwatts(watts));
            set().map_err(|error| of_nvml(place, &error))?;
        }
        let now = self.power_limit(place)?.now;
        if (now - watts).abs() > ROUNDED {
            let reason = format!("the driver was told {watts} W and has {now} W");
            return Err(PowerError::Failed { place: place.to_owned(), reason });
        }
        Ok(())
    }

    /// The file of hwmon that holds the limit, in millionths of a watt.
    fn cap(&self, place: &str) -> Option<PathBuf> {
        self.folders(place)
            .flat_map(|folder| ["power1_cap", "power1_max"].map(|name| folder.join(name)))
            .find(|file| file.exists())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the device's range")]
fn milliwatts(watts: f64) -> u32 {
    (watts * 1e3).round() as u32
}

fn of_nvml(place: &str, error: &NvmlError) -> PowerError {
    let (place, reason) = (place.to_owned(), error.to_string());
    match error {
        NvmlError::NoPermission => PowerError::Denied { place, reason },
        NvmlError::NotSupported | NvmlError::NotFound | NvmlError::InvalidArg => {
            PowerError::Unsupported { place, reason }
        }
        _ => PowerError::Failed { place, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::{PowerError, PowerLimit, Sensors};
    use std::path::PathBuf;

    const CARD: &str = "0000:03:00.0";

    /// A folder like sysfs's, with a device whose hwmon holds these files.
    fn device(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, Sensors) {
        let sysfs = tempfile::tempdir().unwrap();
        let hwmon = sysfs.path().join(CARD).join("hwmon/hwmon3");
        std::fs::create_dir_all(&hwmon).unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(hwmon.join(name), text).unwrap());
        let sensors = Sensors::of_sysfs(sysfs.path());
        (sysfs, hwmon, sensors)
    }

    const AMD: [(&str, &str); 3] =
        [("power1_cap", "303000000\n"), ("power1_cap_max", "348000000\n"), ("power1_cap_min", "90000000\n")];

    #[test]
    fn a_limit_is_set_within_what_the_driver_says() {
        let (_sysfs, hwmon, sensors) = device(&AMD);
        let limit = PowerLimit { now: 303.0, least: 90.0, most: 348.0 };
        assert_eq!(sensors.power_limit(CARD).unwrap(), limit);
        sensors.set_power_limit(CARD, 220.5).unwrap();
        assert_eq!(std::fs::read_to_string(hwmon.join("power1_cap")).unwrap(), "220500000");
        assert_eq!(sensors.read(CARD).power_limit_w, Some(220.5));
        for watts in [89.0, 349.0, f64::NAN, -1.0, f64::INFINITY] {
            let error = sensors.set_power_limit(CARD, watts).unwrap_err();
            assert!(matches!(error, PowerError::Range { .. }), "{watts}: {error}");
            assert!(error.to_string().contains("expected 90 to 348 W"), "{error}");
        }
        assert_eq!(sensors.power_limit(CARD).unwrap().now, 220.5, "a refusal changed something");
    }

    #[test]
    fn intel_names_it_otherwise_and_says_no_range() {
        let (_sysfs, _, sensors) = device(&[("power1_max", "190000000")]);
        let limit = PowerLimit { now: 190.0, least: 0.0, most: f64::INFINITY };
        assert_eq!(sensors.power_limit(CARD).unwrap(), limit);
        sensors.set_power_limit(CARD, 150.0).unwrap();
        assert_eq!(sensors.power_limit(CARD).unwrap().now, 150.0);
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        let (sysfs, hwmon, sensors) = device(&[("power1_average", "1")]);
        for place in [CARD, "0000:09:00.0", "../0000:03:00.0", ""] {
            let error = sensors.set_power_limit(place, 100.0).unwrap_err();
            assert!(matches!(error, PowerError::Unsupported { .. }), "{place}: {error}");
        }
        std::fs::write(hwmon.join("power1_cap"), "no number").unwrap();
        assert!(matches!(sensors.power_limit(CARD), Err(PowerError::Failed { .. })));
        drop(sysfs);
    }
}
