//! Media types of documents: which one the content has, and whether the content is what its type
//! says.

use std::fmt;

/// Longest media type in bytes (RFC 6838, section 4.2: 127 for each of its two parts).
const LONGEST: usize = 255;

/// Bytes at the start of a content that [`MediaType::fits`] looks at: a PDF may have 1,024 bytes
/// before its header (ISO 32000-1, annex H.3.4.1).
pub const HEAD_BYTES: usize = 1024 + 5;

/// A media type, such as `application/pdf`, with its charset if it has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaType {
    essence: String,
    charset: Option<String>,
}

/// The content is a page of a website, and no document that was listed as one: a login page, or the
/// error page of a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a web page")]
pub struct WebPage;

impl MediaType {
    /// Returns the type of content about which nothing is known.
    pub fn unknown() -> Self {
        Self { essence: "application/octet-stream".to_owned(), charset: None }
    }

    /// Parses a media type. Parameters other than a charset are left out. `None` for a text that is
    /// no media type.
    pub fn new(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) || essence.len() > LONGEST {
            return None;
        }
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim_matches('"');
            (name.eq_ignore_ascii_case("charset") && is_token(value) && value.len() <= 40)
                .then(|| value.to_ascii_lowercase())
        });
        Some(Self { essence, charset })
    }

    /// Returns the type of a content, from the type in the list of documents and from the type that
    /// the server answered. The answered type counts, unless it says less than the listed one.
    ///
    /// # Errors
    ///
    /// The server answered a web page in the place of another document.
    pub fn of_answer(listed: Option<&str>, answered: Option<&str>) -> Result<Self, WebPage> {
        let listed = listed.and_then(Self::new).filter(|listed| !listed.says_nothing());
        let answered = answered.and_then(Self::new).filter(|answered| !answered.says_nothing());
        Ok(match (listed, answered) {
            (listed, Some(answered)) if answered.is_html() => {
                if !listed.is_some_and(|listed| listed.is_html()) {
                    return Err(WebPage);
                }
                answered
            }
            // A server that knows the kind of a file by its ending serves all XML as one type.
            (Some(listed), Some(answered))
                if listed.essence != answered.essence
                    && (listed.is_xml() && answered.is_xml()
                        || answered.essence == "text/plain") =>
            {
                Self { charset: answered.charset, ..listed }
            }
            (_, Some(answered)) => answered,
            (Some(listed), None) => listed,
            (None, None) => Self::unknown(),
        })
    }

    /// Returns the type without its charset, in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Returns whether a content that begins with `head` can be of this type. Any content can be of
    /// a type that is not known here. `head` is the whole content, or its first [`HEAD_BYTES`].
    pub fn fits(&self, head: &[u8]) -> bool {
        let first = first_text(head);
        let starts = |start: &[u8]| head.starts_with(start);
        match self.essence() {
            _ if self.is_html() => true,
            _ if is_web_page(first) => false,
            "application/pdf" => head.windows(5).any(|window| window == b"%PDF-"),
            "image/jpeg" => starts(b"\xff\xd8\xff"),
            "image/png" => starts(b"\x89PNG\r\n\x1a\n"),
            "image/gif" => starts(b"GIF8"),
            "image/tiff" => starts(b"II*\0") || starts(b"MM\0*"),
            "application/dicom" => head.get(128..132) == Some(b"DICM"),
            "application/rtf" | "text/rtf" => first.starts_with(b"{\\rtf"),
            _ if self.is_xml() => {
                // UTF-16 with its byte order mark, and UTF-8.
                starts(b"\xff\xfe<\0") || starts(b"\xfe\xff\0<") || first.starts_with(b"<")
            }
            _ if self.is_json() => first.starts_with(b"{") || first.starts_with(b"["),
            _ => true,
        }
    }

    /// Returns the ending of file names of this type, if it is one of the formats in which
    /// documents are exchanged.
    pub fn extension(&self) -> Option<&'static str> {
        Some(match self.essence() {
            "application/pdf" => "pdf",
            "application/rtf" | "text/rtf" => "rtf",
            "application/dicom" => "dcm",
            "application/zip" => "zip",
            "text/plain" => "txt",
            "text/html" => "html",
            "image/gif" => "gif",
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "image/tiff" => "tiff",
            _ if self.is_json() => "json",
            _ if self.is_xml() && !self.is_html() => "xml",
            _ => return None,
        })
    }

    /// Returns whether the type is JSON or based on it.
    pub fn is_json(&self) -> bool {
        matches!(self.essence(), "application/json" | "text/json")
            || self.essence.ends_with("+json")
    }

    fn is_xml(&self) -> bool {
        matches!(self.essence(), "application/xml" | "text/xml") || self.essence.ends_with("+xml")
    }

    fn is_html(&self) -> bool {
        matches!(self.essence(), "text/html" | "application/xhtml+xml")
    }

    fn says_nothing(&self) -> bool {
        matches!(
            self.essence(),
            "application/octet-stream" | "binary/octet-stream" | "application/binary"
        )
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        match &self.charset {
            Some(charset) => write!(f, "; charset={charset}"),
            None => Ok(()),
        }
    }
}

/// Returns whether a text is a `token` (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in_token)
}

/// Returns the bytes after a byte order mark of UTF-8 and after spaces.
fn first_text(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start()
}

fn is_web_page(first: &[u8]) -> bool {
    [&b"<!doctype html"[..], b"<html"].iter().any(|start| {
        first.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(listed: Option<&str>, answered: Option<&str>) -> Result<String, WebPage> {
        MediaType::of_answer(listed, answered).map(|kind| kind.to_string())
    }

    #[test]
    fn a_media_type_is_read_without_its_parameters_but_the_charset() {
        for (text, read) in [
            ("application/pdf", Some("application/pdf")),
            ("Text/Plain; Charset=\"ISO-8859-1\"; x=y", Some("text/plain; charset=iso-8859-1")),
            ("application/fhir+json; fhirVersion=4.0", Some("application/fhir+json")),
            ("text/plain; charset=a\r\nb", Some("text/plain")),
            ("pdf", None),
            ("", None),
            ("text/", None),
            ("text/pl ain", None),
            ("text/html\r\nx-evil: 1", None),
        ] {
            assert_eq!(
                MediaType::new(text).map(|kind| kind.to_string()).as_deref(),
                read,
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_answered_type_counts_unless_it_says_less_than_the_listed_one() {
        let pdf = Some("application/pdf");
        for (listed, answered, kind) in [
            (pdf, pdf, "application/pdf"),
            (pdf, None, "application/pdf"),
            (pdf, Some("application/octet-stream"), "application/pdf"),
            (pdf, Some("image/jpeg"), "image/jpeg"),
            (None, pdf, "application/pdf"),
            (None, None, "application/octet-stream"),
            (
                Some("application/hl7-v3+xml"),
                Some("text/xml; charset=utf-8"),
                "application/hl7-v3+xml; charset=utf-8",
            ),
            (Some("application/hl7-v3+xml"), Some("text/plain"), "application/hl7-v3+xml"),
            (Some("nonsense"), Some("text/plain"), "text/plain"),
            (Some("text/html"), Some("text/html; charset=utf-8"), "text/html; charset=utf-8"),
        ] {
            assert_eq!(of(listed, answered).as_deref(), Ok(kind), "{listed:?} {answered:?}");
        }
    }

    #[test]
    fn a_web_page_is_no_document_unless_it_is_listed_as_one() {
        for listed in [None, Some("application/pdf"), Some("text/plain"), Some("text/xml")] {
            assert_eq!(of(listed, Some("text/html")), Err(WebPage), "{listed:?}");
        }
    }

    #[test]
    fn a_content_is_what_its_type_says() {
        let dicom = [&[0; 128][..], b"DICM"].concat();
        let late = [&[b' '; 1000][..], b"%PDF-1.7"].concat();
        for (kind, head, fits) in [
            ("application/pdf", &b"%PDF-1.4"[..], true),
            ("application/pdf", &late, true),
            ("application/pdf", b"PK\x03\x04", false),
            ("application/pdf", b"", false),
            ("application/hl7-v3+xml", b"\xef\xbb\xbf <?xml version='1.0'?>", true),
            ("text/xml", b"\xff\xfe<\0?\0", true),
            ("text/xml", b"{}", false),
            ("text/xml", b"<!DOCTYPE HTML><p>", false),
            ("text/plain", b"\n<HTML><title>Sign in", false),
            ("text/plain", b"<htm", true),
            ("text/html", b"<html>", true),
            ("application/fhir+json", b" {\"a\":1}", true),
            ("application/json", b"a", false),
            ("image/jpeg", b"\xff\xd8\xff\xe0", true),
            ("image/png", b"GIF89a", false),
            ("application/dicom", &dicom, true),
            ("application/dicom", b"DICM", false),
            ("application/x-of-a-vendor", b"anything", true),
        ] {
            assert_eq!(MediaType::new(kind).unwrap().fits(head), fits, "{kind}");
        }
    }

    #[test]
    fn a_file_name_ends_as_its_type_does() {
        for (kind, extension) in [
            ("application/pdf", Some("pdf")),
            ("application/hl7-cda+xml", Some("xml")),
            ("application/fhir+json", Some("json")),
            ("text/html", Some("html")),
            ("video/mp4", None),
        ] {
            assert_eq!(MediaType::new(kind).unwrap().extension(), extension, "{kind}");
        }
    }
}
