# What disks do to a ledger: failing calls, power cuts, damaged and older files. Sourced by
# tools/dev.

FAULT_TESTS='*Fault*:*PowerCut*:*Damage*:*Rollback*:RepairTest*'

# run_faults LOG: all of it, and what was covered.
run_faults() {
  local log=$1 program=build/release/tests/ledger/ledger_tests
  "$program" --gtest_filter="$FAULT_TESTS" 2>&1 | tee "$log"
  awk '/^fault table, / { for (i = 2; i <= NF; ++i) if ($i ~ /^played/) cells += $(i - 1) }
       /^n-th call, /   { calls += $(NF - 1) }
       /power cuts, /   { cuts += $1 }
       END { printf "covered: %d cells of the fault table, %d n-th calls, %d power cuts\n",
                    cells, calls, cuts; exit cells == 0 || calls == 0 || cuts == 0 }' "$log"
}

# The seed of a failing run is printed; AUDITLEDGER_TEST_SEED=N plays it again.
dev_faults() {
  local budget=240
  export AUDITLEDGER_FAULT_STRIDE=1
  case "${1:-}" in
    '') export AUDITLEDGER_CRASH_ROUNDS=${AUDITLEDGER_CRASH_ROUNDS:-5000} ;;
    --nightly)
      budget=1800
      export AUDITLEDGER_CRASH_ROUNDS=50000 AUDITLEDGER_DAMAGE_FLIPS=50000
      export AUDITLEDGER_REPAIR_ROUNDS=2000
      export AUDITLEDGER_ALLOCATION_STRIDE=1 ;;
    *) die "faults: unknown flag: $1" ;;
  esac
  release_targets ledger_tests
  run_stage faults "$budget" run_faults build/faults.log
}
