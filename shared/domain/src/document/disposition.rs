//! The header `Content-Disposition` of a download: under which name a browser saves a document.

use std::fmt::Write as _;

use crate::media_type::MediaType;

/// Returns the header's value (RFC 6266) for a document with this title. A browser saves the
/// document, and never shows it as a page. The name ends as its media type does, so that no content
/// is opened as something else. It is given twice: in ASCII for old clients, and in UTF-8.
pub fn content_disposition(title: &str, media_type: &MediaType) -> String {
    let mut name = title.to_owned();
    if let Some(extension) = media_type.extension()
        && !name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
    {
        let _ = write!(name, ".{extension}");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.()+".contains(c);
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        // `attr-char` of RFC 8187, less those that no file name needs.
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str, kind: &str) -> String {
        content_disposition(title, &MediaType::new(kind).unwrap())
    }

    #[test]
    fn a_name_is_plain_in_one_form_and_exact_in_the_other() {
        assert_eq!(
            of("Arztbrief Müller.pdf", "application/pdf"),
            "attachment; filename=\"Arztbrief M_ller.pdf\"; filename*=UTF-8''Arztbrief%20M%C3%BCller.pdf"
        );
    }

    #[test]
    fn a_name_ends_as_its_media_type_does() {
        assert!(of("note", "text/plain").contains("filename=\"note.txt\""));
        assert!(of("note.TXT", "text/plain").contains("filename=\"note.TXT\""));
        assert!(of("scan.exe", "application/pdf").contains("filename=\"scan.exe.pdf\""));
        assert!(of("film.mp4", "video/mp4").contains("filename=\"film.mp4\""));
    }

    #[test]
    fn no_title_leaves_the_header() {
        let header = of("a\"; filename=\"b.exe\r\nX: 1", "text/plain");
        assert!(header.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{header}");
        assert_eq!(header.matches('"').count(), 2, "{header}");
    }
}
