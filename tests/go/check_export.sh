#!/bin/sh
# Checks an exported log, and receipts, with programs nobody here wrote:
#   golang.org/x/mod/sumdb/{note,tlog}   checkpoint, every entry and tile, receipts (xmod/verify.go)
#   Tessera's fsck                       checkpoint, every entry and tile
#
# Usage: check_export.sh DIR ORIGIN VKEYFILE [RECEIPT...]
# Exit code: 0 both verify, 1 one refuses, 2 one could not run, 64 usage.
#
# Needs Go. With Go 1.24 or newer both come by the Go module proxy at pinned versions. On plain
# Debian (golang-go, golang-golang-x-mod-dev) the first check runs from Debian's packages and the
# second is skipped if AUDITLEDGER_NO_FSCK=1 says so.
set -u
TESSERA=v1.0.4

if [ $# -lt 3 ]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$1" && pwd) || exit 2
origin=$2
vkey=$(cd "$(dirname "$3")" && pwd)/$(basename "$3")
shift 3

PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "check_export: no go program" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

build_xmod() {
  (cd "$here/xmod" && go build -o "$work/xmod" .) 2>"$work/log" && return
  GO111MODULE=off GOPATH=/usr/share/gocode \
    go build -o "$work/xmod" "$here/xmod/verify.go" 2>>"$work/log"
}
cannot_build() {
  cat "$work/log" >&2
  echo "check_export: CANNOT TELL: $1 did not build" >&2
  exit 2
}
build_xmod || cannot_build x/mod
refused=0
"$work/xmod" "$origin" "$vkey" "$dir" "$@" || refused=1

if [ "${AUDITLEDGER_NO_FSCK:-0}" = 1 ]; then
  [ $refused = 0 ] || { echo "check_export: REFUSED" >&2; exit 1; }
  echo "check_export: VERIFIED by golang.org/x/mod; Tessera's fsck was not run"
  exit 0
fi
GOBIN=$work go install "github.com/transparency-dev/tessera/cmd/fsck@$TESSERA" 2>"$work/log" ||
  cannot_build "Tessera's fsck"
# Its exit code is 0 even when it fails, and with one worker it hangs on a damaged log: so its words
# decide, two workers run, and time is bounded.
timeout "${AUDITLEDGER_FSCK_SECONDS:-600}" "$work/fsck" --storage_url="file://$dir/" \
  --public_key="$vkey" --origin="$origin" --ui=false --N=2 --v=1 >"$work/log" 2>&1
status=$?
if [ $status = 0 ] && grep -q 'Completed ranges' "$work/log" && ! grep -q 'failed' "$work/log"; then
  echo "Tessera fsck: checkpoint, tiles and entries of $origin verify"
else
  cut -c1-300 "$work/log" | tail -5 >&2
  echo "Tessera fsck: REFUSED" >&2
  refused=1
fi
[ $refused = 0 ] || { echo "check_export: REFUSED" >&2; exit 1; }
echo "check_export: VERIFIED by golang.org/x/mod and Tessera's fsck"
