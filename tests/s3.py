"""A bucket of S3 for tests: a server that speaks the protocol and believes nothing.

Every request must be signed (Signature Version 4, as Amazon documents it) over its path, query, host, every x-amz header and the hash of
its body; what is uploaded must carry its SHA-256 and have it; parts of an upload must be large enough and be named again, in order, with
their ETags. A list has three names a page. `fail` makes the next requests fail as a busy service does.
"""

import hashlib
import hmac
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

ACCESS, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1"
PAGE = 3
SMALLEST_PART = 5 * 1024 * 1024
SKEW_SEC = 15 * 60


def signature(
    method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], signed: Sequence[str],
    date: str, region: str, secret: str,
) -> str:  # fmt: skip
    """Of a request; header names in lower case, `path` as it was sent, `date` like 20130524T000000Z."""
    canonical_query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query))
    canonical = "\n".join(
        [method, path, canonical_query, *(f"{name}:{' '.join(headers[name].split())}" for name in signed), "", ";".join(signed),
         headers["x-amz-content-sha256"]]
    )  # fmt: skip
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


class Refused(Exception):
    """An error of S3."""

    def __init__(self, status: int, code: str, why: str = "") -> None:
        super().__init__(f"{status} {code} {why}")
        self.status, self.code, self.why = status, code, why


class S3(ThreadingHTTPServer):
    """`objects` is the bucket `box`. As a context manager it serves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.failing = 0
        self.seen: list[str] = []
        self.refused: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail(self, requests: int) -> None:
        self.failing = requests

    def __enter__(self) -> "S3":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            try:
                status, answer, headers = self._answer(body)
            except Refused as refusal:
                self.server.refused.append(str(refusal))
                status, headers = refusal.status, {"content-type": "application/xml"}
                answer = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.why)}</Message></Error>".encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", headers.get("x-length", str(len(answer))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _answer(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        address = urlsplit(self.path)
        query = parse_qsl(address.query, keep_blank_values=True)
        self.server.seen.append(f"{self.command} {self.path}")
        if self.server.failing:
            self.server.failing -= 1
            raise Refused(503, "SlowDown", "Reduce your request rate.")
        self._check(address.path, query, body)
        bucket, _, key = unquote(address.path.lstrip("/")).partition("/")
        if bucket != "box":
            raise Refused(404, "NoSuchBucket", bucket)
        return self._do(key, dict(query), body)

    def _check(self, path: str, query: list[tuple[str, str]], body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        scheme, _, told = headers.get("authorization", "").partition(" ")
        fields = dict(part.strip().split("=", 1) for part in told.split(",") if "=" in part)
        if scheme != "AWS4-HMAC-SHA256" or set(fields) != {"Credential", "SignedHeaders", "Signature"}:
            raise Refused(403, "AccessDenied", "not signed")
        access, day, region, service, kind = fields["Credential"].split("/")
        date, signed = headers["x-amz-date"], fields["SignedHeaders"].split(";")
        if (access, service, kind, day) != (ACCESS, "s3", "aws4_request", date[:8]):
            raise Refused(403, "InvalidAccessKeyId", fields["Credential"])
        if region != REGION:
            raise Refused(400, "AuthorizationHeaderMalformed", f"the region {region!r} is wrong; expecting {REGION!r}")
        if abs(datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() - time.time()) > SKEW_SEC:
            raise Refused(403, "RequestTimeTooSkewed", date)
        missing = {"host", *(name for name in headers if name.startswith("x-amz-"))} - set(signed)
        if missing or signed != sorted(signed):
            raise Refused(403, "AccessDenied", f"not signed: {missing}")
        if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch", "the body is another one")
        if not hmac.compare_digest(
            signature(self.command, path, query, headers, signed, date, region, SECRET), fields["Signature"]
        ):
            raise Refused(403, "SignatureDoesNotMatch", path)
        sent = self.command == "PUT" or "delete" in dict(query)
        checksum = headers.get("x-amz-checksum-sha256")
        if sent and checksum != b64encode(hashlib.sha256(body).digest()).decode():
            raise Refused(400, "BadDigest", f"{checksum} is not its SHA-256")

    def _do(  # noqa: C901 - a table of what there is
        self, key: str, query: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        objects = self.server.objects
        match self.command, key, query:
            case "GET", "", {"list-type": "2"}:
                return 200, self._list(query), {"content-type": "application/xml"}
            case "POST", "", {"delete": _}:
                names = [one.text or "" for one in ET.fromstring(body).iter() if one.tag.rpartition("}")[2] == "Key"]
                for name in names:
                    objects.pop(name, None)
                told = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
                return 200, f"<DeleteResult>{told}</DeleteResult>".encode(), {"content-type": "application/xml"}
            case "POST", _, {"uploads": _}:
                upload = uuid.uuid4().hex
                self.server.uploads[upload] = key, {}
                told = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                return 200, told.encode(), {"content-type": "application/xml"}
            case "PUT", _, {"partNumber": number, "uploadId": upload}:
                self._upload(key, upload)[int(number)] = body
                return 200, b"", {"etag": etag(body)}
            case "POST", _, {"uploadId": upload}:
                whole = self._complete(key, upload, body)
                objects[key] = whole
                told = f"<CompleteMultipartUploadResult><ETag>{etag(whole)}</ETag></CompleteMultipartUploadResult>"
                return 200, told.encode(), {"content-type": "application/xml"}
            case "DELETE", _, {"uploadId": upload}:
                self.server.uploads.pop(upload, None)
                return 204, b"", {}
            case "PUT", _, _ if not query:
                objects[key] = body
                return 200, b"", {"etag": etag(body)}
            case "DELETE", _, _ if not query:
                objects.pop(key, None)
                return 204, b"", {}
            case "GET" | "HEAD", _, _ if not query:
                return self._get(key)
        raise Refused(501, "NotImplemented", f"{self.command} {self.path}")

    def _upload(self, key: str, upload: str) -> dict[int, bytes]:
        known, parts = self.server.uploads.get(upload, ("", {}))
        if known != key:
            raise Refused(404, "NoSuchUpload", upload)
        return parts

    def _complete(self, key: str, upload: str, body: bytes) -> bytes:
        parts, told = self._upload(key, upload), ET.fromstring(body)
        fields = [{child.tag.rpartition("}")[2]: child.text or "" for child in part} for part in told]
        numbers = [int(part["PartNumber"]) for part in fields]
        if numbers != sorted(parts):
            raise Refused(400, "InvalidPartOrder", f"{numbers} of {sorted(parts)}")
        if any(part["ETag"] != etag(parts[int(part["PartNumber"])]) for part in fields):
            raise Refused(400, "InvalidPart", key)
        if any(len(parts[number]) < SMALLEST_PART for number in numbers[:-1]):
            raise Refused(400, "EntityTooSmall", key)
        del self.server.uploads[upload]
        return b"".join(parts[number] for number in numbers)

    def _get(self, key: str) -> tuple[int, bytes, dict[str, str]]:
        if key not in self.server.objects:
            raise Refused(404, "NoSuchKey", key)
        whole = self.server.objects[key]
        headers = {"etag": etag(whole), "last-modified": "Wed, 25 Nov 2026 03:00:00 GMT", "x-length": str(len(whole))}
        asked = self.headers.get("range", "")
        if not asked:
            return 200, whole, headers
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = whole[int(first) : int(last) + 1 if last else None]
        told = f"bytes {first}-{int(first) + len(part) - 1}/{len(whole)}"
        return 206, part, headers | {"content-range": told, "x-length": str(len(part))}

    def _list(self, query: dict[str, str]) -> bytes:
        after = query.get("continuation-token", "")
        names = sorted(name for name in self.server.objects if name.startswith(query.get("prefix", "")) and name > after)
        page, rest = names[:PAGE], names[PAGE:]
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.server.objects[name])}</Size>"
            f"<LastModified>2026-11-25T03:00:00.000Z</LastModified><ETag>{etag(self.server.objects[name])}</ETag></Contents>"
            for name in page
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        return f"<ListBucketResult><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}{items}</ListBucketResult>".encode()


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'
