"""A file is asked for, uploaded and shown, each step judged as Slack would; Slack's own SDK is one of the callers."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack_files import UPLOAD_MOST
from bot.sandbox.slack_state import Identity
from tests.sandbox.slack.tiny_app import TinyApp, error_of

PDF = b"%PDF-1.7 the bytes"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def _asked(client: AsyncWebClient, *, length: int = len(PDF), name: str = "ACME-7.pdf") -> tuple[str, str]:
    """The upload URL and the file's id."""
    answer = await client.files_getUploadURLExternal(filename=name, length=length)
    return answer["upload_url"], answer["file_id"]


async def _uploaded(client: AsyncWebClient, session: aiohttp.ClientSession) -> str:
    url, file_id = await _asked(client)
    assert (await session.post(url, data=PDF)).status == 200
    return file_id


async def _direct(client: AsyncWebClient, user: str = "U0MAYA") -> str:
    return str((await client.conversations_open(users=user))["channel"]["id"])


async def test_slack_s_own_sdk_can_put_a_file_into_direct_messages(client: AsyncWebClient, slack: LocalSlack) -> None:
    await client.files_upload_v2(
        channel=await _direct(client), content=PDF, filename="ACME-7.pdf", title="Invoice", initial_comment="Here it is"
    )
    (message,) = slack.directs("U0MAYA")
    (file,) = message.content.files
    assert message.text == "Here it is"
    assert (file["name"], file["title"], file["mimetype"]) == ("ACME-7.pdf", "Invoice", "application/pdf")
    assert file["size"] == len(PDF)
    assert all(slack.messages(channel) == [] for channel in ("C0FIN", "C0SUP", "C0OPS"))


async def test_a_form_may_carry_the_bytes_as_well(client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
    url, file_id = await _asked(client)
    form = aiohttp.FormData()
    form.add_field("filename", PDF, filename="ACME-7.pdf", content_type="application/pdf")
    assert (await session.post(url, data=form)).status == 200
    assert (await client.files_completeUploadExternal(files=[{"id": file_id}]))["files"][0]["title"] == "ACME-7.pdf"


async def test_an_upload_url_is_asked_for_by_form_and_not_by_json(client: AsyncWebClient) -> None:
    arguments = {"filename": "ACME-7.pdf", "length": len(PDF)}
    by_json = await error_of(client.api_call("files.getUploadURLExternal", json=arguments))
    assert by_json["error"] == "invalid_arguments"
    assert "filename" in by_json["response_metadata"]["messages"][0]
    assert (await client.api_call("files.getUploadURLExternal", data=arguments))["upload_url"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"length": "9"}, "invalid_arguments"),
        ({"filename": "a.pdf"}, "invalid_arguments"),
        ({"filename": "a.pdf", "length": "0"}, "invalid_arguments"),
        ({"filename": "a.pdf", "length": "-1"}, "invalid_arguments"),
        ({"filename": "a.pdf", "length": "many"}, "invalid_arguments"),
        ({"filename": "a.pdf", "length": str(UPLOAD_MOST + 1)}, "file_upload_size_restricted"),
    ],
)
async def test_a_file_without_a_name_or_a_sound_length_is_refused(
    client: AsyncWebClient, arguments: dict[str, str], error: str
) -> None:
    assert (await error_of(client.api_call("files.getUploadURLExternal", data=arguments)))["error"] == error


@pytest.mark.parametrize("content", [PDF[:-1], PDF + b"!", b""])
async def test_as_many_bytes_as_were_announced_must_come(
    client: AsyncWebClient, session: aiohttp.ClientSession, content: bytes
) -> None:
    url, file_id = await _asked(client)
    assert (await session.post(url, data=content)).status == 400
    assert (await error_of(client.files_completeUploadExternal(files=[{"id": file_id}])))["error"] == "file_not_found"


async def test_a_large_file_fits(client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
    url, _ = await _asked(client, length=20_000_000)
    assert (await session.post(url, data=io.BytesIO(bytes(20_000_000)))).status == 200


async def test_an_upload_url_works_once(client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack) -> None:
    url, _ = await _asked(client)
    assert [(await session.post(url, data=PDF)).status for _ in range(2)] == [200, 400]
    assert (await session.post(f"{slack.page_url}upload/v1/none", data=PDF)).status == 400


@pytest.mark.parametrize("files", [[], "no", [{"id": "F0NONE"}], [{"title": "x"}], ["F1"]])
async def test_only_files_that_were_uploaded_can_be_shown(client: AsyncWebClient, files: object) -> None:
    answer = await error_of(client.api_call("files.completeUploadExternal", json={"files": files}))
    assert answer["error"] in {"invalid_arguments", "file_not_found"}


async def test_a_file_is_completed_once(client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack) -> None:
    file_id, channel = await _uploaded(client, session), await _direct(client)
    await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel)
    again = client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel)
    assert (await error_of(again))["error"] == "file_not_found"
    assert len(slack.directs("U0MAYA")) == 1


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NONE", "channel_not_found"),
        ("U0MAYA", "channel_not_found"),
        ("C0SUP", "is_archived"),
        ("C0OPS", "not_in_channel"),
    ],
)
async def test_a_file_is_not_shown_where_the_bot_cannot_write_and_can_still_be_shown_elsewhere(
    client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack, channel: str, error: str
) -> None:
    slack.workspace.channels["C0SUP"].archived = True
    slack.workspace.channels["C0OPS"].bot_is_member = False
    file_id = await _uploaded(client, session)
    refused = client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel)
    assert (await error_of(refused))["error"] == error
    await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=await _direct(client))
    assert len(slack.directs("U0MAYA")) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_files_need_their_scope(app: TinyApp, method: str) -> None:
    local = LocalSlack(request_url=app.url, identity=Identity(scopes=("chat:write",)))
    await local.start()
    answer = await error_of(AsyncWebClient(local.bot_token, base_url=local.api_url).api_call(method, data={}))
    await local.close()
    assert (answer["error"], answer["needed"]) == ("missing_scope", "files:write")


async def test_a_file_can_be_fetched_by_those_who_see_its_message_and_is_never_run(
    client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack
) -> None:
    url, file_id = await _asked(client, name='<b>"ä.html')
    await session.post(url, data=PDF)
    missing = await session.get(f"{slack.page_url}files/{file_id}/x", params={"user": "U0MAYA"})
    await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=await _direct(client))
    where = slack.directs("U0MAYA")[0].content.files[0]["url_private"]
    seen = await session.get(where, params={"user": "U0MAYA"})
    assert await seen.read() == PDF
    assert seen.headers["Content-Disposition"].startswith("attachment;")
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in seen.headers["Content-Security-Policy"]
    others = [await session.get(where, params=who) for who in ({"user": "U0TOM"}, {"user": "U0NONE"}, {})]
    assert [missing.status, *(answer.status for answer in others)] == [404] * 4


async def test_the_page_is_told_of_the_file_and_a_change_of_the_text_keeps_it(
    client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack
) -> None:
    file_id, channel = await _uploaded(client, session), await _direct(client)
    await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel, initial_comment="Here")
    (message,) = slack.directs("U0MAYA")
    await client.chat_update(channel=channel, ts=message.ts, text="There")
    state = await (await session.get(f"{slack.page_url}sandbox/state", params={"user": "U0MAYA"})).json()
    (shown,) = next(one for one in state["directs"] if one["id"] == channel)["messages"]
    assert shown["text"] == "There"
    assert [file["id"] for file in shown["files"]] == [file_id]
    assert PDF.decode() not in json.dumps(state)


async def test_uploads_can_fail_while_the_rest_works(
    client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack
) -> None:
    url, file_id = await _asked(client)
    slack.faults.uploads_failing = True
    assert (await session.post(url, data=PDF)).status == 500
    assert (await error_of(client.files_completeUploadExternal(files=[{"id": file_id}])))["error"] == "file_not_found"
    slack.faults.clear()
    assert (await session.post(url, data=PDF)).status == 200


async def test_among_the_calls_stands_how_many_bytes_came_and_not_which(
    client: AsyncWebClient, session: aiohttp.ClientSession, slack: LocalSlack
) -> None:
    await _uploaded(client, session)
    assert slack.called("upload") == [{"bytes": len(PDF)}]
