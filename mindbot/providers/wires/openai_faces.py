"""Services that speak OpenAI's chat completions in their own way: data.

A service is known by the entry's `type`, or by the host of its base URL. Sources: the API references of
OpenRouter ("Usage accounting", "App attribution"), DeepSeek ("Thinking mode"), SiliconFlow ("Chat
completions"), Moonshot ("Kimi K2 thinking", "Chat"), Azure OpenAI ("Data plane inference", "API lifecycle"),
bigmodel and Z.ai ("Chat completion", zai-sdk 0.2.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from mindbot.http.guard import endpoint
from mindbot.providers.wires.openai_request import Accent

#: What Azure is asked for where nobody says which version: the last one that is not a preview.
AZURE_VERSION = "2024-10-21"


_DEPLOYMENTS = "/deployments/"
_NO_ACCENT = Accent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A service. ``home`` is its base URL; ``hosts`` are the ends of the host names it answers under.

    The key is shown in ``key_header``, behind ``Bearer`` unless that is a header of its own. With
    ``deployments`` an address names the model, and the version of the API.
    """

    home: str = ""
    hosts: tuple[str, ...] = ()
    accent: Accent = _NO_ACCENT
    key_header: str = "Authorization"
    headers: Mapping[str, str] = field(default_factory=dict)
    deployments: bool = False

    def auth(self, key: str) -> dict[str, str]:
        """Return the header that shows a key."""
        bearer = self.key_header == "Authorization"
        return {self.key_header: f"Bearer {key}" if bearer else key}

    def url(self, base_url: str, path: str, model: str, version: str) -> str:
        """Return the address of a call about a model, or ("") about all."""
        if not self.deployments:
            return endpoint(base_url, path)
        address = urlsplit(base_url)
        resource, named, _ = address.path.partition(_DEPLOYMENTS)
        if not named and resource.rstrip("/").endswith("/v1"):
            return endpoint(base_url, path)  # Azure's newer API: as OpenAI's own
        if not named:
            resource = resource.rstrip("/").removesuffix("/openai") + "/openai"
        if not model:
            where = resource
        else:
            where = address.path if named else f"{resource}{_DEPLOYMENTS}{quote(model, safe='')}"
        query = address.query
        if "api-version" not in parse_qs(query):
            query += f"{'&' if query else ''}api-version={quote(version or AZURE_VERSION)}"
        return urlunsplit(address._replace(path=where.rstrip("/") + path, query=query))


OPENAI = Face(home="https://api.openai.com/v1", hosts=("api.openai.com",))
GLM = Face(
    home="https://open.bigmodel.cn/api/paas/v4",
    hosts=("bigmodel.cn", "api.z.ai"),
    accent=Accent(
        vendor="chatglm",
        usage_in_streams=False,
        bare_images=True,
        thinking_back=True,
        user_field="user_id",
        user_length=(6, 128),
        temperatures=(0.01, 0.99),
        greedy={"do_sample": False},
        chooses_tools=False,
    ),
)
FACES: Mapping[str, Face] = {
    "openai": OPENAI,
    "openrouter": Face(
        home="https://openrouter.ai/api/v1",
        hosts=("openrouter.ai",),
        accent=Accent(vendor="openrouter", extra={"usage": {"include": True}}),
        headers={"X-Title": "MindBot"},
    ),
    "deepseek": Face(
        home="https://api.deepseek.com/v1",
        hosts=("api.deepseek.com",),
        accent=Accent(vendor="deepseek", thinking_back=True, user_field=""),
    ),
    "siliconflow": Face(
        home="https://api.siliconflow.cn/v1",
        hosts=("api.siliconflow.cn", "api.siliconflow.com"),
        accent=Accent(vendor="siliconflow", user_field=""),
    ),
    "moonshot": Face(
        home="https://api.moonshot.cn/v1",
        hosts=("api.moonshot.cn", "api.moonshot.ai"),
        accent=Accent(vendor="moonshot", thinking_back=True, temperatures=(0.0, 1.0), user_field=""),
    ),
    "azure": Face(
        hosts=("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"),
        accent=Accent(vendor="azure"),
        key_header="api-key",
        deployments=True,
    ),
    "chatglm": GLM,
}


def face_of(kind: str, base_url: str) -> Face:
    """Return the service of a type of entries, or, for the common type, of a base URL."""
    if kind in FACES and kind != "openai":
        return FACES[kind]
    host = urlsplit(base_url).hostname or ""
    for face in FACES.values():
        if any(host == each or host.endswith(f".{each}") for each in face.hosts):
            return face
    return OPENAI
