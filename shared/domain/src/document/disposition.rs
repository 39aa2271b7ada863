//! The header `Content-Disposition` of a download: under which name a browser saves a document.

use crate::document::DocumentName;
use crate::media_type::MediaType;

/// Returns the header's value (RFC 6266) for a document. A browser saves the document, and never
/// shows it as a page. The file's name consists of ids, because the value is a part of the link,
/// and ends as its media type does, so that no content is opened as something else.
pub fn content_disposition(document: DocumentName, media_type: &MediaType) -> String {
    let extension = media_type.extension().map(|extension| format!(".{extension}"));
    format!("attachment; filename=\"{document}{}\"", extension.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::document::{DocumentId, DocumentKey};
    use crate::ids::PatientId;

    #[test]
    fn a_file_is_saved_under_ids_and_the_extension_of_its_media_type() {
        let document = DocumentKey::of(&DocumentId::new("a").unwrap());
        let name = DocumentName { patient: PatientId::new(Uuid::from_u128(7)), document };
        let of = |kind| content_disposition(name, &MediaType::new(kind).unwrap());
        assert_eq!(of("application/pdf"), format!("attachment; filename=\"{name}.pdf\""));
        assert_eq!(of("application/x-unheard"), format!("attachment; filename=\"{name}\""));
    }
}
