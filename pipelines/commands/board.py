"""`ict-trial board`: the reports in a browser, on this machine."""

from __future__ import annotations

import click

from pipelines.commands.common import fail, with_workspace
from pipelines.workspace import Workspace


@click.command()
@with_workspace()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--network", is_flag=True, help="Allow an address that other machines reach. There are no passwords.")
@click.option("--site-lists", is_flag=True, help="Serve the sites' own lists too; they name participants' numbers.")
def board(workspace: Workspace, port: int, host: str, network: bool, site_lists: bool) -> None:
    """Show reports/ in a browser: this machine only, nothing can be changed."""
    from pipelines.report.board_server import AddressError, board_server

    try:
        server = board_server(workspace, host, port, network=network, site_lists=site_lists)
    except AddressError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{host} port {port} cannot be listened at: {error.strerror}; choose another with --port.")
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{server.server_address[1]} shows {workspace.reports}; Ctrl-C ends it.")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
