# Which Debian packages each purpose needs, and the two inputs Debian lacks. Sourced by tools/dev.

# Pinned: google/rpc/*.proto come from a Python package, buf from an npm package.
GOOGLEAPIS_PIN=googleapis-common-protos==1.76.0
BUF_PIN=@bufbuild/buf@1.75.0
COSE_PIN=@auth0/cose@1.0.2  # what tests/cose verifies our receipts with

packages_of() {
  case "$1" in
    build) echo git ca-certificates openssl g++ cmake ninja-build binutils python3 libssl-dev \
                libabsl-dev libprotobuf-dev protobuf-compiler libgrpc++-dev \
                protobuf-compiler-grpc libleveldb-dev libsnappy-dev libzstd-dev \
                libjemalloc-dev pkgconf libre2-dev libspdlog-dev prometheus-cpp-dev \
                libcpp-httplib-dev libcurl4-openssl-dev libcjose-dev libjansson-dev \
                libp11-kit-dev softhsm2 nlohmann-json3-dev libcli11-dev libgtest-dev \
                libgmock-dev libbenchmark-dev ;;
    package) echo dpkg-dev file systemd ;;
    edge) echo nginx libnginx-mod-stream curl openssl python3 ;;
    check) echo clang-format-14 python3 git ca-certificates ;;
    clang) echo clang-14 clang-tidy-14 ;;
    fuzz) echo clang-14 libclang-rt-14-dev llvm-14 ;;
    coverage) echo gcovr ;;
    go) echo ca-certificates openssh-client ;;
    client-python) echo python3-grpcio python3-protobuf python3-cryptography python3-setuptools \
                        protobuf-compiler protobuf-compiler-grpc ;;
    client-go) echo protobuf-compiler $(packages_of client-rig) ;;
    client-node) echo protobuf-compiler $(packages_of client-rig) ;;
    client-java) echo maven openjdk-17-jdk-headless $(packages_of client-rig) ;;
    client-rig) echo python3-cryptography ;;
    node) echo nodejs ;;
    browser) echo chromium fonts-dejavu-core ;;
    nightly) echo mmdebstrap ;;
    cache) echo ccache ;;
    *) die "deps: unknown purpose: $1" ;;
  esac
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "not root and no sudo; run this as root first: $*"
  fi
}

missing_of() {  # package names -> those that are not installed
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}

apt_install() {
  local missing
  missing=$(missing_of "$@")
  [ -n "$missing" ] || return 0
  say "installing:" $missing
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# deps_install PURPOSE...: quick and silent when everything is there.
deps_install() {
  local purpose wanted=()
  for purpose in "$@"; do
    # shellcheck disable=SC2207
    wanted+=($(packages_of "$purpose"))
  done
  apt_install "${wanted[@]}"
  for purpose in "$@"; do
    case "$purpose" in
      build|clang|fuzz) fetch_googleapis ;;
      check) fetch_buf ;;
      go) need_go && fetch_cose ;;
      client-go) need_go ;;
      client-node) need_node ;;
    esac
  done
}

fetch_googleapis() {
  local dir=$CACHE_DIR/googleapis unpack
  [ ! -f "$dir/google/rpc/error_details.proto" ] || return 0
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  mkdir -p "$CACHE_DIR"
  unpack=$(mktemp -d -p "$CACHE_DIR")
  python3 -m pip download --quiet --no-deps --dest "$unpack" "$GOOGLEAPIS_PIN"
  python3 -m zipfile -e "$unpack"/*.whl "$unpack/wheel"
  mkdir -p "$dir/google/rpc"
  cp "$unpack"/wheel/google/rpc/*.proto "$dir/google/rpc/"
  rm -rf "$unpack"
}

fetch_buf() {
  [ ! -x "$CACHE_DIR/buf/node_modules/.bin/buf" ] || return 0
  command -v npm >/dev/null || apt_install nodejs npm
  mkdir -p "$CACHE_DIR/buf"
  npm install --silent --no-save --no-audit --no-fund --prefix "$CACHE_DIR/buf" "$BUF_PIN"
}

fetch_cose() {
  [ ! -d "$CACHE_DIR/cose/node_modules/@auth0/cose" ] || return 0
  command -v npm >/dev/null || apt_install nodejs npm
  mkdir -p "$CACHE_DIR/cose"
  npm install --silent --no-save --no-audit --no-fund --prefix "$CACHE_DIR/cose" "$COSE_PIN"
}

# Debian 12's 18 is too old.
need_node() {
  local major
  major=$(node --version 2>/dev/null | sed -nE 's/^v([0-9]+).*/\1/p')
  [ "${major:-0}" -ge 20 ] || die "the client for Node needs Node 20 or later in PATH"
}

# From 1.21 on, Go fetches the toolchain that tests/go/go.mod asks for; Debian 12's 1.19 cannot.
need_go() {
  local minor
  minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
  [ "${minor:-0}" -ge 21 ] || die "go-check needs Go 1.21 or later in PATH"
}
