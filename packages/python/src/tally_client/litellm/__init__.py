"""The callback for LiteLLM's proxy: holds before each call, reports what it used after it. ``handler`` has the hooks, and imports
LiteLLM; nothing else does.
"""
