"""The codecs of the family `videos` for the dialect openai: its callers, and its upstreams by profile."""

from collections.abc import Mapping

from proxy.model import Profile
from proxy.translate.videos import Inbound, Outbound
from proxy.translate.videos.openai.inbound import OpenAIInbound
from proxy.translate.videos.openai.newapi import NewAPI
from proxy.translate.videos.openai.sglang import SGLang
from proxy.translate.videos.openai.strict import Strict
from proxy.translate.videos.openai.vllm_omni import VLLMOmni

INBOUND: Inbound = OpenAIInbound()
OUTBOUND: Mapping[Profile, Outbound] = {
    Profile.STRICT: Strict(),
    Profile.NEWAPI: NewAPI(),
    Profile.VLLM_OMNI: VLLMOmni(),
    Profile.SGLANG: SGLang(),
}
