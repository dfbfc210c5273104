"""What vendors write when they refuse, as data: codes and sentences, each with what it means.

Codes are compared in lower case and without anything but letters, digits and dots; of a code with dots its
beginning counts as well (``Throttling.RateQuota`` is a ``Throttling``). Bare numbers of vendors collide
(1300 is a filter of GLM's and a rate of Mistral's), so they count only where their vendor writes them:
``nested`` in an ``error`` object (GLM), ``flat`` at the top (SiliconFlow, Coze), MiniMax's in ``base_resp``.
Sentences are searched in the message, whatever the case, and only where no code was telling. Sources: the
error pages of

- OpenAI ("Error codes", help center 5955604), Azure OpenAI ("Content filtering")
- Anthropic ("Errors"), Google AI for Developers ("Troubleshooting guide")
- Z.ai / bigmodel ("Errors", codes are strings of digits), Moonshot, DeepSeek, SiliconFlow, MiniMax
- Alibaba Model Studio ("Error messages"), Volcengine Ark ("Error codes"), OpenRouter ("Errors")
- Dify Service API (error codes of each call); Coze, cozepy 0.20.0 (only 4000, 4104 and 5000 are certain)
- Ollama, docs/api; llama.cpp, tools/server/README; vLLM and SGLang, "OpenAI-compatible server"; LM Studio
- one-api and new-api, relay errors
"""

from __future__ import annotations

import re

from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    HistoryRefused,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)


def key(code: str) -> str:
    """Return a code in the form in which codes are compared."""
    return re.sub(r"[^a-z0-9.]", "", code.lower())


def _codes(text: str, *, nested: str = "", flat: str = "") -> frozenset[str]:
    words = [key(word) for word in text.split()]
    return frozenset(
        [*words, *(f"nested.{code}" for code in nested.split()), *(f"flat.{code}" for code in flat.split())]
    )


Meanings = tuple[tuple[type[VendorError], frozenset[str]], ...]

#: These say more than the HTTP status does.
TELLING: Meanings = (
    (
        QuotaExceeded,
        _codes(
            "insufficient_quota billing_hard_limit_reached billing_not_active billing_error"
            " credit_balance_exhausted organization_usage_limit_exceeded"
            " organization_spend_limit_exceeded project_spend_limit_exceeded"  # OpenAI
            " enforced_spend_limit_reached contract_spend_limit_reached"
            " linked_organization_billing_unavailable"  # Anthropic
            " exceeded_current_quota_error"  # Moonshot
            " Arrearage PrepaidBillOverdue PostpaidBillOverdue CommodityNotPurchased"
            " AllocationQuota.FreeTierOnly"  # Model Studio
            " AccountOverdueError ServiceOverdue SetLimitExceeded QuotaExceeded"  # Ark
            " insufficient_user_quota pre_consume_token_quota_failed"  # one-api, new-api
            " provider_quota_exceeded"  # Dify
            " account_overdue"  # Qianfan
            " base_resp.1008 base_resp.2056",  # MiniMax
            nested="1113 1304 1308 1309 1310",
            flat="30001 30011",  # balance; requests a day
        ),
    ),
    (
        ContextOverflow,
        _codes(
            "context_length_exceeded exceed_context_size_error model_context_window_exceeded"
            " request_too_large string_above_max_length",
            nested="1261",
            flat="20041",
        ),
    ),
    (
        ContentFiltered,
        _codes(
            "content_filter content_policy_violation image_content_policy_violation"
            " ResponsibleAIPolicyViolation invalid_prompt moderation_blocked"
            " data_inspection_failed"  # Model Studio
            " InputTextSensitiveContentDetected InputImageSensitiveContentDetected"
            " OutputTextSensitiveContentDetected OutputImageSensitiveContentDetected SensitiveContentDetected"
            " InputTextRiskDetection OutputTextRiskDetection ContentSecurityDetectionError"  # Ark
            " sensitive_words_detected prompt_blocked"  # new-api
            " base_resp.1026 base_resp.1027",
            nested="1300 1301",
            flat="720702222",
        ),
    ),
    (
        AuthFailed,
        _codes(
            "invalid_api_key incorrect_api_key_error invalid_authentication_error authentication_error"
            " permission_error permission_denied_error account_deactivated invalid_organization unauthorized"
            " api_key_invalid api_key_service_blocked service_disabled unauthenticated permission_denied"
            " AuthenticationError AccessDenied InvalidAccountStatus ModelNotOpen"
            " base_resp.1004 base_resp.2049",
            nested="1000 1001 1002 1003 1004 1110 1111 1112 1120 1121 1220",
            flat="4001 4100 4101 700012006",
        ),
    ),
    (RateLimited, _codes("", nested="1302 1303 1305")),
    (
        Rejected,
        _codes(
            "model_not_found model_not_exist InvalidEndpointOrModel InvalidEndpoint resource_not_found_error",
            nested="1211 1221 1222",  # the last two: an address that is gone, or was never there
            flat="20012",
        ),
    ),
)
#: These decide where the status leaves it open.
HINTING: Meanings = (
    (
        RateLimited,
        _codes(
            "rate_limit_exceeded rate_limit_error rate_limit_reached_error ramp_limit_exceeded"
            " rate_limited service_tier_capacity_exceeded"  # Mistral
            " too_many_requests resource_exhausted Throttling limit_requests"
            " ModelAccountRpmRateLimitExceeded ModelAccountTpmRateLimitExceeded AccountRateLimitExceeded"
            " EndpointRateLimitExceeded InflightBatchsizeExceeded"
            " base_resp.1002 base_resp.1039",
            flat="4013 4019 4020 4028 4029",
        ),
    ),
    (
        Overloaded,
        _codes(
            "server_error api_error overloaded_error engine_overloaded_error timeout_error conflict_error"
            " unavailable_error internal_server_error InternalServerError completion_request_error internal"
            " unavailable deadline_exceeded ServerOverloaded ModelLoadingError InternalServiceError"
            " ServiceUnavailable ModelServingError InternalError RequestTimeOut"
            " base_resp.1000 base_resp.1001 base_resp.1013",
            nested="1230 1234",
            flat="5000 50501 50505 50603",
        ),
    ),
    (
        Rejected,
        _codes(
            "invalid_request_error invalid_argument invalid_param invalid_parameter_error bad_request"
            " not_found not_found_error BadRequestError base_resp.2013",
            nested="1210 1212 1213 1214 1215 1231",
            flat="4000 4015 4016 4104 4200",
        ),
    ),
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


SENTENCES: tuple[tuple[type[VendorError], re.Pattern[str]], ...] = (
    (
        QuotaExceeded,
        _any(
            r"spend(ing)? limit|specified (workspace )?api usage limits|credit balance is too low",
            r"credits? (are|is|have been|has been) (depleted|exhausted|used up|insufficient)|out of credits",
            r"insufficient (\w+ )?(balance|credits?|funds|quota)",
            r"(balance|quota|credits?) (of your plan )?((is|are|ha(s|ve) been) )?(not enough|insufficient)",
            r"(balance|quota|credits?) (of your plan )?((is|are|ha(s|ve) been) )?used up",
            r"number of requests a day .{0,40}used up",
            r"overdue (balance|payment)|in arrears|limit: 0(?![.\d])|per-day|\bRPD\b",
            r"key limit exceeded|enable billing",
            r"余额不足|额度不足|额度已用[尽完]|欠费",
        ),
    ),
    (
        ContextOverflow,
        _any(
            r"maximum (context|prompt|input) length|context length (is|of) only|maximum model length",
            r"exceeds? .{0,40}context",
            r"(prompt|input|request|context) (is |was )?too (long|large)|input (token count|length exceeds)",
            r"longer than the (model's |maximum )?(context|model)|model token limit|range of input length",
            r"max_seq_len|context the overflows|tokens to keep from the initial prompt",
            r"reached context length|tokens of image and text exceed|string too long",
            r"超[出过].{0,8}(最大|上下文).{0,6}(长度|限制)",
        ),
    ),
    # Ollama says this with HTTP 500; it does not pass.
    (Rejected, _any(r"requires more system memory")),
    (
        HistoryRefused,
        _any(
            r"alternate between|roles? .{0,40}alternat|multiple .{0,20}roles in a row",
            r"(successive|consecutive) (user|assistant)|interleave the user/assistant",
            r"(first|last) (non-system )?message .{0,40}(user|assistant)",
            r"(start|begin|end)s? with .{0,20}\buser\b|must (have|be) non-empty",
            r"(message|content).{0,60}(must|should|can|may|could) ?(not|n't) be empty",
            r"\broles?\b.{0,40}\b(order|sequence)\b",
            r"developer instruction is not enabled|system (role|prompt|messages?) .{0,20}not supported",
            # Calls of tools and their results, which do not belong together: OpenAI, Anthropic, Gemini.
            r"tool_calls?\b.{0,80}(did not have|must be followed by|must be a response)",
            r"tool_use`?.{0,60}without .{0,20}`?tool_result|unexpected `?tool_use_id|tool_use`? ids must be",
            r"function (call|response).{0,60}(comes immediately|equal to the number)",
            r"(missing|invalid|corrupted) (a )?`?thought[_ ]?signature|invalid `?signature`? in `?thinking",
        ),
    ),
    (
        ContentFiltered,
        _any(
            r"content exists risk|inappropriate content|content (management )?policy",
            r"sensitive (content|words|information)|(input|prompt) was flagged|safety system",
            r"敏感|违规内容|内容安全",
        ),
    ),
    (
        AuthFailed,
        _any(
            r"api[ _-]?key (is )?(not valid|missing|invalid|expired)|(invalid|incorrect|no) api[ _-]?key",
            r"user location is not supported|无效的令牌|未提供令牌|令牌.{0,10}过期",
        ),
    ),
    (
        RateLimited,
        # Ollama's queue says the first, with HTTP 503.
        _any(r"maximum pending requests exceeded|rate limit|too many requests|\b[RT]PM\b|请求过于频繁"),
    ),
    (Overloaded, _any(r"overloaded|system (is )?(too )?busy|model is (currently )?loading|负载已饱和|繁忙")),
)

HINTS: dict[type[VendorError], str] = {
    AuthFailed: "check the key and what it may do",
    QuotaExceeded: "raise the limit or top up the account; waiting does not help",
    ContextOverflow: "shorten the history or choose a model with a longer context",
    HistoryRefused: "the history is not as this model wants it; without it the question may pass",
    ContentFiltered: "refused by the vendor's content policy",
}
