//! Wires between the processes of a box that can be cut: a network namespace for each host, joined by a bridge in one
//! more. It takes Linux, `ip` of iproute2, and the right to make namespaces.

use crate::error::ProverError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

/// Where every host listens in its own namespace.
const PORT: u16 = 7000;

/// The wires of one box. They go when this does.
pub(super) struct Wires {
    /// What the names of its namespaces begin with.
    prefix: String,
    hosts: usize,
}

impl Wires {
    /// The address of a host of that number: the same in every box, since nobody outside of its namespaces sees it.
    pub(super) fn address(number: usize) -> SocketAddr {
        let host = u8::try_from(number + 1).expect("at most 64 hosts");
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, host)), PORT)
    }

    /// Where a host of that number gives blobs to others.
    pub(super) fn blobs(number: usize) -> SocketAddr {
        SocketAddr::new(Self::address(number).ip(), PORT + 1)
    }

    /// Lays wires between so many hosts.
    ///
    /// # Errors
    /// [`ProverError::Network`] where namespaces cannot be made; what was laid is removed.
    pub(super) fn lay(hosts: usize) -> Result<Self, ProverError> {
        let wires = Self { prefix: format!("sphere-pow-{}", std::process::id()), hosts };
        let hub = wires.hub();
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "add", "hub", "type", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "hub", "up"])?;
        for number in 0..hosts {
            let (host, wire) = (wires.namespace(number), wire(number));
            ip(&["netns", "add", &host])?;
            let ends = ["type", "veth", "peer", "name", "wire", "netns", &host];
            ip(&[&["-n", &hub, "link", "add", &wire][..], &ends].concat())?;
            ip(&["-n", &hub, "link", "set", &wire, "master", "hub", "up"])?;
            let address = format!("{}/24", Self::address(number).ip());
            ip(&["-n", &host, "address", "add", &address, "dev", "wire"])?;
            ip(&["-n", &host, "link", "set", "wire", "up"])?;
            ip(&["-n", &host, "link", "set", "lo", "up"])?;
        }
        Ok(wires)
    }

    /// The name of a host's namespace.
    pub(super) fn namespace(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    /// Cuts a host off from all others, or joins it again: packets are lost on the way, connections stay as they are.
    ///
    /// # Errors
    /// [`ProverError::Network`].
    pub(super) fn set(&self, number: usize, is_whole: bool) -> Result<(), ProverError> {
        let state = if is_whole { "up" } else { "down" };
        ip(&["-n", &self.hub(), "link", "set", &wire(number), state])
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        // With a namespace go its ends of wires, and with these the others.
        for name in (0..self.hosts).map(|number| self.namespace(number)).chain([self.hub()]) {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

/// A host's wire, by its name at the hub.
fn wire(number: usize) -> String {
    format!("host-{number}")
}

fn ip(args: &[&str]) -> Result<(), ProverError> {
    let failed = |said: &str| ProverError::Network {
        reason: format!(
            "wires that can be cut take network namespaces (Linux, iproute2, root): `ip {}`: {said}; expected \
             that right, or --simulated",
            args.join(" ")
        ),
    };
    let output = Command::new("ip").args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

/// Moves the calling thread, and all that it begins from here on, into a namespace.
///
/// # Errors
/// The system's.
#[cfg(target_os = "linux")]
pub(super) fn enter(namespace: &str) -> std::io::Result<()> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd;
    let file = std::fs::File::open(std::path::Path::new("/run/netns").join(namespace))?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Nowhere else are there any.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub(super) fn enter(_namespace: &str) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
