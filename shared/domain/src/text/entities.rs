//! HTML's character references, which exports of web pages leave in values.

use std::borrow::Cow;

/// The characters from U+00A0 to U+00FF by their names in HTML.
const FROM_A0: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf",
    "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
    "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute",
    "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute",
    "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute",
    "THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
    "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde",
    "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

/// Other characters that occur in names and addresses.
const OTHERS: [(&str, char); 19] = [
    ("amp", '&'),
    ("apos", '\''),
    ("quot", '"'),
    ("lt", '<'),
    ("gt", '>'),
    ("lsquo", '\u{2018}'),
    ("rsquo", '\u{2019}'),
    ("ldquo", '\u{201c}'),
    ("rdquo", '\u{201d}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("hellip", '\u{2026}'),
    ("bull", '\u{2022}'),
    ("Scaron", '\u{160}'),
    ("scaron", '\u{161}'),
    ("OElig", '\u{152}'),
    ("oelig", '\u{153}'),
    ("Yuml", '\u{178}'),
    ("zwnj", '\u{200c}'),
];

/// The longest reference between `&` and `;`.
const LONGEST: usize = 9;

/// Decodes the references in a text. What is none stays as it is.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut decoded = String::with_capacity(text.len());
    decoded.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(after) = rest.strip_prefix('&') {
        let end = after.bytes().take(LONGEST + 1).position(|byte| byte == b';');
        let reference = end.and_then(|end| Some((character(after.get(..end)?)?, end)));
        if let Some((c, end)) = reference {
            decoded.push(c);
            rest = &after[end + 1..];
        } else {
            decoded.push('&');
            rest = after;
        }
        let next = rest.find('&').unwrap_or(rest.len());
        decoded.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(decoded)
}

/// Returns the character that a reference stands for.
fn character(reference: &str) -> Option<char> {
    if let Some(number) = reference.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|&c| c != '\0');
    }
    let in_latin = FROM_A0.iter().position(|name| *name == reference);
    let in_latin = in_latin.and_then(|index| char::from_u32(0xa0 + u32::try_from(index).ok()?));
    in_latin.or_else(|| OTHERS.iter().find(|(name, _)| *name == reference).map(|&(_, c)| c))
}
