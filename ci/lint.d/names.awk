# First file: names, one a line. The others: text. A word that is one of them
# but for upper and lower case is misspelt; all capitals or all small letters
# are identifiers, flags and paths, and are let be.
FNR == NR {
    if ($0 !~ /^#/ && NF)
        right[tolower($1)] = $1
    next
}
!/lint-ok: names/ {
    rest = $0
    while (match(rest, /[A-Za-z][A-Za-z0-9]+/)) {
        word = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        low = tolower(word)
        if ((low in right) && word != right[low] && word != low && word != toupper(word))
            printf "%s:%d: %s is spelt %s\n", FILENAME, FNR, word, right[low]
    }
}
