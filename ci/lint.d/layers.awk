# First file: ci/mk/modules.mk (MODULE_uses). The others: sources. Says which
# quoted include leaves the layers. Tests of a module may use what it may use.
FNR == NR {
    if ($1 == "MODULES")
        for (i = 3; i <= NF; i++)
            module[$i] = 1
    if (match($1, /_uses$/))
        for (i = 3; i <= NF; i++)
            may[substr($1, 1, RSTART - 1), $i] = 1
    next
}
FNR == 1 {
    split(FILENAME, at, "/")
    here = at[1]
}
/^[ \t]*#[ \t]*include[ \t]*["<]/ && (here in module) && !/lint-ok: layers/ {
    split($0, part, /["<>]/)
    split(part[2], to, "/")
    if ((to[1] in module) && to[1] != here && !((here, to[1]) in may))
        printf "%s:%d: %s/ may not use %s/\n", FILENAME, FNR, here, to[1]
}
