#!/bin/sh
# Generates gen/ from the protos, with the published service configuration. Needs protoc; the
# plugin is a development dependency, so `npm ci` (or `npm install`) runs this by itself.
set -eu
cd "$(dirname "$0")"
proto=../../../proto
rm -rf gen
mkdir gen
set --
for file in "$proto"/auditledger/v1/*.proto; do
  set -- "$@" "auditledger/v1/$(basename "$file")"
done
protoc "-I$proto" --plugin=protoc-gen-es=node_modules/.bin/protoc-gen-es \
  --es_out=gen --es_opt=target=js+dts,import_extension=js "$@"
cp "$proto/auditledger/v1/service_config.json" gen/
