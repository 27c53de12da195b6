#!/usr/bin/env bash
# Runs the service as serve.toml says. Its end, exit code 7 too, has HiveOS start it again.
cd "$(dirname "$0")" || exit 1
# shellcheck source=h-manifest.conf
. ./h-manifest.conf
mkdir -p "$(dirname "$CUSTOM_LOG_BASENAME")"
exec ./sphere-pow serve --config "$CUSTOM_CONFIG_FILENAME"
