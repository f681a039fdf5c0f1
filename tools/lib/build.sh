# Build, test and demo. Sourced by tools/dev.

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1
  shift
  # A second configure costs a second; CMake does it by itself when a build file changed.
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset"
  cmake --build "build/$preset" -j "$JOBS" ${1:+--target "$@"}
}

dev_build() {
  local preset=${1:-release}
  run_stage deps 240 deps_install build
  [ "$preset" != fuzz ] || preset=asan
  case "$preset" in clang|asan) run_stage deps-clang 120 deps_install clang fuzz ;; esac
  run_stage "build-$preset" 900 build_preset "$preset" "${@:2}"
}

dev_demo() {
  run_stage deps 240 deps_install build
  run_stage build-programs 480 build_preset release \
    auditledgerd auditctl auditledger-verify auditledger-generate auditledger-rogue
  run_stage demo 60 tools/demo.sh "$ROOT/build/release" "$@"
}

# run_ctest PRESET [CTEST ARGUMENTS]: ends with ctest's closing line; no test found is a failure.
run_ctest() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" -j "$JOBS" --output-on-failure --no-tests=error "$@"
}

dev_test() {
  local filter=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --seed) [ $# -gt 1 ] || die "test: --seed needs a number"
              export AUDITLEDGER_TEST_SEED=$2; shift 2 ;;
      -*) die "test: unknown flag: $1" ;;
      *) filter=(-R "$1"); shift ;;
    esac
  done
  run_stage deps 240 deps_install build node
  run_stage build-release 900 build_preset release
  run_stage test 240 run_ctest release "${filter[@]}"
}

# Small worlds that are exhausted in the release build: under a sanitizer they repeat, ten times as
# slowly, calls that other tests make too. For the thread sanitizer also those that have one thread,
# or start a ledger's few threads thousands of times over.
EXHAUSTIVE='Liar|VantagePoints|EveryForkOfASmallWorld|MemoryIsBoundedHoweverManyThereAre'
EXHAUSTIVE+='|NoFlippedByteMakesAKnownIdentityUnknown|AreThoseOfEachLeafAlone|^tidy$|^mutate_test$'
EXHAUSTIVE+='|EveryRangeUpTo64GivesTheReceipts|EveryRangeUpTo70HoldsTheProof'
REPEATED='Damage|FaultTable|FaultCalls|KeyRotationCalls|NextKey|Repair|Fsck|Golden|TornTail'
REPEATED+='|TileFolder|EveryFlippedByteOfABackup|SignerState'

dev_sanitized() {
  local preset=$1 targets=() only=(-E "$EXHAUSTIVE") purposes=(build)
  if [ "$preset" = asan ]; then
    purposes+=(fuzz)
  else
    targets=(ledger_tests)
    only=(-R '^ledger_tests:' -E "$EXHAUSTIVE|$REPEATED")
    export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 \
suppressions=$ROOT/tests/tsan.supp ${TSAN_OPTIONS:-}"
  fi
  export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}"
  export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
  run_stage deps 240 deps_install "${purposes[@]}"
  run_stage "build-$preset" 900 build_preset "$preset" "${targets[@]}"
  run_stage "test-$preset" 300 run_ctest "$preset" "${only[@]}"
}
