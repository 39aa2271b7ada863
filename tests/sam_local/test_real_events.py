"""Which answers of a function say that it has done its work."""

import pytest

from tests.sam_local.real_events import NotDoneError, check


@pytest.mark.parametrize("answer", [b"", b"null", b'{"batchItemFailures":[]}', b'{"statusCode":200,"body":"{}"}'])
def test_the_work_of_a_completed_event_is_done(answer: bytes) -> None:
    check("import-rows", answer)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"errorType":"Error","errorMessage":"no such job"}',
        b'{"batchItemFailures":[{"itemIdentifier":"1"}]}',
        b'{"statusCode":403,"body":"{}"}',
    ],
)
def test_after_an_error_a_failed_message_or_a_refused_call_the_work_is_not_done(answer: bytes) -> None:
    with pytest.raises(NotDoneError):
        check("import-rows", answer)
