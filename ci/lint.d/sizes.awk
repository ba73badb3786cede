# Files of 800 lines and more; functions of 70 and more, from the brace that
# opens one to the brace that closes it. clang-format puts both in column 0,
# and nothing else that begins with a brace there is a function.
function close_file()
{
    if (name != "" && lines >= 800)
        printf "%s:%d: file of %d lines\n", name, lines, lines
    if (name != "" && in_function)
        printf "%s:%d: function %s() is never closed\n", name, start, fn
}
FNR == 1 {
    close_file()
    name = FILENAME
    in_function = 0
}
{ lines = FNR }
name !~ /\.[ch]$/ {
    if (/^[a-z_]+\(\)/)
        fn = substr($0, 1, index($0, "(") - 1)
    if (/^\{$/ || /^[a-z_]+\(\) *\{$/) {
        start = FNR
        in_function = 1
    }
    if (/^\}$/ && in_function) {
        in_function = 0
        if (FNR - start + 1 >= 70)
            printf "%s:%d: function %s() of %d lines\n", FILENAME, start, fn, FNR - start + 1
    }
    next
}
# The name stands before the first parenthesis of the line that opens a definition.
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ {
    fn = substr($0, 1, index($0, "(") - 1)
    sub(/.*[ *]/, "", fn)
}
/^\{/ && !in_function {
    start = FNR
    in_function = 1
}
/^\}/ {
    if (in_function && FNR - start + 1 >= 70)
        printf "%s:%d: function %s() of %d lines\n", FILENAME, start, fn, FNR - start + 1
    in_function = 0
}
END { close_file() }
