#!/usr/bin/env bash
# Makes serve.toml of the flight sheet, before every start. "Pool URL" is the host that may be called back, as HOST or HOST:PORT, the
# network's API node; "extra config" is further lines of the file (see ../serve.toml), which win over those here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=h-manifest.conf
[ -n "${CUSTOM_CONFIG_FILENAME:-}" ] || . "$here/h-manifest.conf"

line() {
  # A key that the extra lines have is theirs to say.
  grep -Eq "^[[:space:]]*${1//_/[_-]}[[:space:]]*=" <<<"${CUSTOM_USER_CONFIG:-}" || printf '%s = %s\n' "$1" "$2"
}

{
  line listen '"0.0.0.0:8080"'
  line admin_listen '"127.0.0.1:8081"'
  line state_dir "\"$here/state\""
  line backend '"gpu"'
  line log_file "\"$CUSTOM_LOG_BASENAME.log\""
  line log_rotation '"never"'
  [ -z "${CUSTOM_URL:-}" ] || line callback "[\"$CUSTOM_URL\"]"
  printf '%s\n' "${CUSTOM_USER_CONFIG:-}"
} >"$CUSTOM_CONFIG_FILENAME"
