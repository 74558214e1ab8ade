-- aliases: every dated alias.
SELECT source, id, kind, alias, canonical, valid_from, valid_to FROM aliases ORDER BY kind, alias, id
