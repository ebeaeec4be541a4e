"""Signing as Standard Webhooks has it (github.com/standard-webhooks): `v1,` and the HMAC-SHA256 of id, time and body. Imports no client:
the engine signs, because the key does not leave its process."""

import hmac
from base64 import b64encode


def key_text(key: bytes) -> str:
    """As the receiver is given it."""
    return f"whsec_{b64encode(key).decode()}"


def signed_headers(key: bytes, message_id: str, body: bytes, now: int) -> dict[str, str]:
    """`message_id` is the same at every attempt; `now` (UTC ms) is that of this one."""
    seconds = now // 1000
    signature = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, "sha256")
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }
