#!/bin/sh
# pairs.sh FILE.c...: x.c has x.h; x_more.c may be a part of x.h; main.c has none;
# any other opens with a comment that names a header of its folder, or of the one above.
for c in "$@"; do
    stem=${c%.c}
    [ "${c##*/}" = main.c ] && continue
    while :; do
        [ -f "$stem.h" ] && continue 2
        case ${stem##*/} in
        *_*) stem=${stem%_*} ;;
        *) break ;;
        esac
    done
    for word in $(sed -n '1,/\*\//p' "$c" | grep -oE '[a-z0-9_]+\.h\b'); do
        [ -f "${c%/*}/$word" ] || [ -f "${c%/*}/../$word" ] && continue 2
    done
    echo "$c:1: no header of its own, and the first comment names none"
done
