"""The fake Braintree's GraphQL server: any document within the schema is checked and executed, by graphql-core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    parse,
    validate,
)
from graphql import build_schema as build

from bot.sandbox.providers.braintree_schema import RECURRING_SINCE, SDL

Json = dict[str, Any]


@cache
def schema() -> GraphQLSchema:
    return build(SDL)


@cache
def _checked(document: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    try:
        parsed = parse(document)
    except GraphQLError as error:
        return None, (error,)
    return parsed, tuple(validate(schema(), parsed))


def root_fields(document: str) -> tuple[str, ...]:
    """The root fields of a document's operations; mutations begin with "mutation "."""
    parsed, _ = _checked(document)
    return tuple(
        f"{'mutation ' if one.operation is OperationType.MUTATION else ''}{node.name.value}"
        for one in (parsed.definitions if parsed else ())
        if isinstance(one, OperationDefinitionNode)
        for node in one.selection_set.selections
        if isinstance(node, FieldNode)
    )


def answer(body: Mapping[str, Any], roots: Mapping[str, Callable[..., Any]], version: str) -> Json:
    """`data` and `errors` as they stand in the reply."""
    document, variables = body.get("query"), body.get("variables")
    if not isinstance(document, str) or not isinstance(variables, dict | None):
        return {"data": None, "errors": [{"message": "The body has to hold a query.", "extensions": _invalid()}]}
    parsed, wrong = _checked(document)
    early = [name for name in root_fields(document) if "recurringbilling" in name.lower() and version < RECURRING_SINCE]
    if early:
        said = f"Validation error: field '{early[0].split()[-1]}' is undefined"
        return {"data": None, "errors": [{"message": said, "extensions": _invalid()}]}
    if parsed is None or wrong:
        return {"data": None, "errors": [{**error.formatted, "extensions": _invalid()} for error in wrong]}
    result = execute_sync(
        schema(), parsed, dict(roots), variable_values=variables, operation_name=body.get("operationName")
    )
    if result.errors:
        return {"data": result.data, "errors": [_told(error) for error in result.errors]}
    return {"data": result.data}


def _told(error: GraphQLError) -> Json:
    """Variables that do not fit the schema befall no field; all else that has no class is a fault of the server's."""
    told: Json = {**error.formatted}
    if error.path is None:
        return {**told, "extensions": _invalid()}
    known = dict(error.extensions or {}) or {"errorClass": "INTERNAL", "errorType": "developer_error"}
    return {**told, "extensions": known}


def _invalid() -> Json:
    return {"errorClass": "VALIDATION", "errorType": "developer_error"}
