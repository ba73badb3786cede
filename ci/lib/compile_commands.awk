# Pairs of lines, a source and its command, to the JSON that clang's tools read.
function quoted(s)
{
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}
BEGIN { print "[" }
NR % 2 { file = $0; next }
{
    printf "%s{\"directory\": %s, \"file\": %s,\n \"command\": %s}", between,
           quoted(dir), quoted(file), quoted($0 " -c " file)
    between = ",\n"
}
END { print "\n]" }
