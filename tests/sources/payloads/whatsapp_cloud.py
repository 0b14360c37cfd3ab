"""Webhooks of WhatsApp's Cloud API, written from its documentation.

Pages are of developers.facebook.com/documentation/business-messaging/whatsapp; above each payload
stands the page that it is written from.
"""

from typing import Any

ALICE = "US.13491208655302741918"
ALICE_PARENT = "US.ENT.11815799212886844830"
ALICE_PHONE = "16505551234"
WAMID = "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
ASKED = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBJCNkY5NTBENEU3ODYxQTM3RUQA"

metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
no_number: dict[str, Any] = {"from": None}
number_only = {"profile": {"name": "Sheena Nelson"}, "wa_id": ALICE_PHONE}


def body(field: str, **value: Any) -> dict[str, Any]:
    """Return a webhook's body with one change."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "102290129340398",
                "changes": [
                    {
                        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
                        "field": field,
                    }
                ],
            }
        ],
    }


def message(*, contact: dict[str, Any] | None = number_only, **fields: Any) -> dict[str, Any]:
    """Return a body with one message; a field of None is left out."""
    sent = {"from": ALICE_PHONE, "id": WAMID, "timestamp": "1795328956", **fields}
    said = {name: value for name, value in sent.items() if value is not None}
    contacts = {} if contact is None else {"contacts": [contact]}
    return body("messages", **contacts, messages=[said])


def text(said: str = "Does it come in another color?", **fields: Any) -> dict[str, Any]:
    return message(type="text", text={"body": said}, **fields)


# webhooks/reference/messages/text
TEXT = text()
STOP = text("/stop")
STEER = text("/steer in blue, please")
FORWARDED = text(context={"forwarded": True, "id": ASKED})
FORWARDED_OFTEN = text(context={"frequently_forwarded": True, "id": ASKED})
ABOUT_A_PRODUCT = text(
    context={
        "from": "15550783881",
        "id": ASKED,
        "referred_product": {"catalog_id": "194836987003835", "product_retailer_id": "di9ozbzfi4"},
    }
)
FROM_AN_AD = text(referral={"source_type": "ad", "source_id": "120226305854810726"})
# "a WhatsApp user's phone number and ID may not always match"
OTHER_NUMBER = text(contact={**number_only, "wa_id": "16505559999"})

# messages/contextual-replies
REPLY = text(context={"from": "15550783881", "id": ASKED})

# business-scoped-user-ids: both ids
both_ids = {
    "profile": {"name": "Sheena Nelson", "username": "sheena"},
    "wa_id": ALICE_PHONE,
    "user_id": ALICE,
    "parent_user_id": ALICE_PARENT,
}
SCOPED = text(contact=both_ids, from_user_id=ALICE, from_parent_user_id=ALICE_PARENT)
# business-scoped-user-ids: the phone number is omitted where the user hides it
NO_NUMBER = text(
    contact={"profile": {"name": "Sheena Nelson", "username": "sheena"}, "user_id": ALICE},
    from_user_id=ALICE,
    from_parent_user_id=ALICE_PARENT,
    **no_number,
)
# business-scoped-user-ids, request of contact information: nothing in the message says from whom
CONTACT_SHARED = message(
    contact={"profile": {"name": "Sheena Nelson"}, "user_id": ALICE},
    **no_number,
    type="contacts",
    contacts=[{"phones": [{"phone": "+1 650 555 1234"}]}],
)
# business-scoped-user-ids, user_id_update: the number changed, and the scoped id with it
NEW_IDS = body(
    "user_id_update",
    contacts=[{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505557654"}],
    user_id_update=[
        {
            "wa_id": "16505557654",
            "detail": "User id for Sheena Nelson has been updated.",
            "user_id": {"previous": ALICE, "current": "US.24817305912873645029"},
            "timestamp": "1795328956",
        }
    ],
)
NEW_IDS_OF_A_GROUP_OF_PORTFOLIOS = body(
    "user_id_update",
    user_id_update=[
        {
            "user_id": {"previous": ALICE, "current": "US.24817305912873645029"},
            "parent_user_id": {"previous": ALICE_PARENT, "current": "US.ENT.99"},
            "timestamp": "1795328956",
        }
    ],
)

# webhooks/reference/messages/system: no contacts; `from` is the number of before
NEW_NUMBER = message(
    contact=None,
    type="system",
    system={
        "body": "User Sheena Nelson changed from 16505551234 to 12195555358",
        "wa_id": "12195555358",
        "type": "user_changed_number",
    },
)
# business-scoped-user-ids: tells the new id alone; user_id_update tells both
NEW_ID_ALONE = message(
    contact=None,
    **no_number,
    type="system",
    system={"body": "…", "user_id": "US.24817305912873645029", "type": "user_changed_user_id"},
)

# webhooks/reference/messages/image, /audio, /document
IMAGE = message(
    type="image",
    image={
        "caption": "this one",
        "mime_type": "image/jpeg",
        "sha256": "abc123def456",
        "id": "1003383421387256",
    },
)
VOICE = message(type="audio", audio={"mime_type": "audio/ogg", "id": "1908647269", "voice": True})
DOCUMENT = message(type="document", document={"filename": "plan.pdf", "id": "77"})
# webhooks/reference/messages/location
LOCATION = message(type="location", location={"latitude": 37.44, "longitude": -122.16})
# webhooks/reference/messages/order
ORDER = message(type="order", order={"catalog_id": "1", "text": "by Friday", "product_items": []})

context = {"from": "15550783881", "id": ASKED}
# webhooks/reference/messages/interactive
BUTTON = message(
    type="interactive",
    context=context,
    interactive={"type": "button_reply", "button_reply": {"id": "ask:p7:yes", "title": "Yes!"}},
)
OTHER_BUTTON = message(
    type="interactive",
    context=context,
    interactive={"type": "button_reply", "button_reply": {"id": "cancel", "title": "Cancel"}},
)
ROW = message(
    type="interactive",
    context=context,
    interactive={
        "type": "list_reply",
        "list_reply": {"id": "ask:p7:priority", "title": "Priority", "description": "1 to 3 days"},
    },
)
# flows/reference/responsemsgwebhook
FLOW = message(
    type="interactive",
    context=context,
    interactive={
        "type": "nfm_reply",
        "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"a": 1}'},
    },
)
# webhooks/reference/messages/button: of a template
QUICK_REPLY = message(
    type="button", context=context, button={"payload": "ask:p7:no", "text": "No, thanks"}
)

# webhooks/reference/messages/group
GROUP_ID = "Y2FwaV9ncm91cDoxOTUwNTU1MDA3OToxMjAzNjMzOTQzMjAdOTY1"
GROUP = text(group_id=GROUP_ID)
GROUP_REPLY = text(group_id=GROUP_ID, context={"from": "15550783881", "id": ASKED})
GROUP_REPLY_TO_BOB = text(group_id=GROUP_ID, context={"from": "16505550000", "id": ASKED})

# webhooks/reference/messages/edit
EDIT = message(
    type="edit",
    edit={
        "original_message_id": WAMID,
        "message": {
            "context": {"id": "M0"},
            "type": "image",
            "image": {"caption": "that one", "mime_type": "image/jpeg", "id": "1003383421387256"},
        },
    },
    id="wamid.EDIT",
)
TEXT_EDIT = message(
    type="edit",
    edit={"original_message_id": WAMID, "message": {"type": "text", "text": {"body": "in red?"}}},
    id="wamid.EDIT",
)
# webhooks/reference/messages/revoke
REVOKED = message(type="revoke", revoke={"original_message_id": WAMID}, id="wamid.REVOKE")

# webhooks/reference/messages/reaction, /unsupported
REACTION = message(type="reaction", reaction={"message_id": ASKED, "emoji": "👍"})
UNSUPPORTED = message(
    type="unsupported", errors=[{"code": 131051, "title": "Message type unknown"}]
)
# webhooks/reference/messages/status
STATUS = body(
    "messages",
    statuses=[
        {
            "id": ASKED,
            "status": "delivered",
            "timestamp": "1795328956",
            "recipient_id": ALICE_PHONE,
            "recipient_user_id": ALICE,
        }
    ],
)
# webhooks/reference/smb_message_echoes: what the business wrote in its app
ECHO = body(
    "smb_message_echoes",
    message_echoes=[
        {
            "from": "15550783881",
            "to": ALICE_PHONE,
            "id": "wamid.ECHO",
            "timestamp": "1795328956",
            "type": "text",
            "text": {"body": "Yes, in blue"},
        }
    ],
)
# graph-api webhooks: one endpoint may be subscribed to other objects
PAGE = {"object": "page", "entry": [{"id": "1", "changes": [{"field": "feed", "value": {}}]}]}

# webhooks/overview: "webhooks may be batched"
BOB = "US.99"
BATCH = body(
    "messages",
    contacts=[
        both_ids,
        {"profile": {"name": "Bob"}, "wa_id": "16505550000", "user_id": BOB},
    ],
    messages=[
        {
            "from": "16505550000",
            "from_user_id": BOB,
            "id": "wamid.1",
            "timestamp": "1795328956",
            "type": "text",
            "text": {"body": "one"},
        },
        {
            "from": ALICE_PHONE,
            "from_user_id": ALICE,
            "id": "wamid.2",
            "timestamp": "1795328957",
            "type": "text",
            "text": {"body": "two"},
        },
    ],
)
TWO_CHANGES = {**TEXT, "entry": [*TEXT["entry"], *NEW_IDS["entry"]]}
ALL_AT_ONCE = {**BATCH, "entry": [*STATUS["entry"], *BATCH["entry"], *NEW_IDS["entry"]]}
