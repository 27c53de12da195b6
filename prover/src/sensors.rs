//! Temperature and power of devices, by their PCI address: what Linux's hwmon says (AMD, Intel), else NVIDIA's library.

pub mod power;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where Linux lists its PCI devices.
const SYSFS: &str = "/sys/bus/pci/devices";

/// What a device's sensors say, as far as they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Of the chip, in degrees Celsius.
    pub temperature_c: Option<f64>,
    /// What it draws, in watts.
    pub power_w: Option<f64>,
    /// What it may draw, in watts.
    pub power_limit_w: Option<f64>,
}

/// The version numbers of NVIDIA's driver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NvidiaDriver {
    /// Of the driver.
    pub driver_version: String,
    /// Of CUDA in it.
    pub cuda_driver_version: String,
    /// Of the library that tells these.
    pub nvml_version: String,
}

/// What can be asked.
#[derive(Debug)]
pub struct Sensors {
    sysfs: PathBuf,
    nvml: Option<Nvml>,
}

impl Default for Sensors {
    fn default() -> Self {
        // Most machines have no such library, and that is no trouble.
        Self { sysfs: SYSFS.into(), nvml: Nvml::init().ok() }
    }
}

impl Sensors {
    /// Those of a folder in place of sysfs's, and no others.
    #[must_use]
    pub fn of_sysfs(sysfs: &Path) -> Self {
        Self { sysfs: sysfs.to_owned(), nvml: None }
    }

    /// What the device at a PCI address, such as `0000:03:00.0`, says of itself.
    #[must_use]
    pub fn read(&self, pci_address: &str) -> Reading {
        let by_hwmon = self.hwmon(pci_address);
        let nvml = self.nvml.as_ref().filter(|_| is_address(pci_address));
        let by_nvml = nvml.map(|nvml| of_nvidia(nvml, pci_address)).unwrap_or_default();
        Reading {
            temperature_c: by_hwmon.temperature_c.or(by_nvml.temperature_c),
            power_w: by_hwmon.power_w.or(by_nvml.power_w),
            power_limit_w: self.power_limit(pci_address).ok().map(|limit| limit.now),
        }
    }

    fn hwmon(&self, pci_address: &str) -> Reading {
        let mut reading = Reading::default();
        for folder in self.folders(pci_address) {
            let number = |name: &str| -> Option<f64> {
                std::fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
            };
            // Thousandths of a degree; millionths of a watt. amdgpu has the edge's temperature first.
            reading.temperature_c = reading.temperature_c.or(number("temp1_input").map(|milli| milli / 1e3));
            let power = number("power1_average").or_else(|| number("power1_input"));
            reading.power_w = reading.power_w.or(power.map(|micro| micro / 1e6));
        }
        reading
    }

    /// A device's folders of hwmon.
    fn folders(&self, pci_address: &str) -> impl Iterator<Item = PathBuf> {
        let is_known = is_address(pci_address);
        let folders = is_known.then(|| std::fs::read_dir(self.sysfs.join(pci_address).join("hwmon")));
        folders.into_iter().flatten().flatten().flatten().map(|folder| folder.path())
    }

    /// NVIDIA's driver, where there is one.
    #[must_use]
    pub fn nvidia_driver(&self) -> Option<NvidiaDriver> {
        let nvml = self.nvml.as_ref()?;
        let cuda = nvml.sys_cuda_driver_version().ok()?;
        Some(NvidiaDriver {
            driver_version: nvml.sys_driver_version().ok()?,
            cuda_driver_version: format!("{}.{}", cuda / 1000, cuda % 1000 / 10),
            nvml_version: nvml.sys_nvml_version().ok()?,
        })
    }
}

/// Whether it is a PCI address: it comes from a driver, and must not lead out of the folder.
fn is_address(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
        && !text.contains("..")
}

fn of_nvidia(nvml: &Nvml, pci_address: &str) -> Reading {
    let Ok(device) = nvml.device_by_pci_bus_id(pci_address) else { return Reading::default() };
    Reading {
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        // Milliwatts.
        power_w: device.power_usage().ok().map(|milli| f64::from(milli) / 1e3),
        power_limit_w: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reading, Sensors};

    #[test]
    fn hwmon_is_read_by_pci_address() {
        let sysfs = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = sysfs.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("0000:03:00.0/hwmon/hwmon4/temp1_input", "61500\n");
        write("0000:03:00.0/hwmon/hwmon4/power1_average", "187250000\n");
        write("0000:04:00.0/hwmon/hwmon2/power1_input", "75000000\n");
        write("0000:04:00.0/hwmon/hwmon2/temp1_input", "no number");
        write("secret/hwmon/hwmon0/temp1_input", "1000");
        let sensors = Sensors::of_sysfs(sysfs.path());
        let reading = |temperature_c, power_w| Reading { temperature_c, power_w, power_limit_w: None };
        assert_eq!(sensors.read("0000:03:00.0"), reading(Some(61.5), Some(187.25)));
        assert_eq!(sensors.read("0000:04:00.0"), reading(None, Some(75.0)));
        for none in ["0000:05:00.0", "", "../secret", "secret", ".."] {
            assert_eq!(sensors.read(none), Reading::default(), "{none}");
        }
        assert_eq!(sensors.nvidia_driver(), None);
    }
}
