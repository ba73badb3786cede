# base/err.h is guarded by BASE_ERR_H: the path in capitals, so no two can be alike.
function judge()
{
    if (name == "")
        return
    if (first != "#ifndef " want || second != "#define " want)
        printf "%s:%d: expected #ifndef %s and #define %s\n", name, at ? at : 1, want, want
    else if (last !~ /^#endif/)
        printf "%s: the guard does not reach the end\n", name
}
FNR == 1 {
    judge()
    name = FILENAME
    want = toupper(FILENAME)
    gsub(/[^A-Z0-9]/, "_", want)
    first = second = last = ""
    at = 0
}
/^#/ && first == "" { first = $0; at = FNR; next }
/^#/ && second == "" { second = $0 }
NF { last = $0 }
END { judge() }
