"""What counts as work that was done."""

import unittest

from real_events import NotDoneError, check
import pytest


class Answers(unittest.TestCase):
    def test_an_event_that_was_worked_on_is_done(self) -> None:
        for answer in (b"", b"null", b'{"batchItemFailures":[]}', b'{"statusCode":200,"body":"{}"}'):
            check("import-rows", answer)

    def test_an_error_a_failed_message_or_a_refused_call_is_not_done(self) -> None:
        for answer in (
            b'{"errorType":"Error","errorMessage":"no such job"}',
            b'{"batchItemFailures":[{"itemIdentifier":"1"}]}',
            b'{"statusCode":403,"body":"{}"}',
        ):
            with self.subTest(answer), pytest.raises(NotDoneError):
                check("import-rows", answer)


if __name__ == "__main__":
    unittest.main()
