"""`ict-trial map`: a mapping proposed from a sample file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.common import fail, protocol_of, with_workspace
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.onboarding.proposal import Proposal
    from pipelines.onboarding.try_out import TriedOut


@click.command("map")
@with_workspace()
@click.option("--site", required=True, help="The site that sends such files.")
@click.option("--feed", required=True, help="The feed that the file is for.")
@click.option(
    "--dictionary", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="REDCap's data dictionary."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the YAML there instead of showing it."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def propose_mapping(
    workspace: Workspace, site: str, feed: str, dictionary: Path | None, out: Path | None, file: Path
) -> None:
    """Propose how a site's own export becomes a feed, and show what would come of it.

    The YAML goes under the site's `feeds:` in study.yaml; look at each point it lists before you trust it.
    """
    from pipelines import effects
    from pipelines.landing.readers import UnreadableError
    from pipelines.onboarding.proposal import propose
    from pipelines.onboarding.sample import take_sample
    from pipelines.onboarding.try_out import try_out
    from schemas.feeds import FEEDS

    protocol = protocol_of(workspace)
    if site not in protocol.study.site_by_id:
        fail(f"No site {site}; the sites are {', '.join(protocol.study.site_by_id)}.")
    if feed not in FEEDS:
        fail(f"No feed {feed}; the feeds are {', '.join(FEEDS)}.")
    try:
        sample = take_sample(file)
    except UnreadableError as error:
        fail(f"{file}: {error}")
    proposal = propose(protocol, protocol.study.site_by_id[site], FEEDS[feed], sample, _read_dictionary(dictionary))
    text = _as_yaml(feed, proposal)
    if out is None:
        click.echo(text)
    else:
        effects.write(out, text.encode())
        click.echo(f"The proposal is in {out}.")
    click.echo(_as_text(proposal, try_out(protocol, site, feed, proposal.source, file)))


def _read_dictionary(path: Path | None) -> Any:
    from pipelines.study.redcap_dictionary import read_dictionary
    from pipelines.study.yaml_file import InvalidFileError

    try:
        return read_dictionary(path) if path else None
    except InvalidFileError as error:
        fail(str(error))


def _as_yaml(feed: str, proposal: Proposal) -> str:
    from ruamel.yaml import YAML

    yaml, text = YAML(), io.StringIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 110
    text.write(f"# Proposed for {feed}. To be decided by a person:\n")
    text.writelines(f"# - {point}\n" for point in proposal.undecided or ["nothing was unclear; look all the same"])
    yaml.dump({feed: [proposal.source]}, text)
    return text.getvalue()


def _as_text(proposal: Proposal, tried: TriedOut) -> str:
    if tried.rejected:
        return f"Read so, the file would be rejected: {tried.rejected}"
    lines = [
        f"Read so, {tried.n_rows:,} records come in: {tried.n_accepted:,} accepted, "
        f"{tried.n_quarantined:,} quarantined, {tried.n_duplicate:,} duplicates."
    ]
    lines += [f"  {count:,} x {rule} in {column or 'the row'}: {said}" for rule, column, count, said in tried.refused]
    if tried.unused:
        lines.append(f"  columns that nothing reads, dropped: {', '.join(tried.unused)}")
    if proposal.undecided:
        lines.append(f"{len(proposal.undecided)} points are left to be decided; they head the YAML.")
    return "\n".join(lines)
