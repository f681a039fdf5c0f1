# What all of tools/dev shares: messages, jobs, and stages with a budget. Sourced, not run.

JOBS=${JOBS:-$(nproc)}
CACHE_DIR=$ROOT/.cache
# What one clone compiled serves the next, wherever that lies.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

say() { printf '%s\n' "$*"; }
die() { printf 'tools/dev: %s\n' "$*" >&2; exit 1; }

# Stages of this run, "name budget used result" a line; .ci/run gives one file to all its commands.
STAGE_FILE=${AUDITLEDGER_STAGE_FILE:-}
if [ -z "$STAGE_FILE" ]; then
  STAGE_FILE=$(mktemp)
  trap 'print_stages; rm -f "$STAGE_FILE"' EXIT
fi

print_stages() {
  [ -s "$STAGE_FILE" ] || return 0
  awk 'BEGIN { printf "\n%-28s %9s %7s  %s\n", "stage", "budget s", "used s", "result" }
       { printf "%-28s %9d %7d  %s\n", $1, $2, $3, $4; sum += $3 }
       END { printf "%-28s %9s %7d\n", "total", "", sum }' "$STAGE_FILE"
}

# run_stage NAME BUDGET_SECONDS COMMAND...: runs it and notes what it took. Fails when COMMAND
# fails; more than twice its budget is marked TOO-SLOW in the closing table, which is a defect to
# mend but no failure, since hosts have two speeds. Not to be called inside `if` or `||`, where set
# -e sleeps.
run_stage() {
  local name=$1 budget=$2 started=$SECONDS code=0 used result=ok
  shift 2
  say "==> $name (budget $budget s)"
  set +e
  (set -euo pipefail; trap - EXIT; "$@")
  code=$?
  set -e
  used=$((SECONDS - started))
  if [ "$code" -ne 0 ]; then
    result=FAILED
  elif [ "$used" -gt $((2 * budget)) ]; then
    result=TOO-SLOW
  fi
  printf '%s %s %s %s\n' "$name" "$budget" "$used" "$result" >>"$STAGE_FILE"
  say "<== $name: $result, $used s of $budget s"
  [ "$code" -eq 0 ] || exit "$code"
}
