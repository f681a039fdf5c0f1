# Speed: the ledger beside what bounds it, overload, and how things grow. Sourced by tools/dev.

BENCH_TARGETS="auditledgerd auditctl auditledger-load calibrator null_rpc_server raw_leveldb_bench"

# dev_bench [--quick|--full] [--strict] [FILTER]: see tools/bench.py. A full run takes 25 minutes.
# dev_bench parts [--rounds N]: what each part costs, by switching it off; see tools/bench_parts.py.
# dev_bench verify|stalls|cost|emit [ARGUMENTS...]: one of the programs beside it, alone.
# dev_bench answers [ARGUMENTS...]: complete answers, see tests/bench/answer_bench.cc.
# dev_bench search [ARGUMENTS...]: the search index, see tests/bench/search_bench.cc.
dev_bench() {
  case ${1:-} in
    parts)
      shift
      # shellcheck disable=SC2086
      release_targets $BENCH_TARGETS switch_off_bench
      run_stage bench-parts 600 python3 tools/bench_parts.py "$@"
      return ;;
    verify) shift; dev_bench_alone verify_bench "$@"; return ;;
    stalls) shift; dev_bench_alone stall_bench "$@"; return ;;
    answers)
      shift
      release_targets answer_bench
      run_stage answer_bench 600 build/release/tests/bench/answer_bench "$@"
      return ;;
    search)
      shift
      release_targets search_bench
      run_stage search_bench 1800 build/release/tests/bench/search_bench --dir build "$@"
      return ;;
    cost) shift; dev_bench_alone cost_bench "$@"; return ;;
    emit) shift; dev_bench_alone emit_bench "$@"; return ;;
  esac
  # shellcheck disable=SC2086
  release_targets $BENCH_TARGETS
  run_stage bench 600 python3 tools/bench.py "$@"
  [ "${1:-}" != --quick ] || dev_bench_alone cost_bench --quick
}

dev_bench_alone() {
  release_targets "$1"
  run_stage "$1" 900 "build/release/tests/bench/$1" --folder build "${@:2}"
}

# dev_overload [SECONDS]: ten times what the server can take; see tools/overload.py.
dev_overload() {
  local seconds=${1:-60}
  # shellcheck disable=SC2086
  release_targets $BENCH_TARGETS
  run_stage overload $((seconds + 60)) python3 tools/overload.py --seconds "$seconds"
}

# dev_scale [ENTRIES...]: start, memory, proofs and bytes on disk as a ledger grows. Ten million
# entries need 10 GB and a quarter of an hour.
dev_scale() {
  release_targets scale_bench
  run_stage scale 900 build/release/tests/bench/scale_bench --folder build "$@"
}
