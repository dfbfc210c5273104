"""The encryption of callbacks under the name that scripts know it by; it is shared by the WeCom platforms."""

from mindbot.platforms.wecom_shared.crypto import Crypto as Crypto
