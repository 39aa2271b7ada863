//! Ranges of an object's bytes.

use std::ops::Range;

use bulk_pipeline::ports::PortResult;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

/// Returns the value of the header `Range` (RFC 9110), in which the end is inclusive.
pub(super) fn http_range(range: &Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
}

/// Returns the bytes of `range` out of a stream of the whole object.
pub(super) fn slice(
    whole: BoxStream<'static, PortResult<Bytes>>,
    range: Range<u64>,
) -> BoxStream<'static, PortResult<Bytes>> {
    let cut = move |offset: &mut u64, bytes: PortResult<Bytes>| {
        let result = bytes.map(|bytes| {
            let (start, end) = (*offset, *offset + bytes.len() as u64);
            *offset = end;
            // The distance from the start of these bytes is at most their length, which is a
            // `usize`.
            let within = |position: u64| {
                usize::try_from(position.clamp(start, end) - start).unwrap_or(bytes.len())
            };
            bytes.slice(within(range.start)..within(range.end))
        });
        futures::future::ready(Some(result))
    };
    whole.scan(0, cut).boxed()
}

#[cfg(test)]
mod tests {
    use futures::{TryStreamExt as _, stream};

    use super::*;

    #[tokio::test]
    async fn a_slice_of_a_whole_stream_is_the_range() {
        let pieces = ["abc", "def", "", "ghi"].map(|piece| Ok(Bytes::from(piece)));
        let sliced: Vec<Bytes> =
            slice(stream::iter(pieces).boxed(), 2..7).try_collect().await.unwrap();
        assert_eq!(sliced.concat(), b"cdefg");
    }
}
