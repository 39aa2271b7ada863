//! The characters of Windows-1252 that the files of the stories have.

/// Returns the bytes of a text, or `None` if it has another character.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let byte = |c: char| match c {
        '\u{2019}' => Some(0x92),
        '\u{80}'..='\u{9f}' => None,
        c => u8::try_from(c).ok(),
    };
    text.chars().map(byte).collect()
}

/// Returns the text of bytes that [`encode`] returned.
pub fn decode(bytes: &[u8]) -> String {
    let letter = |&byte: &u8| if byte == 0x92 { '\u{2019}' } else { char::from(byte) };
    bytes.iter().map(letter).collect()
}
