# Rows of the table of features: the name is said once, versions go up, and the scenario that the
# row names is there and has a guard (agent, known, skip if, only if) with the name in it.
/^FEATURE\(/ {
    n = split($0, part, "\"")
    name = part[2]; since = part[4]; scenario = part[n - 1]
    where = FILENAME ":" FNR ": "
    if (name in seen)
        print where "\"" name "\" is there twice"
    seen[name] = 1
    if (number(since) < last)
        print where since " stands behind a later version"
    last = number(since)
    file = "scenarios/" scenario ".scn"
    found = there = 0
    while ((getline line < file) > 0) {
        there = 1
        if (line ~ /^(agent|known|skip|only) / && has(line, name))
            found = 1
    }
    close(file)
    if (!there)
        print where "there is no " file
    else if (!found)
        print where "no guard of " file " names \"" name "\""
    rows++
}
END { if (!rows) print FILENAME ": no rows" }

function number(v, p) { split(v, p, "."); return p[1] * 1000000 + p[2] * 1000 + p[3] }

# The name as a whole word: pull-behavior is not in pull-behavior-x.
function has(line, name, i, w, n)
{
    n = split(line, w, "[ ,!]+")
    for (i = 1; i <= n; i++)
        if (w[i] == name)
            return 1
    return 0
}
