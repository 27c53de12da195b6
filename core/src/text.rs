//! Strangers' text in our messages: escaped and cut, so that it can neither steer a terminal nor flood one.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write;

/// Most characters of a stranger's text in a message.
pub const MAX_SHOWN: usize = 80;

/// Most characters of a parser's words in a message.
const MAX_WORDS: usize = 200;

/// Bytes as lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

/// 32 bytes of 64 hex digits, of either case.
#[must_use]
pub fn bytes32(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A moment as RFC 3339 writes it in UTC, from the seconds since 1970 without leap seconds: `2026-11-28T20:44:28Z`.
#[must_use]
pub fn date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Years from March on, so that leap days come last: 400 of them have 146,097 days, from 0000-03-01 on.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month_of) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = 400 * era + year + u64::from(month_of <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month_of:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A text for a message, in quotes: what is not printable ASCII or a letter is escaped, and what is written is cut at
/// [`MAX_SHOWN`] characters.
#[must_use]
pub fn shown(text: &str) -> String {
    format!("\"{}\"", escaped(text, MAX_SHOWN, &['"', '\\']))
}

/// A parser's words, which may quote a stranger, for a message: controls are escaped, and what is written is
/// cut at 200 characters.
#[must_use]
pub fn parser_words(error: &impl core::fmt::Display) -> String {
    escaped(&error.to_string(), MAX_WORDS, &[])
}

/// At most so many characters, each escape counted as it is written; those of `quoted` behind a backslash.
fn escaped(text: &str, most: usize, quoted: &[char]) -> String {
    let mut out = String::new();
    let mut left = most;
    for c in text.chars() {
        let plain = c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
        let written = match c {
            _ if quoted.contains(&c) => 2,
            _ if plain => 1,
            _ => c.escape_unicode().len(),
        };
        if written > left {
            out.push('…');
            break;
        }
        left -= written;
        match written {
            1 => out.push(c),
            2 => out.extend(['\\', c]),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{date, parser_words, shown};
    use alloc::format;

    #[test]
    fn dates_are_the_calendars() {
        // By `date -u -d @SECONDS +%FT%TZ`.
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_796_000_000, "2026-11-30T00:53:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(seconds), want);
        }
        let every_day = (0..400 * 366).map(|day| date(day * 86_400));
        let every_day: alloc::vec::Vec<_> = every_day.collect();
        assert!(every_day.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_parsers_words_are_escaped_and_bounded() {
        assert_eq!(parser_words(&"unknown field `\u{1b}[2J`"), "unknown field `\\u{1b}[2J`");
        assert_eq!(parser_words(&"é".repeat(5_000_000)).chars().count(), 201);
    }

    #[test]
    fn controls_and_marks_are_escaped_and_length_is_bounded() {
        assert_eq!(shown("a\u{1b}[2J\"b"), "\"a\\u{1b}[2J\\\"b\"");
        assert_eq!(shown("\u{202e}né"), "\"\\u{202e}né\"");
        let long = shown(&"é".repeat(5_000_000));
        assert_eq!(long.chars().count(), 83);
        // Escapes count as they are written: ten of eight characters.
        assert_eq!(shown(&"\u{fffd}".repeat(5_000_000)), format!("\"{}…\"", "\\u{fffd}".repeat(10)));
    }
}
