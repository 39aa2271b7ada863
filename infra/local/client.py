"""The service's API as any HTTP client uses it; every call is shown as the `curl` line that does the same."""

from __future__ import annotations

import http.client
import json
import shlex
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from terminal import Bar, dim

ANSWER_SECONDS = 30
FILE_SECONDS = 120
UPLOAD_PIECE = 64 * 1024
DOWNLOAD_PIECE = 1024 * 1024


class Failure(Exception):
    """The import did not get to its end; says what happened."""


class Unanswered(Failure):
    """A call was not answered, or not by the service: it may be when it is made again."""


class Api:
    """The API at an address, for one customer."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def call(self, method: str, path: str, body: object = None, *, shown: bool = True) -> dict[str, Any]:
        """Calls the API and gives its answer."""
        data = None if body is None else json.dumps(body)
        headers = {"x-api-key": self.key}
        line = ["curl", *([] if method == "GET" else ["-X", method]), f'"$API{path}"', '-H "x-api-key: $KEY"']
        if data is not None:
            headers["content-type"] = "application/json"
            line += ["-H 'content-type: application/json'", f"-d {shlex.quote(data)}"]
        if shown:
            show_command(" ".join(line))
        content = None if data is None else data.encode()
        request = urllib.request.Request(self.url + path, method=method, data=content, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            kind = Unanswered if error.code >= 500 else Failure
            raise kind(f"{method} {path} was answered {error.code}: {error.read().decode(errors='replace')}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{method} {path} was not answered: {error}") from None


def show_command(line: str) -> None:
    """Shows what to type for what happens next."""
    print(dim(f"   $ {line}"))


def upload(url: str, file: Path) -> None:
    """`PUT`s the file piece by piece, with a progress bar."""
    show_command(f'curl -X PUT "$UPLOAD_URL" -H "content-type: text/csv" --data-binary @{shlex.quote(str(file))}')
    parts, size = urllib.parse.urlsplit(url), file.stat().st_size
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=FILE_SECONDS)
    bar, sent = Bar("uploading", "bytes"), 0
    try:
        connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        connection.putheader("content-type", "text/csv")
        connection.putheader("content-length", str(size))
        connection.endheaders()
        with file.open("rb") as source:
            while piece := source.read(UPLOAD_PIECE):
                connection.send(piece)
                sent += len(piece)
                bar.update(sent, size)
        bar.close()
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"the upload broke off after {sent:,} of {size:,} bytes: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Failure(f"the upload was answered {answer.status}: {said}")


def download(name: str, url: str, target: Path) -> None:
    """Saves what is behind a link."""
    show_command(f'curl -o {shlex.quote(target.name)} "${name}"')
    try:
        with urllib.request.urlopen(url, timeout=FILE_SECONDS) as answer, target.open("wb") as file:
            while piece := answer.read(DOWNLOAD_PIECE):
                file.write(piece)
    except urllib.error.HTTPError as error:
        raise Failure(f"the link to {target.name} was answered {error.code}") from None
