#!/bin/sh
# Pins every requirements file, with hashes and without addresses: make lock [UPGRADE=--upgrade]
set -e
uv=.local/envs/tools/bin/uv
pin() {
    "$uv" pip compile -q $UPGRADE --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
        --no-emit-index-url "$1.in" -o "$1.txt" $2
}
core=layers/core/requirements
pin requirements/uv
pin requirements/aws
pin requirements/sam
pin "$core"
# A layer holds what the core layer does not: one package in two layers would be two versions of it.
for name in providers parsers; do
    pin "layers/$name/requirements" "-c $core.txt $(cut -d= -f1 "$core.txt" | grep -oE '^[a-z0-9-]+' | sed 's/^/--no-emit-package /' | tr '\n' ' ')"
done
pin requirements/dev "-c $core.txt -c layers/providers/requirements.txt -c layers/parsers/requirements.txt"
