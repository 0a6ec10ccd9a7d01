"""One policy for what cannot be said."""

import pytest

from proxy.errors import Problem, Refusal
from proxy.model import Dialect
from proxy.translate.videos import VideoRequest
from proxy.translate.videos.losses import Loss, Losses


def losses(*, lossy: bool = False, **options: object) -> Losses:
    names = {"seed": "metadata.seed", "first_frame": "input_reference"}
    return Losses(VideoRequest(model="m", dialect=Dialect.OPENAI, options=options, names=names, lossy=lossy))


def test_rules() -> None:
    """Dropped options are warned of by the caller's name, ours are not, and nothing is silent."""
    found = losses(seed=7, watermark=True, execution_expires_after=3600)
    found.settle({"seed": Loss.DROP, "watermark": Loss.DROP}, "it")
    assert [notice.param for notice in found.notices] == ["metadata.seed", "watermark"]


@pytest.mark.parametrize("rule", [Loss.REFUSE, Loss.REFUSE_UNLESS_LOSSY])
def test_refusals_name_the_field_as_the_caller_wrote_it(rule: Loss) -> None:
    """A refused option is a 400 unsupported_parameter with the caller's own name."""
    with pytest.raises(Refusal) as refused:
        losses(seed=7).settle({"seed": rule}, "it")
    assert refused.value.problem is Problem.UNSUPPORTED_PARAMETER
    assert refused.value.param == "metadata.seed"


def test_leave_to_lose() -> None:
    """With the caller's leave a refusal marked † becomes a warning; an unmarked one stays."""
    found = losses(lossy=True, seed=7)
    found.settle({"seed": Loss.REFUSE_UNLESS_LOSSY}, "it")
    assert len(found.notices) == 1
    with pytest.raises(Refusal):
        found.settle({"seed": Loss.REFUSE}, "it")


@pytest.mark.parametrize("value", [False, [], -1, ""])
def test_asking_for_nothing_is_never_refused(value: object) -> None:
    """A value that asks for nothing is warned of and not refused."""
    found = losses(draft=value)
    found.settle({"draft": Loss.REFUSE}, "it")
    assert found.notices[0].param == "draft"


def test_items_are_named_by_their_role() -> None:
    """A content item is named by the field it came in, else `content`."""
    found = losses()
    assert found.param_of({"type": "image_url", "role": "first_frame"}) == "input_reference"
    assert found.param_of({"type": "image_url", "role": "last_frame"}) == "content"
    with pytest.raises(Refusal) as refused:
        found.refuse_item({"type": "audio_url"}, "no")
    assert refused.value.param == "content"


def test_strangers_are_reported() -> None:
    """Options outside a table are warned of one by one."""
    found = losses(seed=1, subdivision_level=2)
    found.strangers({"seed": 0}, "it")
    assert [notice.param for notice in found.notices] == ["subdivision_level"]
