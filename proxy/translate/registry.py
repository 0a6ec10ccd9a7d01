"""The one table of families: what is imported here is served. Routes, scopes and the gateway's dispatch are made from it."""

from proxy.translate.chat.family import FAMILY as CHAT
from proxy.translate.embeddings.family import FAMILY as EMBEDDINGS
from proxy.translate.family import Family
from proxy.translate.files.family import FAMILY as FILES
from proxy.translate.images.family import FAMILY as IMAGES
from proxy.translate.responses.family import FAMILY as RESPONSES
from proxy.translate.videos.family import FAMILY as VIDEOS

# One line a family: its import above. Nothing else names the families.
FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))
