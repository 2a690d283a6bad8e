#!/bin/bash
# Every fenced block of the book is run by a test, or is of a kind that nobody types: prints FAIL for one that is neither.
#
#   blocks.sh [BOOK]      the folder of the pages [default: sdk-docs/src]
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BOOK=${1:-sdk-docs/src}
status=0 count=0

# page | kinds of blocks | the test that runs or compares them, in which the page's name stands
RUNNERS='
quick-start    sh                         tests/demo/readme_check.sh
sflow          sh                         host/tests/cli/book.rs
sflow          sflow,sflow-refused        extensions/sflow/tests/sflow/documentation.rs
configuration  toml                       host/tests/state/config.rs
json           json                       host/tests/cli/book.rs
'
# What walk.sh types: every sh line and every block with file=.
walked=" $(sed -n "s/^PAGES='\(.*\)'/\1/p" tests/vendor/walk.sh) "

runner_of() {
    awk -v page="$1" -v kind="$2" '$1 == page { n = split($2, kinds, ","); for (i = 1; i <= n; i++) if (kinds[i] == kind) print $3 }' <<<"$RUNNERS"
}

while IFS=: read -r file number info; do
    page=${file#"$BOOK"/} && page=${page%.md} kind=${info%%,*} count=$((count + 1))
    # Output, pictures, and files that something else prints.
    [ "$kind" = text ] && continue
    if [[ $walked == *" $page "* ]] && { [ "$kind" = sh ] || [[ $info == *,file=* ]]; }; then continue; fi
    runner=$(runner_of "$page" "$kind")
    if [ -z "$runner" ]; then
        echo "FAIL $file:$number: no test runs this block '$info'; make it sh or file=PATH on a page of walk.sh, name its test in blocks.sh, or make it text"
        status=1
    elif ! grep -q "${page##*/}\.md" "$runner" 2>/dev/null; then
        echo "FAIL $file:$number: $runner is to run this block and does not name ${page##*/}.md"
        status=1
    fi
done < <(find "$BOOK" -name '*.md' -print0 | sort -z | xargs -0 awk 'FNR == 1 { open = 0 }
    /^```/ && !open { open = 1; print FILENAME ":" FNR ":" substr($0, 4); next }
    /^```/ { open = 0 }')
if [ "$BOOK" = sdk-docs/src ]; then
    [ $count -gt 60 ] || { echo "FAIL the book: only $count blocks were found" && status=1; }
    # It has to find what it looks for.
    probe=$(mktemp -d)
    mkdir -p "$probe/how-to" && printf '```sh\nheddle typo\n```\n' >"$probe/how-to/new.md" && printf '```\nx\n```\n' >"$probe/sflow.md"
    found=$("${BASH_SOURCE[0]}" "$probe" | grep -c '^FAIL')
    rm -rf "$probe"
    [ "$found" -eq 2 ] || { echo "FAIL the book: of two blocks that nobody runs $found are found" && status=1; }
    [ $status -ne 0 ] || echo "PASS the book: each of its $count blocks is run by a test, or is output"
fi
exit $status
