# The attack suite, and the verifier's checks taken away one at a time. Sourced by tools/dev.

# mutate [--ci | arguments of tools/mutate.py]: --ci tries for a minute, what the landing changed
# first.
dev_mutate() {
  local arguments=("$@")
  if [ "${1:-}" = --ci ]; then
    local changed=()
    mapfile -t changed < <(git diff --name-only "$(landing_base)" HEAD)
    arguments=(--sample 60 --changed "${changed[@]}")
  fi
  run_stage deps 240 deps_install build
  run_stage mutate 600 python3 tools/mutate.py "${arguments[@]}"
}

# attack [WORD...]: the rows of verifier/README.md's table in which every WORD occurs, each with
# what its tests said just now.
dev_attack() {
  run_stage deps 240 deps_install build
  run_stage build-attacks 900 build_preset release merkle_tests verifier_tests ledger_tests \
    api_tests tools_tests witness_tests monitor_tests e2e_tests
  run_stage attack 120 python3 tools/attack.py build/release "$@"
}
