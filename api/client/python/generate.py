#!/usr/bin/python3
"""Generates auditledger/v1 from the protos into a folder: generate.py FOLDER.

Needs protoc and grpc_python_plugin (Debian: protobuf-compiler, protobuf-compiler-grpc).
"""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[2] / "proto"


def generate(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    protos = sorted(str(p.relative_to(PROTO)) for p in PROTO.glob("auditledger/v1/*.proto"))
    subprocess.run(
        ["protoc", f"-I{PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}",
         f"--plugin=protoc-gen-grpc_python={shutil.which('grpc_python_plugin')}", *protos],
        check=True)
    package = folder / "auditledger" / "v1"
    for empty in package.glob("*_pb2_grpc.py"):  # a file without services gives one all the same
        if not empty.name.endswith("_service_pb2_grpc.py"):
            empty.unlink()
    (package / "__init__.py").write_text('"""Generated from the protos."""\n')
    shutil.copy(PROTO / "auditledger/v1/service_config.json", package)


if __name__ == "__main__":
    generate(sys.argv[1])
