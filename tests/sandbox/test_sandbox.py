"""The sandbox finds what it should, and injects the faults that it is told to and no others."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.sandbox.__main__ import Server, parser
from tests.sandbox.faults import KINDS, FaultPlan, Faults
from tests.sandbox.records import Shares, document_count, patients
from tests.sandbox.state import Tokens

COMMAND = [sys.executable, "-m", "tests.sandbox"]


def query(number: int) -> dict[str, str]:
    return {"family": f"Family{number}", "given": "Ada", "birthdate": "1980-02-03", "gender": "female"}


def queries(count: int) -> list[dict[str, list[str]]]:
    return [{name: [value] for name, value in query(number).items()} for number in range(count)]


class TestRecords:
    def test_the_shares_are_those_asked_for(self) -> None:
        shares = Shares(0.5, 0.1, 0.05)
        found = Counter(tuple(patient["id"][:9] for patient in patients(one, shares)) for one in queries(4000))
        for kind, share in {("sandbox-d",): 0.5, ("sandbox-n",): 0.1, (): 0.35}.items():
            assert found[kind] / 4000 == pytest.approx(share, abs=0.03)
        assert found["sandbox-a", "sandbox-a"] / 4000 == pytest.approx(0.05, abs=0.03)

    def test_a_share_can_be_all_or_none(self) -> None:
        for one in queries(200):
            assert patients(one, Shares(0, 0, 0)) == []
            (patient,) = patients(one, Shares(1, 0, 0))
            assert document_count(patient["id"]) in range(1, 26)
        with pytest.raises(ValueError, match="at most 1"):
            Shares(0.9, 0.2, 0)

    def test_a_patient_is_found_at_every_address(self) -> None:
        (one,) = queries(1)
        moved = one | {"address-postalcode": ["02139"], "family": ["FAMILY0"]}
        first, second = ([found["id"] for found in patients(search, Shares(1, 0, 0))] for search in (one, moved))
        assert first == second


class TestFaultPlan:
    def test_the_same_requests_meet_the_same_faults_in_any_order(self) -> None:
        def draws(order: range) -> dict[int, str | None]:
            plan = FaultPlan(Faults.of({"500": ["0.3"], "429": ["0.2"], "seed": ["7"]}))
            return {number: plan.draw(f"request {number}") for number in order}

        drawn = draws(range(2000))
        assert drawn == draws(range(1999, -1, -1))
        counts = Counter(drawn.values())
        assert counts["500"] / 2000 == pytest.approx(0.3, abs=0.04)
        assert counts["429"] / 2000 == pytest.approx(0.2, abs=0.04)

    def test_a_retry_can_succeed_and_another_seed_gives_other_faults(self) -> None:
        def draws(seed: str) -> list[str | None]:
            plan = FaultPlan(Faults.of({"500": ["0.5"], "seed": [seed]}))
            return [plan.draw("request") for _ in range(64)]

        assert set(draws("1")) == {"500", None}
        assert draws("1") != draws("2")

    @pytest.mark.parametrize(
        "wrong", [{"501": ["1"]}, {"500": ["1.5"]}, {"500": ["0.6"], "429": ["0.6"]}, {"seed": ["x"]}]
    )
    def test_an_unknown_fault_and_an_impossible_probability_are_refused(self, wrong: dict[str, list[str]]) -> None:
        with pytest.raises(ValueError, match=r"no such fault|more than 1|could not convert"):
            Faults.of(wrong)


class Client:
    """Calls a sandbox that runs in this process."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def fetch(self, url: str, method: str = "GET", body: str | None = None, **headers: str) -> Any:
        request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def admin(self, method: str, what: str) -> Any:
        return self.fetch(f"{self.server.origin}/_sandbox/{what}", method)

    def refusal(self, url: str, **request: str) -> tuple[int, str]:
        """Returns status and `Retry-After` of a call that is refused."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            self.fetch(url, **request)
        with refused.value as error:
            return error.code, error.headers.get("retry-after", "")

    def patient_url(self, number: int = 0) -> str:
        return f"{self.server.base}/Patient?{urlencode(query(number))}"

    def pages(self, patient: str, limit: int = 100) -> list[Any]:
        pages = [self.fetch(f"{self.server.base}/DocumentReference?patient={patient}&status=current&_count=7")]
        while (links := {link["relation"]: link["url"] for link in pages[-1]["link"]}).get("next") and limit > 1:
            pages.append(self.fetch(links["next"]))
            limit -= 1
        return pages


@pytest.fixture
def serve() -> Iterator[Callable[[Tokens], Client]]:
    """Returns a function that starts a sandbox which knows each patient."""
    with contextlib.ExitStack() as running:

        def start(tokens: Tokens) -> Client:
            server = Server(0, Shares(1, 0, 0), 10, Faults(), tokens)
            running.callback(server.server_close)
            running.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return Client(server)

        yield start


@pytest.fixture
def sandbox(serve: Callable[[Tokens], Client]) -> Client:
    return serve(Tokens(None, None, 60))


class TestServer:
    def test_a_search_by_post_finds_what_the_same_by_get_finds(self, sandbox: Client) -> None:
        found = sandbox.fetch(sandbox.patient_url())
        posted = sandbox.fetch(f"{sandbox.server.base}/Patient/_search", "POST", urlencode(query(0)))
        assert found["entry"] == posted["entry"]
        assert found["entry"][0]["resource"]["name"] == [{"family": "Family0", "given": ["Ada"]}]

    def test_pages_hold_every_document_once(self, sandbox: Client) -> None:
        for number in range(12):
            patient = sandbox.fetch(sandbox.patient_url(number))["entry"][0]["resource"]["id"]
            pages = sandbox.pages(patient)
            identifiers = [entry["resource"]["id"] for page in pages for entry in page["entry"]]
            assert len(set(identifiers)) == len(identifiers)
            assert {page["total"] for page in pages} == {len(identifiers)}
            assert len(identifiers) == document_count(patient)
            assert all(len(page["entry"]) <= 7 for page in pages)

    def test_requests_are_counted_until_the_counts_are_deleted(self, sandbox: Client) -> None:
        patient = sandbox.fetch(sandbox.patient_url())["entry"][0]["resource"]["id"]
        pages = sandbox.pages(patient)
        seen = sandbox.admin("GET", "requests")
        assert seen["requests"] == {"GET Patient": 1, "GET DocumentReference": len(pages)}
        (counts,) = seen["patients"].values()
        found = document_count(patient)
        expected = {"PatientSearches": 1, "PatientFound": 1}
        assert counts == expected | {"DocumentReferenceSearches": 1, "DocumentReferenceFound": found}
        assert "Family0" not in json.dumps(seen)
        sandbox.admin("DELETE", "requests")
        assert sandbox.admin("GET", "requests") == {"requests": {}, "faults": {}, "patients": {}}

    def test_faults_change_while_it_runs(self, sandbox: Client) -> None:
        assert sandbox.admin("PUT", "faults?429=1&retry-after=7")["429"] == 1
        assert sandbox.refusal(sandbox.patient_url()) == (429, "7")
        sandbox.admin("PUT", "faults?503=1")
        assert sandbox.refusal(sandbox.patient_url())[1].endswith("GMT")
        for kind in ("401", "500"):
            sandbox.admin("PUT", f"faults?{kind}=1")
            assert sandbox.refusal(sandbox.patient_url())[0] == int(kind)
        assert sandbox.refusal(f"{sandbox.server.origin}/_sandbox/faults?500=2", method="PUT")[0] == 400
        assert sandbox.admin("GET", "requests")["faults"] == {"429": 1, "503": 1, "401": 1, "500": 1}
        sandbox.admin("PUT", "faults")
        assert sandbox.fetch(sandbox.patient_url())["total"] == 1

    def test_pages_can_be_endless_or_lead_elsewhere(self, sandbox: Client) -> None:
        patient = sandbox.fetch(sandbox.patient_url())["entry"][0]["resource"]["id"]
        sandbox.admin("PUT", "faults?endless=1")
        assert len(sandbox.pages(patient, limit=40)) == 40
        for kind, target in (("loop", "DocumentReference?patient="), ("foreign", "//foreign.invalid/")):
            sandbox.admin("PUT", f"faults?{kind}=1")
            (page,) = sandbox.pages(patient, limit=1)
            assert target in page["link"][1]["url"]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("timeout=1&timeout-seconds=0", (http.client.RemoteDisconnected, urllib.error.URLError)),
            ("malformed=1", (json.JSONDecodeError,)),
            ("html=1", (json.JSONDecodeError,)),
            ("reset=1", (http.client.IncompleteRead, json.JSONDecodeError)),
        ],
    )
    def test_an_answer_can_be_broken(self, sandbox: Client, fault: str, error: tuple[type[Exception]]) -> None:
        sandbox.admin("PUT", f"faults?{fault}")
        with pytest.raises(error):
            sandbox.fetch(sandbox.patient_url())

    def test_every_document_has_the_content_that_it_is_listed_with(self, sandbox: Client) -> None:
        links = Counter[str]()
        for number in range(12):
            patient = sandbox.fetch(sandbox.patient_url(number))["entry"][0]["resource"]["id"]
            for page in sandbox.pages(patient):
                for entry in page["entry"]:
                    (content,) = entry["resource"]["content"]
                    attachment = content["attachment"]
                    if data := attachment.get("data"):
                        body = base64.b64decode(data)
                    else:
                        link = attachment["url"]
                        links["absolute" if link.startswith("http") else "relative"] += 1
                        url = link if link.startswith("http") else f"{sandbox.server.base}/{link}"
                        with urllib.request.urlopen(url, timeout=5) as answer:
                            assert answer.headers["content-type"] == attachment["contentType"]
                            body = answer.read()
                    assert len(body) == attachment["size"]
                    identifier = entry["resource"]["id"]
                    again = sandbox.fetch(f"{sandbox.server.base}/DocumentReference/{identifier}")
                    assert base64.b64decode(again["content"][0]["attachment"]["data"]) == body
        assert links["absolute"] > links["relative"] > 0

    def test_a_content_is_wrapped_for_a_client_that_asks_for_fhir(self, sandbox: Client) -> None:
        url = f"{sandbox.server.base}/Binary/0123456789abcdef-0"
        binary = sandbox.fetch(url, Accept="application/fhir+json")
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert (binary["resourceType"], base64.b64decode(binary["data"])) == ("Binary", answer.read())

    def test_a_content_can_be_gone_mislabeled_or_endless(self, sandbox: Client) -> None:
        url = f"{sandbox.server.base}/Binary/0123456789abcdef-0"
        sandbox.admin("PUT", "faults?gone=1")
        assert sandbox.refusal(url)[0] == 404
        sandbox.admin("PUT", "faults?mislabeled=1")
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.headers["content-type"] == "application/pdf"
            assert not answer.read().startswith(b"%PDF")
        sandbox.admin("PUT", "faults?endless=1")
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert len(answer.read(1 << 20)) == 1 << 20

    def test_an_incomplete_answer_has_a_warning_among_its_matches(self, sandbox: Client) -> None:
        sandbox.admin("PUT", "faults?incomplete=1")
        modes = [entry["search"]["mode"] for entry in sandbox.fetch(sandbox.patient_url())["entry"]]
        assert modes == ["match", "outcome"]

    def test_a_request_that_is_not_a_search_is_refused(self, sandbox: Client) -> None:
        assert sandbox.refusal(f"{sandbox.server.base}/Observation?patient=1")[0] == 404
        assert sandbox.refusal(f"{sandbox.server.base}/DocumentReference?status=current")[0] == 400

    def test_nothing_of_a_search_is_printed(self, sandbox: Client, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox.fetch(sandbox.patient_url())
        sandbox.refusal(f"{sandbox.server.base}/Canary?family=Family0")
        assert capsys.readouterr() == ("", "")

    def test_a_token_is_issued_for_the_secret_and_refused_once_revoked(self, serve: Callable[[Tokens], Client]) -> None:
        sandbox = serve(Tokens(None, "s:1", 60))
        assert sandbox.refusal(sandbox.patient_url())[0] == 401
        url = f"{sandbox.server.origin}/_sandbox/token"
        form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "wrong"}
        assert sandbox.refusal(url, method="POST", body=urlencode(form))[0] == 401
        token = sandbox.fetch(url, "POST", urlencode(form | {"client_secret": "s:1"}))["access_token"]
        authorization = f"Bearer {token}"
        assert sandbox.fetch(sandbox.patient_url(), Authorization=authorization)["total"] == 1
        sandbox.admin("DELETE", "token")
        assert sandbox.refusal(sandbox.patient_url(), Authorization=authorization)[0] == 401


class TestProgram:
    def test_the_help_names_every_fault(self) -> None:
        text = parser().format_help()
        for kind in KINDS:
            assert re.search(rf"(?m)^  {kind} ", text)

    def test_it_prints_its_address_and_ends_with_its_standard_input(self) -> None:
        command = [*COMMAND, "--until-eof", "--with-documents", "1", "--without-documents", "0"]
        command += ["--ambiguous", "0", "--fault", "500=1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            assert process.stdout
            base = json.loads(process.stdout.readline())["base"]
            with pytest.raises(urllib.error.HTTPError) as refusal:
                urllib.request.urlopen(f"{base}/Patient?family=X", timeout=5)
            assert refusal.value.code == 500
            refusal.value.close()
            process.stdin.close()
            assert process.wait(10) == 0

    @pytest.mark.parametrize("wrong", [["--fault", "500"], ["--fault", "nonsense=1"], ["--with-documents", "2"]])
    def test_impossible_settings_are_refused_at_once(self, wrong: list[str]) -> None:
        ended = subprocess.run([*COMMAND, *wrong], capture_output=True, check=False, timeout=20)
        assert ended.returncode == 2
