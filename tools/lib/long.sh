# Heavier stages on the release build: kill, restart, Go, install, packages, coverage.
# Sourced by tools/dev.

release_targets() {
  run_stage deps 240 deps_install build
  run_stage build-release 900 build_preset release "$@"
}

dev_kill() {
  local rounds=${1:-100}
  release_targets e2e_tests
  export AUDITLEDGER_KILL_ROUNDS=$rounds
  run_stage "kill-$rounds" $((30 + rounds * 2)) \
    build/release/tests/e2e/e2e_tests --gtest_filter='*Kill*'
}

dev_restart() {
  release_targets restart_bench
  run_stage restart 180 build/release/tests/bench/restart_bench
}

# dev_witnesses [SECONDS]: of load; see tests/e2e/witnesses.sh.
dev_witnesses() {
  local seconds=${1:-15}
  run_stage deps 240 deps_install build
  run_stage build-programs 900 build_preset release auditledgerd auditctl auditledger-verify \
    auditledger-generate auditledger-witness auditledger-load
  run_stage witnesses $((seconds + 120)) tests/e2e/witnesses.sh build/release "$seconds"
}

# dev_hostile [ARGUMENTS...]: of tests/e2e/hostile/hostile.py, which runs an nginx of its own.
dev_hostile() {
  run_stage deps-edge 120 deps_install build edge
  run_stage build-programs 900 build_preset release auditledgerd auditctl auditledger-load
  run_stage edge 30 python3 tests/e2e/hostile/edge_check.py build/release
  run_stage hostile 180 python3 tests/e2e/hostile/hostile.py --build build/release "$@"
}

# dev_web [FOLDER]: the verifier of the page, and the page in headless Chromium; screenshots and a
# PDF go to FOLDER.
dev_web() {
  local folder=${1:-}
  [ -z "$folder" ] || mkdir -p "$folder"
  run_stage deps-browser 300 deps_install node browser
  SCREENSHOTS=$folder run_stage web 240 node --test tests/verifier/web
}

dev_go_check() {
  run_stage deps-go 60 deps_install build go
  run_stage build-programs 900 build_preset release \
    auditledgerd auditctl auditledger-verify auditledger-generate auditledger-witness \
    auditledger-monitor verifier_tests
  run_stage go-check 180 tests/e2e/first_steps.sh build/release --go
  run_stage go-tiles 120 tests/go/check_tiles.sh build/release
  run_stage cose 60 env COSE_MODULES="$CACHE_DIR/cose" tests/cose/check_cose.sh build/release
  run_stage go-witness 120 tests/go/check_witness.sh build/release
  run_stage go-litewitness 300 tests/go/check_litewitness.sh build/release
  run_stage go-tampered 120 env AUDITLEDGER_GO_CHECKS=1 \
    build/release/tests/verifier/verifier_tests --gtest_filter='GoCheck.*'
}

install_and_consume() {
  local stage=$ROOT/build/install-test
  rm -rf "$stage"
  cmake --install build/release --prefix "$stage/usr" --component dev
  cmake -S tests/install -B "$stage/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$stage/usr"
  cmake --build "$stage/consumer"
  "$stage/consumer/consumer"
}

dev_install_test() {
  release_targets auditledger_merkle auditledger_proto auditledger_verifier
  run_stage install-test 60 install_and_consume
}

# The programs of each package: whoever ships them says what they are made of.
programs_of() {
  case "$1" in
    server) echo api/auditledgerd tools/auditledger-signer ;;
    verifier) echo verifier/auditledger-verify ;;
    witness) echo tools/auditledger-witness ;;
    monitor) echo tools/auditledger-monitor ;;
    tools) echo tools/auditctl tools/auditledger-{fsck,load,report} ;;
  esac
}

# write_sboms BUILD_FOLDER OUT: OUT/auditledger-NAME.spdx.json, each held against its programs.
write_sboms() {
  local name version sbom programs
  version=$(sed -nE 's/^CMAKE_PROJECT_VERSION:.*=(.*)/\1/p' "$1/CMakeCache.txt")
  for name in server verifier witness monitor tools; do
    sbom=$2/auditledger-$name.spdx.json
    read -ra programs <<<"$(programs_of "$name")"
    (cd "$1" && python3 "$ROOT/tools/sbom.py" . "auditledger-$name" "$version" "$sbom" \
       "${programs[@]}" && python3 "$ROOT/tools/sbom.py" --check "$sbom" "${programs[@]}")
  done
}

# pack BUILD_FOLDER OUT [GENERATORS]: the same programs give the same bytes.
pack() {
  rm -rf "${1:?}/$2"
  (cd "$1" && cpack -G "${3:-DEB;TGZ}" -B "$2" >packages.log) ||
    { cat "$1/packages.log"; return 1; }
}

same_packages() {  # FOLDER FOLDER
  local deb differ=0
  for deb in "$1"/*.deb; do
    cmp "$deb" "$2/$(basename "$deb")" || differ=1
  done
  [ "$differ" -eq 0 ] || die "packages differ between $1 and $2"
  say "$(find "$1" -maxdepth 1 -name '*.deb' | wc -l) packages, twice the same bytes"
}

# Packages carry the date of the commit, not that of the build.
commit_date() {
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
  export SOURCE_DATE_EPOCH
}

make_packages() {
  local deb
  commit_date
  write_sboms build/release "$ROOT/build/release/sbom"
  pack build/release packages
  pack build/release packages-again DEB
  same_packages build/release/packages build/release/packages-again
  rm -rf build/release/packages-again
  for deb in build/release/packages/*.deb; do
    say "$(basename "$deb"): $(dpkg-deb -f "$deb" Depends)"
  done
  # The auditor's package, the witness's and the monitor's bring no server library along.
  for deb in build/release/packages/auditledger-{verifier,witness,monitor}_*.deb; do
    ! dpkg-deb -f "$deb" Depends | grep -E 'grpc|leveldb' || return 1
  done
}

# The units' exposure, 0 to 10: nothing is installed or started for it.
check_units() {
  local unit score
  for unit in tools/packaging/*.service tools/packaging/*/*.service; do
    score=$(systemd-analyze security --offline=true --no-pager --threshold=20 "$unit" |
      tail -n 1) || die "$unit: over 2.0: $score"
    say "$(basename "$unit"): ${score#*: }"
  done
}

dev_package() {
  run_stage deps-package 120 deps_install build package
  run_stage build-release 900 build_preset release
  run_stage units 10 check_units
  run_stage package 60 make_packages
}

# The tree as it is committed, built without a compiler cache in two folders of other names: minutes
# of both cores, hence not in CI, where the packing alone is repeated.
reproduce() {
  local folder
  commit_date
  rm -rf build/reproduce
  for folder in build/reproduce/one build/reproduce/another-folder; do
    mkdir -p "$folder"
    git archive HEAD | tar -x -C "$folder"
    cp -r --reflink=auto "$CACHE_DIR" "$folder/.cache"
    (cd "$folder" && export CCACHE_DISABLE=1 &&
       cmake --preset release -DAUDITLEDGER_TESTS=OFF -DAUDITLEDGER_BENCH=OFF &&
       cmake --build build/release -j "$JOBS" &&
       write_sboms build/release "$PWD/build/release/sbom" &&
       pack build/release packages DEB) || return 1
  done
  same_packages build/reproduce/{one,another-folder}/build/release/packages
}

dev_reproduce() {
  run_stage deps-package 120 deps_install build package
  run_stage reproduce 1800 reproduce
}

measure_coverage() {
  build_preset coverage
  run_ctest coverage
  gcovr --root . --filter '(merkle|ledger|api|verifier|tools)/' --exclude-throw-branches \
    --html-details build/coverage/report.html --txt build/coverage/report.txt build/coverage
  tail -n 3 build/coverage/report.txt
}

dev_coverage() {
  run_stage deps-coverage 240 deps_install build coverage
  run_stage coverage 1200 measure_coverage
}
