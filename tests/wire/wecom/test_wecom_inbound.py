"""Every message type and event over the wire, as the simulator's samples have them."""

import pytest
from wecom_here import connected

from mindbot.sim.wecom import samples

pytestmark = pytest.mark.anyio

SAID = {
    "text": "hello",
    "image": "[image]",
    "voice": "[voice]",
    "video": "[video]",
    "location": "广州市 (23.134, 113.358)",
    "link": "Minutes\nof Monday\nhttps://example.org/m",
    "file": "[file minutes.pdf]",
    "subscribe": "[subscribe]",
    "unsubscribe": "[unsubscribe]",
    "enter_agent": "[enter_agent]",
    "LOCATION": "(23.104, 113.320)",
    "click": "[click help]",
    "view": "[view https://example.org/menu]",
    "view_miniprogram": "[view_miniprogram pages/index]",
    "scancode_push": "[scancode_push scan] ticket-17",
    "scancode_waitmsg": "[scancode_waitmsg scan] ticket-17",
    "pic_sysphoto": "[pic_sysphoto photo] (1 pictures)",
    "pic_photo_or_album": "[pic_photo_or_album photo] (1 pictures)",
    "pic_weixin": "[pic_weixin photo] (1 pictures)",
    "location_select": "Office (23.104, 113.320)",
    "template_card_event": "[template_card_event ok]",
    "template_card_menu_event": "[template_card_menu_event mute]",
    "batch_job_result": "[batch_job_result] sync_user 0 ok",
    "change_contact": "[change_contact] update_user li",
    "open_approval_change": "[open_approval_change] 201806010001 Leave 1",
    "share_agent_change": "[share_agent_change]",
    "share_chain_change": "[share_chain_change]",
    "inactive_alert": "[inactive_alert] 1700000000",
    "close_inactive_agent": "[close_inactive_agent]",
    "reopen_inactive_agent": "[reopen_inactive_agent]",
    "low_active_alert": "[low_active_alert] 1700000000",
    "low_active": "[low_active]",
    "active_restored": "[active_restored]",
}


async def test_every_sample_says_what_it_is_about() -> None:
    assert set(SAID) == {*samples.MESSAGES, *samples.EVENTS}
    async with connected() as here:
        for name, text in SAID.items():
            fields = samples.MESSAGES.get(name)
            sent = ("event", {"Event": name, **samples.EVENTS[name]}) if fields is None else (name, fields)
            assert (await here.sim.push("zhangsan", *sent)).acked, name
            message = here.last
            assert (message.kind, message.text) == (sent[0], text), name
            assert name in message.raw
            from_nobody = (fields or samples.EVENTS.get(name, {})).get("FromUserName") == "sys"
            assert bool(message.reply_to) is not from_nobody
        assert len({message.key for message in here.inbox.messages}) == len(SAID)


async def test_where_somebody_is_keeps_its_numbers() -> None:
    async with connected() as here:
        await here.sim.push("zhangsan", "event", {"Event": "LOCATION", **samples.EVENTS["LOCATION"]})
        data = here.last.parts[0].data
        assert here.last.parts[0].kind == "location"
        assert (data["latitude"], data["longitude"], data["Precision"]) == ("23.104", "113.320", "65.000")
