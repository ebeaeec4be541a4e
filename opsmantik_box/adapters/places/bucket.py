"""A bucket of S3-compatible storage, by obstore."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from opsmantik_box.adapters.places import PlaceFailed
from opsmantik_box.domain.backups import Backup

PART_BYTES, AT_ONCE = 8 * 1024 * 1024, 2
"""Of an upload; both together are what it takes of memory, and ten thousand parts are 80 GB."""
PART_SEC, RETRY_SEC = 300, 600


class Bucket:
    """Requests are signed, uploads carry their SHA-256; what fails is tried again for ten minutes."""

    is_elsewhere = True

    def __init__(self, told: Backup) -> None:
        self.label = told.bucket
        self._store = S3Store(
            told.s3_bucket,
            prefix=told.s3_prefix.strip("/") or None,
            endpoint=told.s3_url or f"https://s3.{told.s3_region}.amazonaws.com",
            region=told.s3_region,
            access_key_id=told.s3_access_key,
            secret_access_key=told.s3_secret_key,
            virtual_hosted_style_request=False,
            checksum_algorithm="sha256",
            client_options={"allow_http": True, "timeout": timedelta(seconds=PART_SEC)},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=RETRY_SEC)},
        )

    def files(self) -> dict[str, int]:
        with self._told():
            pages = obstore.list(self._store, return_arrow=False)  # pyright: ignore[reportUnknownMemberType] - an Arrow type is not installed
            return {str(one["path"]): int(one["size"]) for page in pages for one in page}

    def put(self, file: Path, name: str) -> None:
        with self._told():
            obstore.put(self._store, name, file, chunk_size=PART_BYTES, max_concurrency=AT_ONCE)

    def get(self, name: str, file: Path) -> None:
        with self._told(), file.open("wb") as target:
            for part in obstore.get(self._store, name).stream(min_chunk_size=PART_BYTES):
                target.write(part)

    def delete(self, names: Sequence[str]) -> None:
        with self._told():
            obstore.delete(self._store, list(names))

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise PlaceFailed(place=self.label, problem=" ".join(str(error).split())[:500]) from error
