"""Vectors of WeCom's callback encryption.

O1 and O2 are the official samples ("Encryption and decryption scheme", path/90968, sample code); the others
were made with wechatpy and agree with the official Node SDK @wecom/aibot-node-sdk.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vector:
    name: str
    token: str
    key: str
    receive_id: str
    timestamp: str
    nonce: str
    salt: bytes
    signature: str
    plain: bytes
    encrypted: str


VECTORS = [
    Vector(
        name="O1",
        token="QDG6eK",
        key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        receive_id="wx5823bf96d3bd56c7",
        timestamp="1409659813",
        nonce="1372623149",
        salt=b"0960688932c47ef1",
        signature="477715d11cdb4164915debcba66cb864d751f3e6",
        plain=(
            b"<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>"
            b"\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n<CreateTi"
            b"me>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgTyp"
            b"e>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251"
            b"345929</MsgId>\n<AgentID>218</AgentID>\n</xml>"
        ),
        encrypted=(
            "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdC"
            "Upj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4X"
            "gpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+K"
            "qCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XX"
            "ZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHB"
            "ZZIs2pDBS8R07+qN+E7Q=="
        ),
    ),
    Vector(
        name="O2",
        token="QDG6eK",
        key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        receive_id="wx5823bf96d3bd56c7",
        timestamp="1409659589",
        nonce="263014780",
        salt=b"c41b64491c2468d0",
        signature="5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        plain=(b"1616140317555161061"),
        encrypted=(
            "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
        ),
    ),
    Vector(
        name="V1",
        token="TestToken01",
        key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        receive_id="ww1234567890abcdef",
        timestamp="1700000001",
        nonce="nonce12345",
        salt=b"0123456789abcdef",
        signature="02e9391f8e37f0dac645d125a83fbdfd12b97c78",
        plain=(
            "<xml><ToUserName><![CDATA[ww1234567890abcdef]]></ToUserName>"
            "<FromUserName><![CDATA[zhangsan]]></FromUserName><CreateTime"
            ">1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><"
            "Content><![CDATA[你好，world]]></Content><MsgId>730000000000000"
            "0001</MsgId><AgentID>1000002</AgentID></xml>"
        ).encode(),
        encrypted=(
            "Q3stYC6hdFzMh9T8HCvyDCh9c+ep0zYzymB6Et/ZFApRIH6CqURiq6lfMfw9JyI/RyUIaSPW35B8Zfx/S81lTO8e4B"
            "mOk6dWrX3+9H1P+K9GvUr3L3LbuTh8kZt7it8nAl5agvhX4IFXupB85WCZDuEUy/j6B5AymJrPLAyAbDP3D3Q6vqel"
            "ytUe7ongOAqc7HBpQncu/o1hYx1cQQVHqFuMT7/myrrZe1et/i8Tzy9rl+qKC4sgANBRwa7X1neqlvfj8WetyfsA2v"
            "B6/0+1oR0+eUrSZCqO3a67K6bUKE/BWfc1zwnNSO8YhCt46VQlmCE0Gfk16aXhGeezl/1xkDaqdUAYgrjI/LIUKSFM"
            "zCvxu9/dK+coYyfm/9wKDCL2XRAAb6d71+kHSj8iG/3Kpcy7gB9plTIqRT5SeaGoLiu0e/ZQ5QPr9vrUId9ypI+slB"
            "SctGtG4Y4UOJyr/gVfaQ=="
        ),
    ),
    Vector(
        name="V2",
        token="TestToken01",
        key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        receive_id="ww1234567890abcdef",
        timestamp="1700000002",
        nonce="nonce67890",
        salt=b"fedcba9876543210",
        signature="7dafa0edca8f03ab8c2ce2edc620606aef86f354",
        plain=(b"5927782489442352469"),
        encrypted=(
            "DpQeJfnf/MGZ/+GTIspwVJMQOi25640VP4Q0uvxnEpI5jQz/ehckXf0WyUxIgQKuqOTLVJ/rSUPhD+KizgCYTA=="
        ),
    ),
    Vector(
        name="V3",
        token="TestToken01",
        key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        receive_id="ww1234567890abcdef",
        timestamp="1700000003",
        nonce="nonce12345",
        salt=b"ABCDEFGHIJKLMNOP",
        signature="d7adeb5c513aa945ec4980f8babea5ba0e21a674",
        plain=(
            "<xml><ToUserName><![CDATA[zhangsan]]></ToUserName><FromUserN"
            "ame><![CDATA[ww1234567890abcdef]]></FromUserName><CreateTime"
            ">1700000003</CreateTime><MsgType><![CDATA[text]]></MsgType><"
            "Content><![CDATA[收到]]></Content></xml>"
        ).encode(),
        encrypted=(
            "ECb94sC68hxnidW1ycQhs6Sgx/UMCRmA4n098gHrKtixSi8F5gUBtQYmcCX5fgK4hkJ3MB8a25bzQudrdjvCpfpxTZ"
            "rH8NxyZ9q8dhdRg9DDCbZqFqJpwkip6jui1gVfDGg4P0/BX7iCchh+mWla98f0Fpr84D5fTNpZGcHAktthEbbnBRDt"
            "Fu8xR9LeyFkbGonL6IPJgdIDys1CJNtG+e9PNnnoof2A+I9LywdPATdXv9gz0HOiZJ6ekgMrw5VzOcms0YjRoKxdJo"
            "YKfIeIBGlf+NH4c5mYSldA6tCezYx6wVaNcXxY8jUWt/VQFYm6R1PNYDl4lYI7Wg5CHVkPT4RZUACQx7yjEoZw6lns"
            "4ORdK6eDdDZ+vhNY7iqlTnuZ"
        ),
    ),
    Vector(
        name="V4",
        token="BotToken_99",
        key="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefA",
        receive_id="",
        timestamp="1700000004",
        nonce="1234567890",
        salt=b"aaaabbbbccccdddd",
        signature="4ecde0ee90b844ed7ff8e91193492ad2cf9ac3c3",
        plain=(
            '{"msgid":"MSGID1","aibotid":"AIBOT1","chattype":"single","fr'
            'om":{"userid":"zhangsan"},"msgtype":"text","text":{"content"'
            ':"你好"}}'
        ).encode(),
        encrypted=(
            "Y9DtJGwt9DwLbZ51wjSaSLC+pXDPZBPXqqCFcMLwPXX2njDsK1VFT5OHhhungQJtDZlgD3lqsNkBsNt/arR291BCZp"
            "genUs1j1EWEatQFrRa7m16KifzvF5hMU6vQmT0QPH/+sKHBH2KFUyWKdY90ix72ow+KXolhEjzW3hvGuHs2xdzscXv"
            "pXhYs5arN1jf3+ZIZFfI4I12Te9FfW72NA=="
        ),
    ),
    Vector(
        name="V5",
        token="TestToken01",
        key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        receive_id="ww1234567890abcdef",
        timestamp="1700000005",
        nonce="n5",
        salt=b"0000000000000000",
        signature="69cc3553946533e474255e576b9af8fde412c9ad",
        plain=(b"xxxxxxxxxxxxxxxxxxxxxxxxxx"),
        encrypted=(
            "2nLK4qcOJ9LJdlCDACFQq0LN2cU+Q528vJ2LlLFZVkYHIlcz+lIuJhDDDT4qg7Iy5u3YkP3ef9DroVJh6VHVuY7AGU"
            "H+fRp45yeo9Ozj6dJ4mfswcmm2qh0I1VH08rsV"
        ),
    ),
    Vector(
        name="V6",
        token="TestToken01",
        key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        receive_id="ww1234567890abcdef",
        timestamp="1700000006",
        nonce="nonceKF",
        salt=b"kfkfkfkfkfkfkfkf",
        signature="d71cfaddf6938994a0ce5cbfd4730434a2741b52",
        plain=(
            b"<xml><ToUserName><![CDATA[ww1234567890abcdef]]></ToUserName>"
            b"<CreateTime>1700000006</CreateTime><MsgType><![CDATA[event]]"
            b"></MsgType><Event><![CDATA[kf_msg_or_event]]></Event><Token>"
            b"<![CDATA[KFTOKEN1]]></Token><OpenKfId><![CDATA[wkAAAA1]]></O"
            b"penKfId></xml>"
        ),
        encrypted=(
            "yS5W/Cr6R5/RmFDtEZ7DSw8daSEkcneDSAdaBdaGh7xQHPeNOkpt+ziYF4SVUplJbeuapfIcWLkSN4PR/psQ2tbMQp"
            "ar21Sjv59GF4GVKBN7Yhi4QlVfdDFQe02njYPxAbrsWmnPYliR9EQIFJygKqr8VbvNyBSwEpeD3DKR7m2/JgO0KVJ0"
            "1gQ7n7qPEMtUQat2h9hXFcsOvqHYMqZX3Tz8h8gePhJzncm+qI6wWPhHy8n7rpm01rkPI3uEgMT+T9hBxcu6wt3eQX"
            "sRfJ7+Ct0A6rgL6Axy9w/zwwjXskUwLJR0BV4WStVIUoJKBEIkl3fFFL906LPA1oAa44M7k+DO/tiwCxBiDMuqN6Ez"
            "yRMqnTtzezTbxwxgzWtoGYWtmt4i327fnoTe0wfK6z/4OpK0HsXYqToYSpcjO+UfWEo="
        ),
    ),
]

BY_NAME = {v.name: v for v in VECTORS}
