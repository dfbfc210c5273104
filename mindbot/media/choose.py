"""Which media store a configuration asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mindbot.domain.host import Secrets
from mindbot.domain.ports.http import Http
from mindbot.media.folder import FolderMedia
from mindbot.media.spool import MediaLimits, SpooledMedia

if TYPE_CHECKING:
    from mindbot.config.sections import MediaSettings


def media_store(
    settings: MediaSettings, folder: Path, http: Http, secrets: Secrets, *, ca_file: str = ""
) -> SpooledMedia:
    """Return the store of the `media:` section; touches neither network, disk nor secrets.

    ``ca_file`` holds certificates to trust beside the system's.

    Raises:
        ConfigError: an extra is missing.
    """
    limits = MediaLimits(size=settings.max_size, types=settings.types, seconds=settings.timeout)
    if settings.store == "folder":
        return FolderMedia(folder, http, limits)

    from mindbot.media.bucket import BucketMedia, BucketPlace

    async def keys() -> tuple[str, str]:
        if settings.access_key is None or settings.secret_key is None:
            return "", ""
        return await secrets.aget(settings.access_key), await secrets.aget(settings.secret_key)

    place = BucketPlace(
        settings.bucket, settings.prefix, settings.endpoint, settings.region, path_style=settings.path_style
    )
    return BucketMedia(place, folder, http, limits, keys=keys, cache=settings.cache_size, ca_file=ca_file)
