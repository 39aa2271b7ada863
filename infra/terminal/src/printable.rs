//! Text from files and from the network, made safe for a terminal.
//!
//! A terminal obeys control characters: a text with them could move the cursor, replace what was
//! printed before, or write to the clipboard. All output of a command passes through here.

use std::fmt::{Display, Write as _};

/// What [`Output`](crate::Output) itself writes to colour text.
pub(crate) const COLOURS: [&str; 5] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"];

/// Returns a text on one line, with each control character written as `\u001b`.
///
/// For texts that a command did not make itself, because a line end in them would begin a line that
/// looks like the command's own.
pub fn one_line(text: impl Display) -> String {
    escape(&text.to_string(), |_| 0)
}

/// Returns a text of one or several lines. Line ends and the colours of the output stay. Every
/// other control character is written as `\u001b`, which JSON reads as the character itself.
pub(crate) fn lines(text: impl Display) -> String {
    escape(&text.to_string(), |rest| match rest.as_bytes().first() {
        Some(b'\n' | b'\t') => 1,
        Some(b'\x1b') => {
            COLOURS.into_iter().find(|code| rest.starts_with(code)).map_or(0, str::len)
        }
        _ => 0,
    })
}

/// Writes control characters out. `kept` returns how many bytes at the beginning of a text stay
/// although they control a terminal.
fn escape(text: &str, kept: impl Fn(&str) -> usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(controls) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let keep = kept(rest);
        out.push_str(&rest[..keep]);
        rest = &rest[keep..];
        if keep == 0
            && let Some(character) = rest.chars().next()
        {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
            rest = &rest[character.len_utf8()..];
        }
    }
    out.push_str(rest);
    out
}

/// Returns whether a character controls a terminal, or the order in which it shows others: the
/// general category Cc, and the characters of Unicode's bidirectional algorithm (UAX #9, section
/// 2).
fn controls(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_cannot_control_a_terminal() {
        let clipboard = "a\x1b]52;c;cm0gLXJm\x07b\u{9b}31mc\u{202e}d\x7fe\r\nf\tg";
        let shown = one_line(clipboard);
        assert_eq!(
            shown,
            r"a\u001b]52;c;cm0gLXJm\u0007b\u009b31mc\u202ed\u007fe\u000d\u000af\u0009g"
        );
    }

    #[test]
    fn text_without_control_characters_stays_as_it_is() {
        assert_eq!(one_line("José 李 🙂 \"quoted\" \\u"), "José 李 🙂 \"quoted\" \\u");
    }

    #[test]
    fn lines_keep_their_ends_and_the_colours_of_the_output() {
        let text = "\x1b[32mgood\x1b[0m\n\tnext\x1b[2J\x1b[31";
        assert_eq!(lines(text), "\x1b[32mgood\x1b[0m\n\tnext\\u001b[2J\\u001b[31");
    }

    #[test]
    fn a_line_of_json_stays_json_with_the_same_value() {
        let value = serde_json::json!({"reason": "a\u{1b}b\u{9b}c\u{7f}\u{202e}"});
        let shown = lines(&value);
        assert!(!shown.contains(controls), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
