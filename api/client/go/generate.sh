#!/bin/sh
# Generates auditledgerpb from the protos, and brings the published service configuration.
# `go generate` calls it. Needs protoc; the plugins are tools of go.mod.
set -eu
cd "$(dirname "$0")"
proto=../../../proto
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
go build -o "$tools/" google.golang.org/protobuf/cmd/protoc-gen-go \
  google.golang.org/grpc/cmd/protoc-gen-go-grpc
package=auditledger.test/client/auditledgerpb
set --
for file in "$proto"/auditledger/v1/*.proto; do
  name=auditledger/v1/$(basename "$file")
  set -- "$@" "--go_opt=M$name=$package" "--go-grpc_opt=M$name=$package" "$name"
done
rm -rf auditledgerpb
mkdir auditledgerpb
PATH=$tools:$PATH protoc "-I$proto" --go_out=. --go_opt=module=auditledger.test/client \
  --go-grpc_out=. --go-grpc_opt=module=auditledger.test/client "$@"
cp "$proto/auditledger/v1/service_config.json" .
