//! How a user names an adapter: by index, by where it sits, by its own number, or by a part of its name.

use super::device::{DeviceInfo, devices};
use super::error::GpuError;
use std::fmt;
use std::str::FromStr;

/// How a user names an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceSelector {
    /// The first usable one, hardware before software.
    Best,
    /// By [`DeviceInfo::index`]; a number that is no index is looked for in the names.
    Index(usize),
    /// By PCI address, `0000:01:00.0`; the domain may be left out.
    Pci(String),
    /// By UUID, without dashes.
    Uuid(String),
    /// By its name, or else by a part of it; any case.
    Name(String),
}

impl FromStr for DeviceSelector {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // First the number of 32 digits, which may all be decimal.
        let number = uuid(text).map(Self::Uuid);
        let place = || pci_address(text).map(Self::Pci);
        let index = || text.parse().ok().map(Self::Index);
        Ok(number.or_else(place).or_else(index).unwrap_or_else(|| Self::Name(text.to_owned())))
    }
}

/// A PCI address with its domain, in lower case.
fn pci_address(text: &str) -> Option<String> {
    let (place, function) = text.rsplit_once('.')?;
    let is_hex = |part: &str, digits: usize| {
        !part.is_empty() && part.len() <= digits && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parts: Vec<&str> = place.split(':').collect();
    let (domain, bus, device) = match parts[..] {
        [bus, device] => ("0", bus, device),
        [domain, bus, device] => (domain, bus, device),
        _ => return None,
    };
    let is_address = is_hex(domain, 8) && is_hex(bus, 2) && is_hex(device, 2) && is_hex(function, 1);
    is_address.then(|| format!("{domain:0>4}:{bus:0>2}:{device:0>2}.{function}").to_ascii_lowercase())
}

/// The digits of a UUID, in lower case.
fn uuid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| digits.to_ascii_lowercase())
}

impl fmt::Display for DeviceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.write_str("usable"),
            Self::Index(index) => write!(f, "number {index}"),
            Self::Pci(address) => write!(f, "at {address}"),
            Self::Uuid(digits) => write!(f, "of UUID {digits}"),
            Self::Name(name) => write!(f, "named {name:?}"),
        }
    }
}

/// An adapter among others: all that it can be named by.
fn listed(info: &DeviceInfo) -> String {
    let mut text = format!("{} {:?}", info.index, info.name);
    for (what, value) in [("at", &info.pci_address), ("UUID", &info.uuid)] {
        if let Some(value) = value {
            text.push_str(&format!(" {what} {value}"));
        }
    }
    text
}

impl DeviceSelector {
    /// Finds the adapter among those of the machine.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`], [`GpuError::NoSuchAdapter`], [`GpuError::Ambiguous`], or [`GpuError::Unusable`] when the
    /// one named is.
    pub async fn find(&self) -> Result<DeviceInfo, GpuError> {
        self.choose(devices().await)
    }

    fn choose(&self, mut all: Vec<DeviceInfo>) -> Result<DeviceInfo, GpuError> {
        if all.is_empty() {
            return Err(GpuError::NoAdapter);
        }
        let list = |all: &[DeviceInfo]| all.iter().map(listed).collect::<Vec<_>>().join(", ");
        let found = list(&all);
        match self {
            Self::Best => all.sort_by_key(DeviceInfo::rank),
            Self::Index(index) if *index < all.len() => all.retain(|info| info.index == *index),
            // "3080" is no index, but part of a name.
            Self::Index(number) => named(&number.to_string(), &mut all),
            Self::Pci(address) => all.retain(|info| info.pci_address.as_ref() == Some(address)),
            Self::Uuid(digits) => {
                all.retain(|info| info.uuid.as_deref().and_then(uuid).as_ref() == Some(digits));
            }
            Self::Name(name) => named(name, &mut all),
        }
        // Of several that fit, those that cannot be used are not meant; of several that can, it is not ours to choose.
        if *self != Self::Best && all.iter().any(|info| info.usable.is_ok()) {
            all.retain(|info| info.usable.is_ok());
            if all.len() > 1 {
                return Err(GpuError::Ambiguous { wanted: self.to_string(), found: list(&all) });
            }
        }
        let missing = GpuError::NoSuchAdapter { wanted: self.to_string(), found };
        let info = all.into_iter().next().ok_or(missing)?;
        match &info.usable {
            Ok(()) => Ok(info),
            Err(reason) => Err(GpuError::Unusable { name: info.name, reason: reason.clone() }),
        }
    }
}

/// Keeps those of that name, or where there is none those with it in their name.
fn named(name: &str, all: &mut Vec<DeviceInfo>) {
    let wanted = name.to_lowercase();
    let is_whole = all.iter().any(|info| info.name.to_lowercase() == wanted);
    all.retain(|info| {
        let name = info.name.to_lowercase();
        if is_whole { name == wanted } else { name.contains(&wanted) }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceLimits, name_apart};

    fn info(index: usize, name: &str, device_type: &'static str, usable: bool) -> DeviceInfo {
        DeviceInfo {
            index,
            name: name.into(),
            pci_address: None,
            uuid: None,
            backend: "vulkan".into(),
            driver: String::new(),
            device_type,
            memory_bytes: None,
            limits: DeviceLimits::new(&wgpu::Limits::default()),
            matrix_units: None,
            usable: if usable { Ok(()) } else { Err("broken".into()) },
        }
    }

    /// Two cards of one kind, another whose name begins alike, and a software driver.
    fn rig() -> Vec<DeviceInfo> {
        let mut all = vec![
            info(0, "Fast 3080", "discrete", true),
            info(1, "Fast 3080", "discrete", true),
            info(2, "Fast 3080 Ti", "discrete", true),
            info(3, "llvmpipe", "cpu", true),
        ];
        for (ix, bus) in [(0, "01"), (1, "0a")] {
            all[ix].pci_address = Some(format!("0000:{bus}:00.0"));
            all[ix].uuid = Some(format!("00000000-0000-0000-0000-0000000000{bus}"));
        }
        name_apart(all.iter_mut().collect());
        all
    }

    fn choose(text: &str) -> Result<usize, GpuError> {
        text.parse::<DeviceSelector>().expect("any text").choose(rig()).map(|info| info.index)
    }

    #[test]
    fn selects_by_index_place_number_and_name() {
        assert_eq!(choose("3"), Ok(3));
        for text in ["0000:0a:00.0", "0a:00.0", "0A:0.0", "a:0.0", "00000000-0000-0000-0000-00000000000a"] {
            assert_eq!(choose(text), Ok(1), "{text}");
        }
        assert_eq!(choose(&format!("{:032X}", 1)), Ok(0));
        assert_eq!(choose("LLVM"), Ok(3));
        assert_eq!(choose("3080 ti"), Ok(2));
        // Names that messages use.
        assert_eq!(choose("Fast 3080 at 0000:01:00.0"), Ok(0));
        assert_eq!(DeviceSelector::Best.choose(rig()).map(|info| info.index), Ok(0));
        for text in ["7", "02:00.0", "ffffffff-0000-0000-0000-00000000000a", "slow"] {
            assert!(matches!(choose(text), Err(GpuError::NoSuchAdapter { .. })), "{text}");
        }
        assert_eq!(DeviceSelector::Best.choose(Vec::new()), Err(GpuError::NoAdapter));
    }

    #[test]
    fn a_name_of_several_is_refused_with_the_candidates() {
        for text in ["3080", "fast"] {
            let Err(GpuError::Ambiguous { wanted, found }) = choose(text) else { panic!("{text} was taken") };
            assert!(wanted.contains(text), "{wanted}");
            assert!(
                found.contains("0 \"Fast 3080 at 0000:01:00.0\"") && found.contains("0000:0a:00.0"),
                "{found}"
            );
            assert!(!found.contains("llvmpipe"), "{found}");
        }
        // What cannot be used was not meant.
        let mut all = rig();
        all[0].usable = Err("old".into());
        all[2].usable = Err("old".into());
        assert_eq!(DeviceSelector::Name("3080".into()).choose(all).map(|info| info.index), Ok(1));
    }

    #[test]
    fn an_unusable_adapter_is_an_error_with_its_reason() {
        let chosen = DeviceSelector::Index(0).choose(vec![info(0, "old", "discrete", false)]);
        assert_eq!(chosen, Err(GpuError::Unusable { name: "old".into(), reason: "broken".into() }));
    }

    #[test]
    fn adapters_of_one_name_are_told_apart() {
        let names: Vec<String> = rig().into_iter().map(|info| info.name).collect();
        assert_eq!(
            names,
            ["Fast 3080 at 0000:01:00.0", "Fast 3080 at 0000:0a:00.0", "Fast 3080 Ti", "llvmpipe"]
        );
        let mut same = [info(0, "pipe", "cpu", true), info(1, "pipe", "cpu", true)];
        name_apart(same.iter_mut().collect());
        assert_eq!((&*same[0].name, &*same[1].name), ("pipe number 0", "pipe number 1"));
    }

    #[test]
    fn a_gpu_that_one_interface_lists_is_not_lost() {
        use crate::device::one_of_each;
        let of = |index, name: &str, backend: &str, place: Option<&str>| {
            let mut info = info(index, name, "discrete", true);
            (info.backend, info.pci_address) = (backend.into(), place.map(Into::into));
            info
        };
        let kept = |mut all: Vec<DeviceInfo>| {
            name_apart(all.iter_mut().collect());
            one_of_each(all).into_iter().map(|info| info.index).collect::<Vec<_>>()
        };
        let [one, other] = [Some("0000:01:00.0"), Some("0000:0a:00.0")];
        assert_eq!(kept(vec![of(0, "A", "vulkan", one), of(1, "A", "dx12", one)]), [0]);
        assert_eq!(kept(vec![of(0, "A", "vulkan", None), of(1, "A", "dx12", one)]), [0]);
        assert_eq!(kept(vec![of(0, "A", "vulkan", one), of(1, "B", "dx12", other)]), [0, 1]);
        // Two cards of one name, of which Vulkan has one.
        let all =
            |place| vec![of(0, "A", "vulkan", place), of(1, "A", "dx12", one), of(2, "A", "dx12", other)];
        assert_eq!(kept(all(one)), [0, 2]);
        assert_eq!(kept(all(other)), [0, 1]);
        assert_eq!(kept(all(None)), [0, 2]);
        assert_eq!(kept(vec![of(0, "A", "dx12", None), of(1, "A", "dx12", None)]), [0, 1]);
    }

    #[test]
    fn an_adapter_is_found_again_when_another_has_gone() {
        let all = rig();
        let mut left: Vec<DeviceInfo> = all[1..].to_vec();
        left.iter_mut().for_each(|info| info.index -= 1);
        let left: Vec<&DeviceInfo> = left.iter().collect();
        assert_eq!(all[1].find_among(&left), Some(0));
        assert_eq!(all[0].find_among(&left), None);
        // Without a place only the index is left to go by.
        let plain = [info(0, "pipe", "cpu", true), info(1, "pipe", "cpu", true)];
        assert_eq!(plain[1].find_among(&[&plain[0], &plain[1]]), Some(1));
        assert_eq!(plain[1].find_among(&[&plain[0]]), None);
    }
}
