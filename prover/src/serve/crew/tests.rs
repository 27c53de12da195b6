use super::*;
use crate::device::Device;
use crate::device::fake::{Fake, Fault};
use crate::ledger::{Ledger, Progress};
use crate::sensors::Sensors;
use crate::serve::Settings;
use crate::serve::store::Store;
use crate::watch::{Opener, Patience, Row, Wanted, Watched};
use sphere_pow_core::gonka::{Gonka, known_answer};
use sphere_pow_core::profile::{Profile, ProfileName};
use sphere_pow_core::verify::{Expectations, Given};
use std::ops::ControlFlow;
use std::sync::Weak;

/// A watched GPU of that name, in the node's roster.
fn device(node: &Node, name: &str, fault: &Fault) -> Box<dyn Device<Gonka>> {
    let row = node.roster.add(Row::named(name, "vulkan", None));
    let (name, fault) = (name.to_owned(), fault.clone());
    let opener: Opener<Gonka> = Arc::new(move |_, _, _| Ok(Box::new(Fake::gpu(&name, fault.clone()))));
    let mut go_on = |_| ControlFlow::Continue(());
    let wanted = Wanted { puzzle: known_answer::puzzle(), shared: Weak::new() };
    Box::new(Watched::open(opener, wanted, (row, Patience::default()), &mut go_on).unwrap())
}

/// What an operator sees of each device.
fn seen(node: &Node) -> Vec<(String, Condition)> {
    node.views().into_iter().map(|view| (view.info.device, view.condition)).collect()
}

#[test]
fn a_liar_is_quarantined_a_broken_device_disabled_and_the_honest_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new(([127, 0, 0, 1], 0).into(), dir.path().to_owned(), ProfileName::ALL[0]);
    let node = Node::new(settings, Store::open(dir.path()).unwrap()).unwrap();
    // By groups of three: what the liar wins is even as often as not, and even nonces do not win.
    let devices = vec![
        device(&node, "liar", &Fault::None),
        device(&node, "honest", &Fault::Truthful),
        device(&node, "broken", &Fault::Broken),
    ];
    let checker: Box<dyn Device<Gonka>> = Box::new(Fake::cpu());
    let mut miners = Miners { devices, checker: Some(checker) };
    let terms = Expectations::<Gonka>::new(&Given::default()).unwrap().terms;
    let key = sphere_pow_core::identity::PublicKey::new("k").unwrap();
    let hunt = crate::search::Hunt { key, rule: Gonka::mining_rule(&terms) };
    let job = Job { node_id: 0, node_count: 1, count: Some(20_000), duration: None, after: None };
    let tallies = Arc::new((0..3).map(|_| Tally::default()).collect::<Vec<_>>());
    let infos: Vec<EngineInfo> = miners.devices.iter().map(|device| device.info().clone()).collect();
    let rows = infos.iter().map(|info| node.roster.of_device(info)).collect();
    node.set_devices(Devices { infos, rows, tallies: Arc::clone(&tallies), win_rate: 0.5, guard_loss: 0.0 });
    let mut sink = Ledger::stream("nowhere", Box::new(std::io::sink()), Map::new());
    let before = Progress::default();
    let ended = mine(&job, &hunt, &mut miners, (&mut sink, &before), &tallies, &Stop::default()).unwrap();
    let wanted = [
        ("liar".to_owned(), Condition::Quarantined),
        ("honest".to_owned(), Condition::Working),
        ("broken".to_owned(), Condition::Disabled),
    ];
    assert_eq!(seen(&node), wanted, "an operator sees it while the others go on: {ended:?}");
    dismiss(&node, &mut miners, ended).unwrap();
    let left: Vec<&str> = miners.devices.iter().map(|device| device.info().device.as_str()).collect();
    assert_eq!(left, ["honest"]);
    // The next stage begins without them, and what they did is not forgotten.
    node.set_devices(Devices::default());
    let mut known = seen(&node);
    known.sort_by_key(|(name, _)| wanted.iter().position(|(own, _)| own == name));
    assert_eq!(known, wanted);
    let tried = |name: &str| node.views().iter().find(|view| view.info.device == name).unwrap().counts.tried;
    assert!(tried("honest") > 0 && tried("broken") == 0);
    let gone = dismiss(&node, &mut miners, vec![Err(ProverError::panicked("honest", &"a bug"))]);
    assert!(matches!(gone, Err(ProverError::NoDeviceLeft { .. })), "{gone:?}");
}

#[test]
fn a_gpu_above_the_limit_rests_and_an_operator_sees_why() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new(([127, 0, 0, 1], 0).into(), dir.path().to_owned(), ProfileName::ALL[0]);
    let settings = Settings { max_temperature: Some(85.0), ..settings };
    let mut node = Node::new(settings, Store::open(dir.path()).unwrap()).unwrap();
    let hwmon = dir.path().join("0000:03:00.0/hwmon/hwmon4");
    std::fs::create_dir_all(&hwmon).unwrap();
    node.sensors = Sensors::of_sysfs(dir.path());
    let row = node.roster.add(Row::named("hot", "vulkan", Some("0000:03:00.0".into())));
    let other = node.roster.add(Row::named("silent", "vulkan", Some("0000:04:00.0".into())));
    for (milli, wanted) in [
        ("84900", Condition::Working),
        ("85100", Condition::Cooling),
        ("80100", Condition::Cooling),
        ("79900", Condition::Working),
        ("86000", Condition::Cooling),
        ("gone", Condition::Working),
    ] {
        std::fs::write(hwmon.join("temp1_input"), milli).unwrap();
        node.read_sensors();
        assert_eq!((row.condition().0, other.condition().0), (wanted, Condition::Working), "{milli}");
    }
    std::fs::write(hwmon.join("temp1_input"), "90000").unwrap();
    node.read_sensors();
    let views = node.views();
    let view = views.iter().find(|view| view.info.device == "hot").unwrap();
    assert_eq!((view.condition, view.reading.temperature_c), (Condition::Cooling, Some(90.0)));
}
