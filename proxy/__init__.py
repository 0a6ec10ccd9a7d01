"""arkbridge: a local gateway between the OpenAI API and the Volcengine Ark API."""

__version__ = "0.1.0"
