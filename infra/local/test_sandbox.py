"""Tests of the sandbox FHIR server: what it finds, and that it misbehaves as told and no other way."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox_faults import KINDS, Chance, Faults
from sandbox_fhir import Server, parser
from sandbox_records import Shares, document_count, patients
from sandbox_state import Tokens

SCRIPT = str(Path(__file__).with_name("sandbox_fhir.py"))


def query(number: int) -> dict[str, str]:
    return {"family": f"Family{number}", "given": "Ada", "birthdate": "1980-02-03", "gender": "female"}


def queries(count: int) -> list[dict[str, list[str]]]:
    return [{name: [value] for name, value in query(number).items()} for number in range(count)]


class Records(unittest.TestCase):
    def test_the_shares_are_those_asked_for(self) -> None:
        shares = Shares(0.5, 0.1, 0.05)
        found = Counter(tuple(patient["id"][:9] for patient in patients(one, shares)) for one in queries(4000))
        for kind, share in {("sandbox-d",): 0.5, ("sandbox-n",): 0.1, (): 0.35}.items():
            self.assertAlmostEqual(found[kind] / 4000, share, delta=0.03)
        self.assertAlmostEqual(found[("sandbox-a", "sandbox-a")] / 4000, 0.05, delta=0.03)

    def test_a_share_can_be_all_or_none(self) -> None:
        for one in queries(200):
            self.assertEqual(patients(one, Shares(0, 0, 0)), [])
            (patient,) = patients(one, Shares(1, 0, 0))
            self.assertIn(document_count(patient["id"]), range(1, 26))
        with self.assertRaises(ValueError):
            Shares(0.9, 0.2, 0)

    def test_the_same_person_is_found_whatever_their_address(self) -> None:
        (one,) = queries(1)
        moved = one | {"address-postalcode": ["02139"], "family": ["FAMILY0"]}
        identifiers = [[patient["id"] for patient in patients(who, Shares(1, 0, 0))] for who in (one, moved)]
        self.assertEqual(*identifiers)


class FaultPlan(unittest.TestCase):
    def test_the_same_requests_meet_the_same_faults_in_any_order(self) -> None:
        def draws(order: range) -> dict[int, str | None]:
            chance = Chance(Faults.of({"500": ["0.3"], "429": ["0.2"], "seed": ["7"]}))
            return {number: chance.draw(f"request {number}") for number in order}

        drawn = draws(range(2000))
        self.assertEqual(drawn, draws(range(1999, -1, -1)))
        counts = Counter(drawn.values())
        self.assertAlmostEqual(counts["500"] / 2000, 0.3, delta=0.04)
        self.assertAlmostEqual(counts["429"] / 2000, 0.2, delta=0.04)

    def test_a_retry_can_succeed_and_another_seed_gives_other_faults(self) -> None:
        def draws(seed: str) -> list[str | None]:
            chance = Chance(Faults.of({"500": ["0.5"], "seed": [seed]}))
            return [chance.draw("request") for _ in range(64)]

        self.assertEqual(set(draws("1")), {"500", None})
        self.assertNotEqual(draws("1"), draws("2"))

    def test_what_makes_no_sense_is_refused(self) -> None:
        for wrong in ({"501": ["1"]}, {"500": ["1.5"]}, {"500": ["0.6"], "429": ["0.6"]}, {"seed": ["x"]}):
            with self.assertRaises(ValueError):
                Faults.of(wrong)


class Served(unittest.TestCase):
    """On a server in this process."""

    def setUp(self) -> None:
        self.start(Tokens(None, None, 60))

    def start(self, tokens: Tokens) -> None:
        self.server = Server(0, Shares(1, 0, 0), 10, Faults(), tokens)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def fetch(self, url: str, method: str = "GET", body: str | None = None, **headers: str) -> Any:
        request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def admin(self, method: str, what: str) -> Any:
        return self.fetch(f"{self.server.origin}/_sandbox/{what}", method)

    def refusal(self, url: str, **headers: str) -> urllib.error.HTTPError:
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            self.fetch(url, **headers)
        self.addCleanup(refusal.exception.close)
        return refusal.exception

    def patient_url(self, number: int = 0) -> str:
        return f"{self.server.base}/Patient?{urlencode(query(number))}"

    def pages(self, patient: str, limit: int = 100) -> list[Any]:
        pages = [self.fetch(f"{self.server.base}/DocumentReference?patient={patient}&status=current&_count=7")]
        while (links := {link["relation"]: link["url"] for link in pages[-1]["link"]}).get("next") and limit > 1:
            pages.append(self.fetch(links["next"]))
            limit -= 1
        return pages

    def test_a_search_by_post_finds_what_the_same_by_get_finds(self) -> None:
        found = self.fetch(self.patient_url())
        posted = self.fetch(f"{self.server.base}/Patient/_search", "POST", urlencode(query(0)))
        self.assertEqual(found["entry"], posted["entry"])
        self.assertEqual(found["entry"][0]["resource"]["name"], [{"family": "Family0", "given": ["Ada"]}])

    def test_pages_hold_every_document_once(self) -> None:
        for number in range(12):
            patient = self.fetch(self.patient_url(number))["entry"][0]["resource"]["id"]
            pages = self.pages(patient)
            identifiers = [entry["resource"]["id"] for page in pages for entry in page["entry"]]
            self.assertEqual(len(set(identifiers)), len(identifiers))
            self.assertEqual({page["total"] for page in pages}, {len(identifiers)})
            self.assertEqual(len(identifiers), document_count(patient))
            self.assertTrue(all(len(page["entry"]) <= 7 for page in pages))

    def test_requests_are_counted_and_counted_anew(self) -> None:
        patient = self.fetch(self.patient_url())["entry"][0]["resource"]["id"]
        pages = self.pages(patient)
        seen = self.admin("GET", "requests")
        self.assertEqual(seen["requests"], {"GET Patient": 1, "GET DocumentReference": len(pages)})
        (counts,) = seen["patients"].values()
        found = document_count(patient)
        expected = {"PatientSearches": 1, "PatientFound": 1}
        self.assertEqual(counts, expected | {"DocumentReferenceSearches": 1, "DocumentReferenceFound": found})
        self.assertNotIn("Family0", json.dumps(seen))
        self.admin("DELETE", "requests")
        self.assertEqual(self.admin("GET", "requests"), {"requests": {}, "faults": {}, "patients": {}})

    def test_faults_change_while_it_runs(self) -> None:
        self.assertEqual(self.admin("PUT", "faults?429=1&retry-after=7")["429"], 1)
        refusal = self.refusal(self.patient_url())
        self.assertEqual((refusal.code, refusal.headers["retry-after"]), (429, "7"))
        self.admin("PUT", "faults?503=1")
        self.assertRegex(self.refusal(self.patient_url()).headers["retry-after"], r"GMT$")
        for kind in ("401", "500"):
            self.admin("PUT", f"faults?{kind}=1")
            self.assertEqual(self.refusal(self.patient_url()).code, int(kind))
        self.assertEqual(self.refusal(f"{self.server.origin}/_sandbox/faults?500=2", method="PUT").code, 400)
        self.assertEqual(self.admin("GET", "requests")["faults"], {"429": 1, "503": 1, "401": 1, "500": 1})
        self.admin("PUT", "faults")
        self.assertEqual(self.fetch(self.patient_url())["total"], 1)

    def test_pages_end_nowhere_when_told_so(self) -> None:
        patient = self.fetch(self.patient_url())["entry"][0]["resource"]["id"]
        self.admin("PUT", "faults?endless=1")
        self.assertEqual(len(self.pages(patient, limit=40)), 40)
        for kind, target in (("loop", "DocumentReference?patient="), ("foreign", "//foreign.invalid/")):
            self.admin("PUT", f"faults?{kind}=1")
            (page,) = self.pages(patient, limit=1)
            self.assertIn(target, page["link"][1]["url"])

    def test_answers_break_when_told_so(self) -> None:
        for kind, error in (
            ("timeout&timeout-seconds=0", (http.client.RemoteDisconnected, urllib.error.URLError)),
            ("malformed", (json.JSONDecodeError,)),
            ("html", (json.JSONDecodeError,)),
            ("reset", (http.client.IncompleteRead, json.JSONDecodeError)),
        ):
            name, _, number = kind.partition("&")
            self.admin("PUT", f"faults?{name}=1&{number}")
            with self.assertRaises(error, msg=kind):
                self.fetch(self.patient_url())
        self.admin("PUT", "faults?incomplete=1")
        modes = [entry["search"]["mode"] for entry in self.fetch(self.patient_url())["entry"]]
        self.assertEqual(modes, ["match", "outcome"])

    def test_what_is_no_search_is_refused(self) -> None:
        self.assertEqual(self.refusal(f"{self.server.base}/Observation?patient=1").code, 404)
        self.assertEqual(self.refusal(f"{self.server.base}/DocumentReference?status=current").code, 400)

    def test_nothing_of_a_search_is_printed(self) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            self.fetch(self.patient_url())
            self.refusal(f"{self.server.base}/Canary?family=Family0")
        self.assertEqual(printed.getvalue(), "")

    def test_a_token_is_given_for_the_secret_and_refused_once_revoked(self) -> None:
        self.start(Tokens(None, "s:1", 60))
        self.assertEqual(self.refusal(self.patient_url()).code, 401)
        url = f"{self.server.origin}/_sandbox/token"
        form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "wrong"}
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            self.fetch(url, "POST", urlencode(form))
        refusal.exception.close()
        token = self.fetch(url, "POST", urlencode(form | {"client_secret": "s:1"}))["access_token"]
        authorization = f"Bearer {token}"
        self.assertEqual(self.fetch(self.patient_url(), Authorization=authorization)["total"], 1)
        self.admin("DELETE", "token")
        self.assertEqual(self.refusal(self.patient_url(), Authorization=authorization).code, 401)


class Program(unittest.TestCase):
    def test_the_help_names_every_fault(self) -> None:
        text = parser().format_help()
        for kind in KINDS:
            self.assertRegex(text, rf"(?m)^  {kind} ")

    def test_it_says_where_it_is_and_ends_with_its_parent(self) -> None:
        command = [sys.executable, SCRIPT, "--until-eof", "--with-documents", "1", "--without-documents", "0"]
        command += ["--ambiguous", "0", "--fault", "500=1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin and process.stdout
            base = json.loads(process.stdout.readline())["base"]
            with self.assertRaises(urllib.error.HTTPError) as refusal:
                urllib.request.urlopen(f"{base}/Patient?family=X", timeout=5)
            self.assertEqual(refusal.exception.code, 500)
            refusal.exception.close()
            process.stdin.close()
            self.assertEqual(process.wait(10), 0)

    def test_settings_that_make_no_sense_are_refused_at_once(self) -> None:
        for wrong in (["--fault", "500"], ["--fault", "nonsense=1"], ["--with-documents", "2"]):
            ended = subprocess.run([sys.executable, SCRIPT, *wrong], capture_output=True, check=False, timeout=20)
            self.assertEqual(ended.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main()
