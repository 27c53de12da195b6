use super::frame::Frame;
use super::text;
use serde_json::{Value, json};

/// A status as a service with two devices says it.
pub(crate) fn recorded() -> Value {
    serde_json::from_str(include_str!("../../../tests/recorded/status.json")).unwrap()
}

fn lines(status: Option<&Value>, error: Option<&str>, width: u16) -> Vec<String> {
    text(&Frame { status, error }, width).lines().map(str::to_owned).collect()
}

/// The row of a device.
fn row<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    let line =
        lines.iter().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name}: {lines:#?}"));
    line.split_whitespace().collect()
}

#[test]
fn a_frame_has_a_row_a_device_and_what_waits() {
    let status = recorded();
    let lines = lines(Some(&status), None, 120);
    let all = lines.join("\n");
    assert!(lines[0].contains("POW GENERATING") && lines[0].contains("2832E92ACC78 at 240"), "{all}");
    let well = row(&lines, "Radeon");
    assert_eq!(well[0], "0");
    let tail = &well[well.len() - 8..];
    assert_eq!(tail, ["working", "12.5", "12.2", "11.9", "640", "0", "61.5", "187"], "{all}");
    let ill = row(&lines, "GeForce");
    assert_eq!(&ill[ill.len() - 8..], ["quarantined", "0.00", "0.00", "3.10", "81", "9", "-", "-"], "{all}");
    assert!(all.contains("waiting: 3 wins, 2 callbacks, 1 batches to judge; given up: 0"), "{all}");
    assert!(all.contains("nonces: 731 expected, 721 won, 700 acknowledged"), "{all}");
    assert!(row(&lines, "15min").contains(&"15.0"), "{all}");
}

#[test]
fn trouble_stands_in_the_second_line() {
    let mut status = recorded();
    assert!(lines(Some(&status), Some("refused"), 120)[1].contains("no answer: refused"));
    status["error"] = json!("no device is left");
    assert!(lines(Some(&status), None, 120)[1].contains("no device is left"));
    assert!(lines(None, Some("nobody there"), 120)[0].contains("nobody there"));
}

#[test]
fn what_is_missing_or_odd_is_shown_as_such_at_any_width() {
    for status in [json!({}), json!([]), json!({"devices": [{}, 3, {"device": "x\u{1b}[31m"}], "rates": 7})] {
        for width in [0, 1, 40, 77, 400, u16::MAX] {
            let text = lines(Some(&status), None, width).join("\n");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}
