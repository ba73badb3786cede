#!/bin/bash
# S3 as the command line clients use it: aws s3, s3cmd, rclone, curl; 1 B, 8 MiB, 100 MiB.
# needs: aws s3cmd rclone curl
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/ecsim-s3.XXXXXX") || exit 2
export AWS_CONFIG_FILE=$dir/config AWS_SHARED_CREDENTIALS_FILE=$dir/none AWS_PAGER='' HOME=$dir
unset AWS_PROFILE AWS_CA_BUNDLE AWS_ENDPOINT_URL AWS_DATA_PATH
printf '[default]\ns3 =\n    addressing_style = path\n' >"$dir/config"
. ci/lib/serve.sh
trap 'unserve; rm -rf "$dir"' EXIT
serve --s3-dir "$dir/buckets" s3 # s3.py has them in memory
unset AWS_SESSION_TOKEN

aws() { /usr/bin/aws --endpoint-url "$ECSIM_S3_URL" "$@"; }
is()
{
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        printf 'ok %s\n' "$name"
    else
        printf 'FAIL %s\n' "$name"
        tail -n 12 "$dir/out" | sed 's/^/    /'
    fi
}

head -c 1 /dev/urandom >"$dir/1B"
head -c $((8 << 20)) /dev/urandom >"$dir/8MiB"
head -c $((100 << 20)) /dev/urandom >"$dir/100MiB"
mkdir "$dir/tree" "$dir/back"
for i in 1 2 3; do
    mkdir "$dir/tree/d$i"
    printf '%s\n' "file $i" >"$dir/tree/d$i/a file+$i.txt"
done

cp_and_back()
{
    aws s3 mb s3://cli && aws s3 cp --no-progress "$dir/$1" "s3://cli/$1" &&
        aws s3 cp --no-progress "s3://cli/$1" "$dir/back/$1" && cmp "$dir/$1" "$dir/back/$1" || return 1
    aws s3 ls "s3://cli/$1" | grep -q " $(stat -c %s "$dir/$1") $1\$" && aws s3 rb --force s3://cli
}
for size in 1B 8MiB 100MiB; do
    is "aws s3 cp there and back, ls, rb: $size" cp_and_back $size
done

cli_sync()
{
    aws s3 mb s3://tree && aws s3 sync --no-progress "$dir/tree" s3://tree/t && aws s3 sync --no-progress s3://tree/t "$dir/back/t" &&
        diff -r "$dir/tree" "$dir/back/t" || return 1
    [ -z "$(aws s3 sync "$dir/tree" s3://tree/t)" ] || { echo "a second sync moved something"; return 1; }
    curl -sf "$(aws s3 presign 's3://tree/t/d1/a file+1.txt')" | cmp - "$dir/tree/d1/a file+1.txt" &&
        aws s3 rm --recursive s3://tree/t && [ -z "$(aws s3 ls s3://tree)" ]
}
is "aws s3 sync, presign, rm" cli_sync

s3_cmd()
{
    local host=${ECSIM_S3_URL#http://}
    set -- s3cmd --no-ssl --host "$host" --host-bucket "$host" --region "$AWS_REGION" --access_key "$AWS_ACCESS_KEY_ID" \
        --secret_key "$AWS_SECRET_ACCESS_KEY" --no-progress
    "$@" mb s3://s3cmd-bucket && "$@" sync "$dir/tree/" s3://s3cmd-bucket/t/ && "$@" get --recursive s3://s3cmd-bucket/t/ "$dir/back/s3cmd/" &&
        diff -r "$dir/tree" "$dir/back/s3cmd" && "$@" put "$dir/100MiB" s3://s3cmd-bucket/big &&
        "$@" get s3://s3cmd-bucket/big "$dir/back/s3cmd.big" && cmp "$dir/100MiB" "$dir/back/s3cmd.big" &&
        "$@" ls s3://s3cmd-bucket/ | grep -q big && "$@" del --recursive --force s3://s3cmd-bucket && "$@" rb s3://s3cmd-bucket
}
mkdir "$dir/back/s3cmd"
is "s3cmd sync, put, get, del" s3_cmd

s3_tags()
{
    aws s3 mb s3://tagged && aws s3 cp --no-progress "$dir/1B" s3://tagged/k || return 1
    aws s3api put-object-tagging --bucket tagged --key k --tagging 'TagSet=[{Key=who,Value=me}]' &&
        [ "$(aws s3api get-object-tagging --bucket tagged --key k --query 'TagSet[0].[Key,Value]' --output text)" = $'who\tme' ] || return 1
    aws s3api put-bucket-tagging --bucket tagged --tagging 'TagSet=[{Key=of,Value=bucket}]' &&
        aws s3api get-bucket-tagging --bucket tagged | grep -q bucket && aws s3 cp --no-progress s3://tagged/k s3://tagged/l &&
        aws s3api get-object-tagging --bucket tagged --key l | grep -q who && aws s3 rb --force s3://tagged
}
is "aws s3api: tags of objects and buckets, copied by aws s3 cp" s3_tags

# The endpoint without a region: its name leads to the fake through a proxy, which it then is.
r_global()
{
    local g="curl -sf --proxy $ECSIM_S3_URL --aws-sigv4 aws:amz:us-east-1:s3 --user $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
    $g -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT -H 'Content-Type: application/xml' \
        -d '<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>' \
        http://s3.amazonaws.com/far && aws --region eu-central-1 s3api get-bucket-location --bucket far | grep -q eu-central-1 &&
        aws --region eu-central-1 s3 rb s3://far
}
is "curl at s3.amazonaws.com makes a bucket elsewhere" r_global

r_clone()
{
    set -- rclone --config "$dir/rclone.conf" --s3-provider Other --retries 1 --low-level-retries 2 --s3-endpoint "$ECSIM_S3_URL" --s3-region "$AWS_REGION" \
        --s3-access-key-id "$AWS_ACCESS_KEY_ID" --s3-secret-access-key "$AWS_SECRET_ACCESS_KEY" --s3-force-path-style
    : >"$dir/rclone.conf"
    "$@" mkdir :s3:rclone-bucket && "$@" sync "$dir/tree" :s3:rclone-bucket/t && "$@" check "$dir/tree" :s3:rclone-bucket/t &&
        "$@" copy "$dir/100MiB" :s3:rclone-bucket/ && "$@" copy :s3:rclone-bucket/100MiB "$dir/back/rclone" &&
        cmp "$dir/100MiB" "$dir/back/rclone/100MiB" && "$@" lsf -R :s3:rclone-bucket | grep -q 't/d3/a file+3.txt' &&
        "$@" purge :s3:rclone-bucket
}
is "rclone sync, check, copy, purge" r_clone

sign_curl()
{
    local sign="aws:amz:$AWS_REGION:s3" who="$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
    set -- curl -sf --aws-sigv4 "$sign" --user "$who" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD'
    "$@" -X PUT -H 'Content-Type: application/xml' -d "<CreateBucketConfiguration><LocationConstraint>$AWS_REGION</LocationConstraint></CreateBucketConfiguration>" \
        "$ECSIM_S3_URL/curl-bucket" && "$@" -T "$dir/8MiB" "$ECSIM_S3_URL/curl-bucket/k" &&
        "$@" "$ECSIM_S3_URL/curl-bucket/k" | cmp - "$dir/8MiB" || return 1
    ! curl -sf --aws-sigv4 "$sign" --user "$AWS_ACCESS_KEY_ID:wrong" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$ECSIM_S3_URL/curl-bucket/k"
}
is "curl --aws-sigv4" sign_curl
