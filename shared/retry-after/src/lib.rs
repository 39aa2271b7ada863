//! The `Retry-After` header of HTTP responses (RFC 9110, section 10.2.3), for every client of this
//! project.

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// Returns how long a response asks its client to wait. `None` if it does not ask, or if the header
/// is neither a number of seconds nor a date.
///
/// A date is a time of the server's clock, so it is compared with the response's `Date` header.
/// `now` is the client's time; it is used if there is no such header. A date in the past asks for
/// no wait.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text =
        |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let server_time = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(server_time.unwrap_or(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn it_is_seconds_or_a_time_of_the_servers_clock() {
        // 1994-11-06T08:49:37Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (asked, date, wait) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", None, Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", None, Some(60)),
            ("Sun Nov  6 08:50:37 1994", None, Some(60)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("Sun, 06 Nov 1994 08:50:30 GMT"), Some(7)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("yesterday"), Some(60)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", None, Some(0)),
            ("-1", None, None),
            ("1.5", None, None),
            ("soon", None, None),
            ("", None, None),
            ("99999999999999999999999", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(asked).unwrap());
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_str(date).unwrap());
            }
            assert_eq!(
                retry_after(&headers, now),
                wait.map(Duration::from_secs),
                "{asked:?} {date:?}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
