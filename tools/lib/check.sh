# Checks that need no build, and clang's. Sourced by tools/dev.

# What clang-format holds. Only what is tracked: an engineer's unfinished files are their own.
formatted_files() { git ls-files '*.cc' '*.h' '*.proto'; }

check_format() { formatted_files | xargs -r clang-format-14 --dry-run -Werror; }
check_tidy() {
  python3 tools/tidy.py
  python3 -m unittest discover -s tests/tools -p 'tidy_test.py'
}
check_protos() { (cd proto && "$CACHE_DIR/buf/node_modules/.bin/buf" lint); }

check_scripts() {
  local script
  git ls-files '*.sh' tools/dev .ci/run | while read -r script; do bash -n "$script"; done
}

# The vectors that we publish are what the independent generator writes, to the byte.
check_vectors() {
  python3 tools/vectorgen.py
  python3 tools/vectorgen_bundles.py
  git diff --exit-code --stat tests/testdata tests/fuzz/corpus/bundle
}

dev_check() {
  run_stage deps-check 120 deps_install check
  run_stage tidy 15 check_tidy
  run_stage format 30 check_format
  run_stage buf-lint 15 check_protos
  run_stage vectors 30 check_vectors
  run_stage scripts 5 check_scripts
}

dev_format() {
  run_stage deps-check 120 deps_install check
  formatted_files | xargs -r clang-format-14 -i
}

# tidied_files [--ci]: our .cc files; with --ci those that the landing changed, a header counting as
# its .cc. The whole tree takes ten minutes of two cores: `tools/dev nightly` has it. (clang itself
# compiles every file in CI, with the thread-safety analysis as an error: the asan preset's clang.)
tidied_files() {
  local all
  all=$(git ls-files | grep -E '^(merkle|ledger|verifier|api|tools)/.*\.cc$')
  if [ "${1:-}" = --ci ]; then
    git diff --name-only "$(landing_base)" HEAD | sed -E 's/\.h$/.cc/' | sort -u |
      grep -xFf <(echo "$all") || true
  else
    echo "$all"
  fi
}

# clang_tidy FILES: lint. It compiles nothing and only needs the generated headers.
clang_tidy() {
  local headers
  [ -n "$1" ] || return 0
  [ -f build/clang/build.ninja ] || cmake --preset clang
  headers=$(ninja -C build/clang -t targets all | sed -nE 's/^(proto\/gen\/.*\.pb\.h): .*/\1/p')
  # shellcheck disable=SC2086
  ninja -C build/clang -j "$JOBS" $headers
  run-clang-tidy-14 -quiet -p build/clang -j "$JOBS" \
    "^$ROOT/($(paste -sd '|' <<<"$1"))$" >build/clang/tidy.log 2>build/clang/err ||
    { grep -E '(warning|error):|^ +[~^]' build/clang/tidy.log | sort -u | sed -n 1,200p; return 1; }
}

clang_headers() { cmake --build build/clang -j "$JOBS" --target all_verify_interface_header_sets; }

dev_clang() {
  run_stage deps-clang 240 deps_install build clang
  run_stage clang-tidy 420 clang_tidy "$(tidied_files "$@")"
  run_stage clang-headers 90 clang_headers
}
