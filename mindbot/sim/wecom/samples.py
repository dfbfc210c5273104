"""One example of every push, by the platform's own names: the elements besides those all pushes have.

Sources: "Message formats" (document/path/90239), "Event formats" (90240).
"""

from __future__ import annotations

from collections.abc import Mapping

from mindbot.sim.wecom.xml import Value

#: Message types. A member's files get a media id of the simulator's shelf when they are sent with a content.
MESSAGES: Mapping[str, Mapping[str, Value]] = {
    "text": {"Content": "hello"},
    "image": {"PicUrl": "https://wework.qpic.cn/p/1", "MediaId": "M-image"},
    "voice": {"MediaId": "M-voice", "Format": "amr"},
    "video": {"MediaId": "M-video", "ThumbMediaId": "M-thumb"},
    "location": {
        "Location_X": "23.134",
        "Location_Y": "113.358",
        "Scale": 20,
        "Label": "广州市",
        "AppType": "wxwork",
    },
    "link": {
        "Title": "Minutes",
        "Description": "of Monday",
        "Url": "https://example.org/m",
        "PicUrl": "https://example.org/p.png",
    },
    "file": {"MediaId": "M-file", "FileName": "minutes.pdf"},  # unsure: not in the documented set
}

_PICTURES: Value = {"Count": 1, "PicList": {"item": {"PicMd5Sum": "1b5f7c23b5bf75682a53e7b6d163e185"}}}
_SCAN: Value = {"ScanType": "qrcode", "ScanResult": "ticket-17"}

#: Events. Those of the address book come from nobody: their FromUserName is ``sys``.
EVENTS: Mapping[str, Mapping[str, Value]] = {
    "subscribe": {"EventKey": ""},
    "unsubscribe": {"EventKey": ""},
    "enter_agent": {"EventKey": ""},
    "LOCATION": {"Latitude": "23.104", "Longitude": "113.320", "Precision": "65.000", "AppType": "wxwork"},
    "click": {"EventKey": "help"},
    "view": {"EventKey": "https://example.org/menu"},
    "view_miniprogram": {"EventKey": "pages/index"},
    "scancode_push": {"EventKey": "scan", "ScanCodeInfo": _SCAN},
    "scancode_waitmsg": {"EventKey": "scan", "ScanCodeInfo": _SCAN},
    "pic_sysphoto": {"EventKey": "photo", "SendPicsInfo": _PICTURES},
    "pic_photo_or_album": {"EventKey": "photo", "SendPicsInfo": _PICTURES},
    "pic_weixin": {"EventKey": "photo", "SendPicsInfo": _PICTURES},
    "location_select": {
        "EventKey": "where",
        "SendLocationInfo": {
            "Location_X": "23.104",
            "Location_Y": "113.320",
            "Scale": 15,
            "Label": "广州市海珠区",
            "Poiname": "Office",
        },
        "AppType": "wxwork",
    },
    "template_card_event": {
        "EventKey": "ok",
        "TaskId": "somebody-elses-card",
        "CardType": "button_interaction",
        "ResponseCode": "RC1",
        "SelectedItems": {
            "SelectedItem": [{"QuestionKey": "q1", "OptionIds": {"OptionId": ["o1", "o2"]}}],
        },
    },
    "template_card_menu_event": {
        "EventKey": "mute",
        "TaskId": "somebody-elses-card",
        "CardType": "text_notice",
        "ResponseCode": "RC2",
    },
    "batch_job_result": {
        "FromUserName": "sys",
        "BatchJob": {"JobId": "S0MrnndvRG5fadSlLwiBqiDDbM143UqTmKP3152FZk4", "JobType": "sync_user"}
        | {"ErrCode": 0, "ErrMsg": "ok"},
    },
    "change_contact": {"FromUserName": "sys", "ChangeType": "update_user", "UserID": "li", "Name": "Li"},
    "open_approval_change": {
        "FromUserName": "sys",
        "ApprovalInfo": {"ThirdNo": "201806010001", "OpenSpName": "Leave", "OpenSpStatus": 1},
    },
    "share_agent_change": {"FromUserName": "sys"},
    "share_chain_change": {"FromUserName": "sys"},
    "inactive_alert": {"FromUserName": "sys", "EffectTime": 1700000000},
    "close_inactive_agent": {"FromUserName": "sys"},
    "reopen_inactive_agent": {"FromUserName": "sys"},
    "low_active_alert": {"FromUserName": "sys", "EffectTime": 1700000000},
    "low_active": {"FromUserName": "sys"},
    "active_restored": {"FromUserName": "sys"},
}
