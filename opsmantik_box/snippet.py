"""The line that the client's web developer pastes into a page. Pure text; every value is escaped."""

from html import escape

SCRIPT = "/ux-core.js"
SYNC = "/api/sync"


def snippet(public_url: str, public_id: str, consent: str) -> str:
    """The script element for one site. `public_url` has no slash at the end; `consent` is pending, granted, denied or limit."""
    parts = {
        "src": public_url + SCRIPT,
        "data-site-id": public_id,
        "data-api": public_url + SYNC,
        "data-consent": consent,
    }
    return "<script async " + " ".join(f'{name}="{escape(value)}"' for name, value in parts.items()) + "></script>"
