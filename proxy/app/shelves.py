"""The archive that the configuration asks for, or none."""

import importlib
from pathlib import Path

from proxy.archive import Archive
from proxy.archive.keeper import Keeper, Means, Terms
from proxy.archive.local import LocalArchive
from proxy.config import Config
from proxy.errors import ConfigError, Mistake

DAY = 86400.0


def archive_of(config: Config) -> Archive | None:
    """Where results are kept. The S3 client is an optional extra, so this is the one place that imports by name."""
    video = config.video
    if video.archive == "off":
        return None
    if video.archive == "local":
        return LocalArchive(Path(video.archive_path) if video.archive_path else config.data_dir / "archive")
    try:
        s3 = importlib.import_module("proxy.archive.s3")
    except ModuleNotFoundError as missing:
        where = str(config.path or "configuration")
        text = "s3 needs an extra package: install arkbridge[s3], or set video.archive to local or off"
        raise ConfigError([Mistake(where, 0, "video.archive", text)]) from missing
    made: Archive = s3.S3Archive(
        s3.Bucket(
            name=video.archive_bucket,
            prefix=video.archive_path,
            endpoint=video.archive_endpoint,
            region=video.archive_region,
            access_key=video.archive_access_key,
            secret_key=video.archive_secret_key,
        )
    )
    return made


def keeper_of(config: Config, means: Means) -> Keeper:
    """The worker that fills the archive, under the configured terms."""
    return Keeper(means, Terms(retention=config.video.archive_days * DAY, max_size=config.video.archive_max_size))
