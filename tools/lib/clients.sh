# The clients in other languages: generated, tested against the vectors, and against a server of the
# release build on loopback (tests/clients/rig.py). Sourced by tools/dev.

CLIENT_LANGUAGES="python go node java"
# Debian's Python has the packages; another one in PATH may not.
CLIENT_PYTHON=/usr/bin/python3

with_ledger() {  # LANGUAGE COMMAND...
  local language=$1
  shift
  "$CLIENT_PYTHON" tests/clients/rig.py build/release "api/client/$language" "$@"
}

# The package is built as `pip install` builds it, and is whole.
client_python() {
  local built=$ROOT/build/clients/python
  rm -rf "$built"
  (cd api/client/python && "$CLIENT_PYTHON" setup.py -q build -b "$built/work" build_py -d "$built")
  (cd "$built" && "$CLIENT_PYTHON" -c 'import auditledger; auditledger.RetryPolicy.published()')
  with_ledger python "$CLIENT_PYTHON" -m unittest discover -t . -s tests
}

client_go() {
  api/client/go/generate.sh
  (cd api/client/go && test -z "$(gofmt -l .)" && go vet ./...)
  with_ledger go go test -count=1 ./...
}

# npm's own cache is asked first: a rerun needs no network.
client_node() {
  (cd api/client/node && npm ci --silent --no-audit --no-fund --prefer-offline)
  with_ledger node node --test test/
}

# What a pom once brought is there: Maven asks nobody again.
client_java() {
  local mark offline=()
  mark=$CACHE_DIR/clients/java-$(sha256sum api/client/java/pom.xml | cut -c1-16)
  [ ! -e "$mark" ] || offline=(-o)
  with_ledger java mvn -q -B "${offline[@]}" package
  mkdir -p "$(dirname "$mark")"
  touch "$mark"
}

# dev_clients [LANGUAGE...]
dev_clients() {
  local language
  # shellcheck disable=SC2086
  [ $# -gt 0 ] || set -- $CLIENT_LANGUAGES
  for language in "$@"; do
    [[ " $CLIENT_LANGUAGES " == *" $language "* ]] ||
      die "clients: $language is none of $CLIENT_LANGUAGES"
  done
  run_stage deps-clients 120 deps_install build "${@/#/client-}"
  run_stage build-programs 900 build_preset release auditledgerd auditctl
  for language in "$@"; do
    run_stage "client-$language" 120 "client_$language"
  done
}
