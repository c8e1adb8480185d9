"""Who may assume which role? The two STS actions that Airflow's AWS connections use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.servers.aws_call import ACCOUNT, AwsError, Reply, xml_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.servers.aws_context import Context

__all__ = ["STS_RULES"]


def _identity(context: Context) -> Reply:
    """Needs no right."""
    return xml_reply(
        "GetCallerIdentity",
        {"Arn": context.caller.arn, "UserId": str(context.call.access_key_id), "Account": ACCOUNT},
    )


def _assume(context: Context) -> Reply:
    role = context.body["RoleArn"]
    context.caller.check("sts:AssumeRole", role, code="AccessDenied")
    if not context.accounts.has_role(role):
        raise AwsError(
            "AccessDenied",
            f"User: {context.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role}",
        )
    reply = context.ask_moto()
    found = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", reply.body)
    if found is None:
        raise AssertionError(f"moto's answer to AssumeRole has no access key: {reply.status}")
    context.accounts.assumed(role, context.body["RoleSessionName"], found[1].decode())
    return reply


STS_RULES: Mapping[str, Callable[[Context], Reply]] = {"GetCallerIdentity": _identity, "AssumeRole": _assume}
