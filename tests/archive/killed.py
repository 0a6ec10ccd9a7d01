"""A process of its own that copies one result, to be killed in the middle: python -m tests.archive.killed FOLDER BASE_URL BUCKET_URL."""

import asyncio
import sys
from pathlib import Path

from proxy.archive import Archive
from proxy.archive.local import LocalArchive
from proxy.archive.s3 import S3Archive
from tests.archive.moto import bucket
from tests.archive.studio import Clock, Studio


async def main(folder: Path, base_url: str, endpoint: str) -> None:
    """Do what the gateway does after its start, once."""
    archive: Archive = S3Archive(bucket(endpoint)) if endpoint else LocalArchive(folder / "archive")
    studio = Studio(folder, Clock(), base_url)
    await studio.store.open()
    keeper = studio.keeper(archive)
    await keeper.recover()
    sys.stdout.write("ready http://nowhere\n")
    sys.stdout.flush()
    await keeper.step()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
