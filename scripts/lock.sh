#!/bin/sh
# Pins every requirements file, with hashes and without addresses: make lock [UPGRADE=--upgrade]
set -e
uv=.local/envs/tools/bin/uv
pin() {
    "$uv" pip compile -q $UPGRADE --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
        --no-emit-index-url "$1.in" -o "$1.txt" $2
}
core=layers/core/requirements
models=layers/models/requirements
pin requirements/uv
pin requirements/aws
pin requirements/sam
pin "$core"
# A layer holds nothing the core layer holds. What models and vectors share has one version: a function may have both.
without=$(grep -oE '^[a-z0-9-]+' "$core.txt" | sed 's/^/--no-emit-package /' | tr '\n' ' ')
pin "$models" "-c $core.txt $without"
pin layers/vectors/requirements "-c $core.txt -c $models.txt $without"
pin layers/mcp/requirements "-c $core.txt -c $models.txt -c layers/vectors/requirements.txt $without"
pin layers/parsers/requirements "-c $core.txt $without"
pin layers/ocr/requirements "-c $core.txt $without"
pin requirements/dev "-c $core.txt -c $models.txt -c layers/vectors/requirements.txt -c layers/mcp/requirements.txt -c layers/parsers/requirements.txt -c layers/ocr/requirements.txt"
pin requirements/peers "-c $core.txt -c $models.txt"
