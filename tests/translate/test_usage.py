"""Usage in the words of every family."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import Usage
from proxy.translate.usage import bot_usage_of, usage_of, whole

CHAT = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 9,
}
ARK_IMAGES = {"generated_images": 2, "output_tokens": 32448, "total_tokens": 32448}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CHAT, *RESPONSE, "cached_tokens", "model_usage"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (CHAT, Usage(10, 5, 15, 4, 2, raw=CHAT)),
        (RESPONSE, Usage(7, 2, 9, 3, 1, raw=RESPONSE)),
        (ARK_IMAGES, Usage(None, 32448, 32448, images=2, raw=ARK_IMAGES)),
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3, None, 3, raw={"prompt_tokens": 3, "total_tokens": 3})),
        (
            {"prompt_tokens": 3, "completion_tokens": 4},
            Usage(3, 4, 7, raw={"prompt_tokens": 3, "completion_tokens": 4}),
        ),
    ],
)
def test_every_family(said: dict[str, object], read: Usage) -> None:
    """Tokens, cached and reasoning ones included, are found under every family's names, and the object is kept whole."""
    assert usage_of(said) == read


@pytest.mark.parametrize(
    "said", [None, {}, [], "10", {"prompt_tokens": None}, {"total_tokens": -1}, {"total_tokens": True}]
)
def test_nothing_counted(said: object) -> None:
    """What counts nothing is no usage, so that an earlier one is not forgotten for it."""
    assert usage_of(said) is None


def test_images_without_a_count() -> None:
    """Images that were seen are counted where the usage does not count them, or is missing."""
    assert usage_of(None, 3) == Usage(images=3, raw={})
    counted = usage_of(ARK_IMAGES, 9)
    assert counted is not None
    assert counted.images == 2


def test_bots() -> None:
    """The models behind a bot are added up."""
    usage = bot_usage_of({"model_usage": [CHAT, CHAT, {"name": "x"}]})
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (20, 10, 30)
    assert bot_usage_of({"action_usage": []}) is None


@given(JSON)
def test_anything(value: object) -> None:
    """No value makes reading fail."""
    usage_of(value)
    bot_usage_of(value)


def test_whole() -> None:
    """Counts are whole and not negative."""
    assert [whole(value) for value in (0, 12.0, 12.5, -1, True, "4", float("nan"), float("inf"))] == [
        0, 12, None, None, None, None, None, None,
    ]  # fmt: skip
