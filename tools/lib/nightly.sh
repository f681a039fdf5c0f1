# What is too long for CI: steps bare, clang, emit, faults, fuzz, hostile, kill, mutate, reports,
# reproduce, scale and overload; each writes build/nightly/STEP.log. Sourced by tools/dev.

# The bare step: a minimal Debian 12 tree, a fresh clone in it, and both commands of the README. The
# host's ways to reach its package registries (sources, certificates, settings) are copied, never
# named.
BARE=$ROOT/build/nightly/bare

bare_unmount() {
  local folder
  for folder in dev proc sys; do
    ! mountpoint -q "$BARE/$folder" || umount "$BARE/$folder" || umount -l "$BARE/$folder"
  done
}

bare_make() {
  bare_unmount
  rm -rf --one-file-system "$BARE"
  mkdir -p "$(dirname "$BARE")"
  local sources=(/etc/apt/sources.list.d/*.sources)
  [ -f "${sources[0]}" ] || sources=(/etc/apt/sources.list)
  # The archive's dates may lie behind this machine's clock.
  mmdebstrap --variant=minbase --mode=root --include=ca-certificates \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    bookworm "$BARE" "${sources[@]}"
  local path
  for path in /etc/apt/apt.conf.d/*registry* /etc/apt/apt.conf.d/*proxy* /etc/pip.conf \
      /root/.config/pip/pip.conf /root/.npmrc /etc/npmrc /etc/ssl/certs/ca-certificates.crt \
      /etc/resolv.conf /etc/hosts; do
    [ ! -f "$path" ] || install -D -m 644 "$path" "$BARE$path"
  done
  mount --bind /dev "$BARE/dev"
  mount -t proc proc "$BARE/proc"
  mount -t sysfs -o ro sysfs "$BARE/sys"
}

# in_bare COMMAND...: a fresh environment but for the ways to the registries.
in_bare() {
  local kept=()
  mapfile -t kept < <(
    env | grep -E '^(PIP_(DEFAULT_TIMEOUT|CERT)|[A-Za-z]+_(proxy|PROXY))=' || true)
  chroot "$BARE" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    "JOBS=$JOBS" "${kept[@]}" "$@"
}

nightly_bare() {
  trap bare_unmount EXIT
  bare_make
  git clone --quiet --no-hardlinks "$ROOT" "$BARE/root/main"
  [ ! -d "$ROOT/../shared" ] || cp -a "$ROOT/../shared" "$BARE/root/shared"
  in_bare bash -c 'dpkg -l | tail -n +6 | wc -l'
  in_bare /root/main/tools/dev demo
  in_bare /root/main/tools/dev test
}

nightly_emit() { tests/e2e/emit.sh build/release 1000; }
nightly_fuzz() { tools/dev fuzz --seconds 1200; }
nightly_kill() { tools/dev kill 10000; }
nightly_faults() { tools/dev faults --nightly; }
nightly_scale() { tools/dev scale 100000 1000000 10000000; }
nightly_overload() { tools/dev overload 1800; }
nightly_clang() { tools/dev clang; }
nightly_mutate() { tools/dev mutate; }
nightly_hostile() { tools/dev hostile; }
nightly_reports() { tests/e2e/reports.sh build/release 1000000; }
nightly_reproduce() { tools/dev reproduce; }

dev_nightly() {
  local step started
  [ $# -gt 0 ] || set -- bare clang emit faults fuzz hostile kill mutate reports reproduce scale \
    overload
  mkdir -p build/nightly
  run_stage deps-nightly 240 deps_install build fuzz nightly
  for step in "$@"; do
    case "$step" in
      bare|clang|emit|faults|fuzz|hostile|kill|mutate|reports|reproduce|scale|overload) ;;
      *) die "nightly: unknown step: $step" ;;
    esac
    started=$SECONDS
    # A process of its own, so that set -e works in it and one failing step does not stop the next.
    if bash -c 'set -euo pipefail; ROOT=$1; cd "$ROOT"; export AUDITLEDGER_STAGE_FILE=/dev/null
        for part in common deps build nightly; do source "tools/lib/$part.sh"; done
        date -u +%FT%TZ; git rev-parse HEAD; "nightly_$2"' \
        nightly "$ROOT" "$step" >"$(nightly_log "$step")" 2>&1; then
      say "nightly $step: passed, $((SECONDS - started)) s, log $(nightly_log "$step")"
    else
      tail -n 30 "$(nightly_log "$step")"
      say "nightly $step: FAILED, $((SECONDS - started)) s, log $(nightly_log "$step")"
    fi
  done | tee "$ROOT/build/nightly/summary.log"
  ! grep -q FAILED "$ROOT/build/nightly/summary.log"
}

nightly_log() { echo "$ROOT/build/nightly/$1.log"; }
