//! Strangers' text in our messages: escaped and cut, so that it can neither steer a terminal nor flood one.

use alloc::string::String;

/// Most characters of a stranger's text in a message.
pub const MAX_SHOWN: usize = 80;

/// A text for a message, in quotes: what is not printable ASCII or a letter is escaped, the rest is cut at
/// [`MAX_SHOWN`] characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::from("\"");
    for (n, c) in text.chars().enumerate() {
        if n == MAX_SHOWN {
            out.push('…');
            break;
        }
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' ' => out.push(c),
            _ if c.is_ascii_graphic() || c.is_alphanumeric() => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.push('"');
    out
}

/// Most characters of a parser's words in a message.
const MAX_WORDS: usize = 200;

/// A parser's words, which may quote a stranger, for a message: controls are escaped, the rest is cut at 200 characters.
#[must_use]
pub fn parser_words(error: &impl core::fmt::Display) -> String {
    let mut out = String::new();
    for (n, c) in alloc::format!("{error}").chars().enumerate() {
        if n == MAX_WORDS {
            out.push('…');
            break;
        }
        match c {
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
