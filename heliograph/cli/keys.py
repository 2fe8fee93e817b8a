"""Commands of API keys, on the machine of the operator: they need no key, and make the first one."""

import json
from datetime import timedelta
from typing import Annotated

import typer
from pydantic import ValidationError

from heliograph.cli.command_runner import USAGE, fail, run_command
from heliograph.cli.options import AsJson
from heliograph.cli.output import show_items
from heliograph.cli.tables import key_cells
from heliograph.contracts.key_records import MAX_LIFE, CreatedKey, CreateKey, ListedKey

keys = typer.Typer(
    no_args_is_help=True, help="Manage API keys of the deployment; on the operator's machine."
)

_COLUMNS = ("id", "name", "scopes", "projects", "state", "expires_at", "last_used_at")


@keys.command(name="create")
def create_key(
    name: Annotated[str, typer.Argument(help="Purpose of the key.")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", "-s", help="Scope, for example jobs:write; may be repeated."),
    ],
    project: Annotated[
        list[str] | None,
        typer.Option(
            "--project", "-p", help="Allowed project; may be repeated. All projects if omitted."
        ),
    ] = None,
    expires_in_days: Annotated[
        int,
        typer.Option("--days", min=0, max=MAX_LIFE, help="Days until the key expires; 0: never."),
    ] = 365,
    as_json: AsJson = False,
) -> None:
    """Create a key and show it; it is shown only once."""
    from heliograph.operator import api_keys  # needs the packages of a service

    fields = {"name": name, "scopes": scope, "projects": project or None}
    try:
        request = CreateKey.model_validate({**fields, "expires_in_days": expires_in_days or None})
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", USAGE)
    _show_secret(run_command(api_keys.create_key(request)), as_json=as_json)


@keys.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, including revoked ones."""
    from heliograph.operator import api_keys  # needs the packages of a service

    _show(run_command(api_keys.list_keys()), as_json=as_json)


@keys.command(name="rotate")
def rotate_key(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    overlap: Annotated[
        int,
        typer.Option("--overlap", min=0, help="Hours during which the old secret remains valid."),
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Replace the secret of a key and show it; it is shown only once."""
    from heliograph.operator import api_keys  # needs the packages of a service

    made = run_command(api_keys.rotate_key(id_, timedelta(hours=overlap)))
    _show_secret(made, as_json=as_json)


@keys.command(name="revoke")
def revoke_key(id_: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Revoke a key, in all services within five seconds."""
    from heliograph.operator import api_keys  # needs the packages of a service

    _show([run_command(api_keys.revoke_key(id_))], as_json=as_json)


def _show(keys: list[ListedKey], *, as_json: bool) -> None:
    items = [each.model_dump(mode="json") if as_json else key_cells(each) for each in keys]
    show_items(items, _COLUMNS, as_json=as_json)


def _show_secret(made: CreatedKey, *, as_json: bool) -> None:
    """The key alone on its line, for `$(…)`."""
    print(json.dumps(made.model_dump(mode="json")) if as_json else made.key)
