# TAP of `ecsim run`, a file for each agent, to a table: a row for each scenario.

function name_of(file) { sub(/.*\//, "", file); sub(/\.tap$/, "", file); return file }

FNR == 1 { agent = name_of(FILENAME); agents[++n_agents] = agent }

/^(not )?ok [0-9]+ - / {
    ok = /^ok/
    line = $0
    sub(/^(not )?ok [0-9]+ - /, "", line)
    scenario = line
    sub(/\.scn: .*/, "", scenario)
    sub(/^scenarios\//, "", scenario)
    why = line
    if (!sub(/.* # (SKIP|TODO) /, "", why)) # lint-ok: words, it is TAP's own
        why = ""
    if (!(scenario in seen)) {
        seen[scenario] = 1
        rows[++n_rows] = scenario
    }
    if (why == "")
        cell = ok ? "passed" : "**FAILED**"
    else if (!ok) {
        cell = "known"
        sub(/^known /, "", why)
        sub(/: .*/, "", why)
        known[scenario] = why
    } else {
        cell = "-"
        sub(/, this is .*/, "", why)
        apart[scenario] = why
    }
    cells[scenario, agent] = cell
    count[agent, cell]++
}

function sort_rows(    i, k, row) {
    for (i = 2; i <= n_rows; i++) {
        row = rows[i]
        for (k = i - 1; k >= 1 && rows[k] > row; k--)
            rows[k + 1] = rows[k]
        rows[k + 1] = row
    }
}

function row_of(label, cell,    i, text) {
    text = "| " label " |"
    for (i = 1; i <= n_agents; i++)
        text = text " " (((cell, agents[i]) in cells) ? cells[cell, agents[i]] : "") " |"
    return text
}

function sum_of(label, word,    i, text) {
    text = "| **" label "** |"
    for (i = 1; i <= n_agents; i++)
        text = text " " count[agents[i], word] + 0 " |"
    return text " |"
}

END {
    if (!n_rows) {
        print "agents-table: no result of a scenario in these files" > "/dev/stderr"
        exit 1
    }
    sort_rows()
    head = "| scenario |"
    rule = "|---|"
    for (i = 1; i <= n_agents; i++) {
        head = head " " agents[i] " |"
        rule = rule "---|"
    }
    print head " remarks |"
    print rule "---|"
    for (i = 1; i <= n_rows; i++) {
        s = rows[i]
        note = known[s]
        if (apart[s] != "")
            note = note (note == "" ? "" : "; ") apart[s]
        print row_of(s, s) " " note " |"
    }
    print sum_of("passed", "passed")
    print sum_of("known", "known")
    print sum_of("not for this one", "-")
    print sum_of("failed", "**FAILED**")
}
