"""What the Web API tells about channels: whose they are, and who reads along.

https://docs.slack.dev/reference/objects/conversation-object
"""

from __future__ import annotations

from bot.sandbox.slack_state import Channel, Json, Workspace


def channel_json(workspace: Workspace, channel: Channel) -> Json:
    """A channel, or direct messages. With members of another workspace it is one that two companies share."""
    if channel.direct_with:
        return {"id": channel.id, "is_im": True, "user": channel.direct_with, "is_archived": False}
    home = workspace.identity.team_id
    is_shared = any(person.team != home and workspace.sees(person.id, channel) for person in workspace.people.values())
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": True,
        "is_im": False,
        "is_private": False,
        "is_archived": channel.archived,
        "is_member": channel.bot_is_member,
        "is_shared": is_shared,
        "is_ext_shared": is_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
    }
