use super::*;
use crate::device::fake::{Fake, Fault};
use crate::watch::Condition;
use sphere_pow_core::gonka::{Gonka, known_answer};
use sphere_pow_gpu::device::DeviceLimits;
use std::ops::ControlFlow;
use std::sync::{Condvar, Weak};
use std::time::Duration;

fn info(name: &str) -> DeviceInfo {
    let limits = DeviceLimits {
        buffer_bytes: 1,
        binding_bytes: 1,
        workgroup_bytes: 1,
        workgroup_threads: 1,
        workgroups: 1,
    };
    DeviceInfo {
        index: 0,
        name: name.into(),
        pci_address: None,
        uuid: None,
        backend: "vulkan".into(),
        driver: String::new(),
        device_type: "discrete",
        memory_bytes: None,
        limits,
        matrix_units: None,
        usable: Ok(()),
    }
}

#[test]
fn devices_are_opened_side_by_side_and_stand_in_their_order() {
    let chosen = ["a", "b", "c"].map(info);
    let (begun, all_begun) = (Mutex::new(0), Condvar::new());
    let opened = side_by_side(&chosen, |info| {
        *begun.lock().unwrap() += 1;
        all_begun.notify_all();
        // None ends before all have begun; one after the other they would wait for ever.
        let waited = all_begun.wait_timeout_while(begun.lock().unwrap(), Duration::from_secs(60), |n| *n < 3);
        assert!(!waited.unwrap().1.timed_out(), "{} waits alone", info.name);
        Ok(info.name.clone())
    });
    let names: Vec<String> = opened.into_iter().map(Result::unwrap).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_driver_that_panics_while_it_is_opened_is_named_and_the_others_are_had() {
    let chosen = ["good", "bad"].map(info);
    let opened = side_by_side(&chosen, |info| {
        assert_ne!(info.name, "bad", "a driver's bug");
        Ok(())
    });
    assert!(opened[0].is_ok());
    assert!(matches!(&opened[1], Err(ProverError::Panicked { device, .. }) if device == "bad"));
}

#[test]
fn only_devices_that_are_still_meant_are_kept_and_each_once() {
    let roster = Roster::default();
    let open = |name: &str| -> AnyDevice<Gonka> {
        let opener: Opener<Gonka> = {
            let name = name.to_owned();
            Arc::new(move |_, _, _| Ok(Box::new(Fake::gpu(&name, Fault::None))))
        };
        let wanted = Wanted { puzzle: known_answer::puzzle(), shared: Weak::new() };
        let of_row = (roster.of_adapter(&info(name)), Patience::default());
        Box::new(Watched::open(opener, wanted, of_row, &mut |_| ControlFlow::Continue(())).unwrap())
    };
    let devices = vec![open("a"), open("liar"), open("unplugged"), Box::new(Fake::cpu()) as AnyDevice<Gonka>];
    roster.of_adapter(&info("liar")).dismiss(Condition::Quarantined, "what it won was false".into());
    // As `mining_watched` chooses.
    let chosen: Vec<DeviceInfo> = ["new", "liar", "a"].map(info).into();
    let is_out = |info: &DeviceInfo| roster.of_adapter(info).condition().0.is_out();
    let chosen: Vec<DeviceInfo> = chosen.into_iter().filter(|info| !is_out(info)).collect();
    let kept = Mutex::new(kept::still_meant(devices, &chosen, &roster));
    let take = |name: &str| take_kept(&kept, &roster.of_adapter(&info(name)));
    assert!(take("new").is_none() && take("liar").is_none() && take("unplugged").is_none());
    assert_eq!(take("a").expect("it still works").info().device, "a");
    assert!(take("a").is_none());
}
