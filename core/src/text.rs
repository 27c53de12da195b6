//! Strangers' text in our messages: escaped and cut, so that it can neither steer a terminal nor flood one.

use alloc::format;
use alloc::string::{String, ToString};

/// Most characters of a stranger's text in a message.
pub const MAX_SHOWN: usize = 80;

/// Most characters of a parser's words in a message.
const MAX_WORDS: usize = 200;

/// A text for a message, in quotes: what is not printable ASCII or a letter is escaped, the rest is cut at
/// [`MAX_SHOWN`] characters.
#[must_use]
pub fn shown(text: &str) -> String {
    format!("\"{}\"", escaped(text, MAX_SHOWN, &['"', '\\']))
}

/// A parser's words, which may quote a stranger, for a message: controls are escaped, the rest is cut at 200 characters.
#[must_use]
pub fn parser_words(error: &impl core::fmt::Display) -> String {
    escaped(&error.to_string(), MAX_WORDS, &[])
}

/// At most so many characters; those of `quoted` behind a backslash.
fn escaped(text: &str, most: usize, quoted: &[char]) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == most {
            out.push('…');
            break;
        }
        match c {
            _ if quoted.contains(&c) => out.extend(['\\', c]),
            _ if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{parser_words, shown};

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
    }
}
