# Fuzzing: a libFuzzer program for each tests/fuzz/X_fuzz.cc, built in the tree of the asan preset,
# with whose tests they share the libraries. Sourced by tools/dev.

fuzz_targets() { git ls-files 'tests/fuzz/*_fuzz.cc' | sed -E 's#.*/(.*)\.cc#\1#'; }

# The commit before the last landing: the newest that is older than four hours, else the root.
landing_base() {
  local base
  base=$(git rev-list -1 --before='4 hours ago' HEAD)
  [ -n "$base" ] || base=$(git rev-list --max-parents=0 HEAD | tail -n 1)
  echo "$base"
}

# fuzz_seconds TARGET CHANGED_FILES: 60 when a file it is built from changed, else 10. tidy.py
# follows the includes.
fuzz_seconds() {
  local files
  files=$(python3 tools/tidy.py --depends "tests/fuzz/$1.cc")
  if grep -qxFf "$2" <<<"$files"; then echo 60; else echo 10; fi
}

# fuzz_one TARGET SECONDS: a crash, a leak, a timeout or memory over the limit fails; what was found
# stays in build/asan/fuzz.
fuzz_one() {
  local target=$1 seconds=$2 dir=build/asan/fuzz/$1 corpus=()
  mkdir -p "$dir/corpus"
  local seeds=tests/fuzz/corpus/${target%_fuzz}
  [ ! -d "$seeds" ] || corpus=("$seeds")
  if "build/asan/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 \
      -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$dir/" \
      "$dir/corpus" "${corpus[@]}" >"$dir/log" 2>&1; then
    printf '%-32s %4s s %10s runs, no finding\n' "$target" "$seconds" \
      "$(sed -n 's/^stat::number_of_executed_units: //p' "$dir/log")"
  else
    printf '%-32s FOUND something; log and input in %s\n' "$target" "$dir"
    tail -n 40 "$dir/log"
    return 1
  fi
}

# fuzz_run PLAN: lines "target seconds", two at a time.
fuzz_run() {
  export -f fuzz_one
  [ -n "$1" ] || die "fuzz: no target"
  printf '%s\n' "$1" | xargs -P "$JOBS" -L 1 bash -c 'fuzz_one "$0" "$1"'
}

# A landing that changes nearly everything shares this many seconds of wall time, so that CI ends;
# its targets then get less than their 60 s, and `tools/dev nightly` gives each 20 minutes.
FUZZ_CI_WALL_SECONDS=240

# shorten PLAN SUM: the plan with every share scaled down to fit FUZZ_CI_WALL_SECONDS.
shorten() {
  awk -v sum="$2" -v most=$((FUZZ_CI_WALL_SECONDS * JOBS)) \
    '{ print $1, (sum > most ? int($2 * most / sum) : $2) }' <<<"$1"
}

dev_fuzz() {
  local seconds='' ci='' targets='' plan='' changed target sum=0
  while [ $# -gt 0 ]; do
    case "$1" in
      --ci) ci=1; shift ;;
      --seconds) [ $# -gt 1 ] || die "fuzz: --seconds needs a number"; seconds=$2; shift 2 ;;
      -*) die "fuzz: unknown flag: $1" ;;
      *) targets=$1; shift ;;
    esac
  done
  run_stage deps-fuzz 240 deps_install build fuzz
  changed=$(mktemp)
  git diff --name-only "$(landing_base)" HEAD >"$changed"
  for target in ${targets:-$(fuzz_targets)}; do
    local share=${seconds:-60}
    [ -z "$ci" ] || share=$(fuzz_seconds "$target" "$changed")
    plan+="${plan:+$'\n'}$target $share"
    sum=$((sum + share))
  done
  rm -f "$changed"
  if [ -n "$ci" ] && [ "$sum" -gt $((FUZZ_CI_WALL_SECONDS * JOBS)) ]; then
    plan=$(shorten "$plan" "$sum")
    sum=$((FUZZ_CI_WALL_SECONDS * JOBS))
  fi
  # shellcheck disable=SC2086
  run_stage build-fuzz 420 build_preset asan ${targets:-$(fuzz_targets)}
  run_stage fuzz $((sum / JOBS + 70)) fuzz_run "$plan"
}
