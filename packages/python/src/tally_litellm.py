"""What LiteLLM's configuration names: ``callbacks: [tally_litellm.handler]``. The environment configures it."""

from tally_client.litellm.handler import TallyHandler

handler = TallyHandler.from_environment()
