"""The real proxy of LiteLLM with Tally's callback, as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conftest import DEEPSEEK, LLAMA, until
from upstream import WORDS

START_SECONDS_MAX = 400.0

# A key names its organization and team: ``sk-acme/search``.
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth

async def user_api_key_auth(request, api_key):
    org, _, team = api_key.removeprefix("sk-").partition("/")
    return UserAPIKeyAuth(
        api_key=api_key, org_id=org or None, team_id=team or None, team_alias="Web Search", user_id="u_9"
    )
"""

# Another callback, which refuses an answer once the server has given it.
VETO = """
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

class Veto(CustomLogger):
    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        if "veto" in str(data.get("messages")):
            raise HTTPException(400, "vetoed")

handler = Veto()
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class LiteLLMProxy:
    def __init__(
        self,
        directory: Path,
        *,
        upstream_url: str,
        environment: Mapping[str, str],
        callbacks: Sequence[str] = ("tally_litellm.handler", "veto.handler"),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "custom_auth.py").write_text(AUTH)
        (directory / "veto.py").write_text(VETO)
        config = directory / "config.yaml"
        config.write_text(json.dumps(_config(upstream_url, callbacks, settings or {})))
        self.spool = Path(environment["TALLY_SPOOL"])
        self._log = directory / "proxy.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        program = Path(sys.executable).with_name("litellm")
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=directory, env={**_ENVIRONMENT, **environment}
            )

    def wait(self) -> None:
        until("LiteLLM serves", self._serves, START_SECONDS_MAX)

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log()[-5_000:]
        try:
            with urllib.request.urlopen(f"{self.url}/health/liveliness", timeout=10):
                return True
        except OSError:
            time.sleep(0.1)
            return False

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def post(
        self, path: str, key: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        asked = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})},
            method="POST",
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as response:
                return Answer(response.status, dict(response.headers.items()), response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers.items()), error.read().decode())

    def chat(self, key: str, text: str, /, **body: Any) -> Answer:
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", key, {"model": LLAMA, "messages": messages, **body})

    def hang_up(self, path: str, key: str, body: Mapping[str, Any]) -> None:
        """Asks for a stream, and closes the connection at its second word."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps({**body, "stream": True}), headers)
        response = connection.getresponse()
        assert response.status == 200
        words = 0
        while words < 2:
            line = response.readline()
            assert line != b"", "the stream has ended"
            words += any(f'"{word} "'.encode() in line for word in [*WORDS, "word"])
        response.close()
        connection.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


_ENVIRONMENT = {
    **os.environ,
    # Its price map comes with it; the newest one would be downloaded.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "NO_PROXY": "*",
}


def _config(
    upstream_url: str, callbacks: Sequence[str], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    def model(name: str, served: str) -> dict[str, Any]:
        parameters = {
            "model": f"openai/{served}",
            "api_base": f"{upstream_url}/v1",
            "api_key": "upstream-key",
        }
        return {"model_name": name, "litellm_params": parameters}

    return {
        "model_list": [
            model(LLAMA, "meta-llama"),
            model("cheap", "cheap"),
            model(DEEPSEEK, "deepseek"),
            model("cw_BAAI_bge-m3", "text-embedding-3-small"),
        ],
        "litellm_settings": {
            "callbacks": list(callbacks),
            "cache": True,
            "cache_params": {"type": "local", "mode": "default_off"},
        },
        "callback_settings": settings.get("callback_settings", {}),
        "router_settings": {
            "num_retries": 1,
            "retry_after": 0,
            "disable_cooldowns": True,
            "model_group_alias": {"llama": LLAMA},
            "fallbacks": [{"cw_mistralai_Mistral-Small-3.1-24B-Instruct-2503": [LLAMA]}, {"cheap": [LLAMA]}],
        },
        "general_settings": {
            "custom_auth": "custom_auth.user_api_key_auth",
            "master_key": "sk-" + secrets.token_hex(32),
            **settings.get("general_settings", {}),
        },
    }


def lines_since(proxy: LiteLLMProxy, start: int, mark: str) -> list[str]:
    return [line for line in proxy.log()[start:].splitlines() if mark in line]
