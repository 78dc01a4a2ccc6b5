"""Which settings of the study a SELECT may read: what does not read the day stays as it was on another day."""

from __future__ import annotations

from sqlglot import exp

from pipelines.warehouse.study_tables import SETTING


def settings_read(tree: exp.Query) -> tuple[str, ...]:
    """The columns of `study.setting` that `tree` may read: rather too many than too few."""
    aliases = {table.alias_or_name.lower() for table in tree.find_all(exp.Table) if _is_setting(table)}
    if not aliases:
        return ()
    if _takes_all(tree, aliases):
        return tuple(SETTING)
    named = {name.name.lower() for name in tree.find_all(exp.Identifier)}
    return tuple(name for name in SETTING if name in named)


def _is_setting(table: exp.Table) -> bool:
    return (table.db.lower(), table.name.lower()) == ("study", "setting")


def _takes_all(tree: exp.Query, aliases: set[str]) -> bool:
    """Whether some part takes the columns of the setting without naming them."""
    if tree.find(exp.Columns) or any(join.method == "NATURAL" for join in tree.find_all(exp.Join)):
        return True
    if any(not column.table and column.name.lower() in aliases for column in tree.find_all(exp.Column)):
        return True
    return any(_star_over(star, aliases) for star in tree.find_all(exp.Star))


def _star_over(star: exp.Star, aliases: set[str]) -> bool:
    parent = star.parent
    if isinstance(parent, exp.Column):
        return parent.table.lower() in aliases
    if not isinstance(parent, exp.Select):
        return False  # count(*)
    sources = [parent.args.get("from_"), *(parent.args.get("joins") or [])]
    return any(_is_setting(source.this) for source in sources if source and isinstance(source.this, exp.Table))
