//! The event that a function is invoked with, read so that no error repeats its content.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// An event of type `T`.
///
/// The messages of serde quote a value of the wrong type (`invalid type: string "Ada"`). Lambda's
/// runtime client logs such a message and sends it to Lambda. If an event is read as `Event`, the
/// message about it quotes no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Event<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer)
            .map(Self)
            .map_err(|_| D::Error::custom("a value of another form"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "it is never read successfully")]
        number: u32,
    }

    #[test]
    fn an_error_quotes_no_value() {
        let event = json!({"number": "Ada Lovelace"});
        let quoting = serde_json::from_value::<Body>(event.clone()).unwrap_err();
        assert!(quoting.to_string().contains("Ada"), "{quoting}");
        let texts = [
            format!("{:?}", serde_json::from_value::<Event<Body>>(event.clone()).unwrap_err()),
            format!("{:?}", serde_json::from_str::<Event<Body>>(&event.to_string()).unwrap_err()),
            format!("{:?}", serde_json::from_str::<Event<Body>>("{\"number\": Ada").unwrap_err()),
        ];
        for text in texts {
            assert!(!text.contains("Ada"), "{text}");
        }
    }

    #[test]
    fn every_function_reads_its_event_as_an_event() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let functions = std::fs::read_dir(format!("{root}/functions")).unwrap();
        let mains = functions.map(|folder| folder.unwrap().path().join("src/main.rs"));
        for main in mains.chain([format!("{root}/shared/lambda/src/messages.rs").into()]) {
            let text = std::fs::read_to_string(&main).unwrap();
            for event in text.split("LambdaEvent<").skip(1) {
                // JSON of any form can be read as the last two, so that there is no error.
                let is_safe =
                    ["Event<", "IgnoredAny>", "Value>"].iter().any(|safe| event.starts_with(safe));
                assert!(is_safe, "{}: LambdaEvent<{}", main.display(), &event[..20]);
            }
            let reads_values = text.contains("from_value(") || text.contains("from_str(");
            assert!(!reads_values || main.ends_with("messages.rs"), "{}", main.display());
        }
    }

    #[test]
    fn an_event_that_fits_is_what_was_sent() {
        assert_eq!(serde_json::from_str::<Event<Vec<u8>>>("[1,2]").unwrap(), Event(vec![1, 2]));
    }
}
