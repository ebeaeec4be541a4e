"""The stand-in for S3 signs as Amazon does: the four examples of its own documentation ("Authenticating Requests: Using the Authorization
Header", Amazon S3 API Reference)."""

import hashlib

import pytest

from tests.s3 import SECRET, signature

DATE, HOST = "20130524T000000Z", "examplebucket.s3.amazonaws.com"
EMPTY = hashlib.sha256(b"").hexdigest()
PUT = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()


@pytest.mark.parametrize(
    ("method", "path", "query", "more", "told"),
    [
        ("GET", "/test.txt", [], {"range": "bytes=0-9"}, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        (
            "PUT", "/test%24file.text", [],
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-content-sha256": PUT, "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/", [("lifecycle", "")], {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET", "/", [("max-keys", "2"), ("prefix", "J")], {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)  # fmt: skip
def test_the_documented_examples_have_the_documented_signatures(method, path, query, more, told):
    headers = {"host": HOST, "x-amz-content-sha256": EMPTY, "x-amz-date": DATE} | more
    assert signature(method, path, query, headers, sorted(headers), DATE, "us-east-1", SECRET) == told
