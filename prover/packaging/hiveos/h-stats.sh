#!/usr/bin/env bash
# Sets khs and stats for HiveOS's agent, which sources this. A hash is a nonce here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
status=$("$here/sphere-pow" top "${SPHERE_POW_ADMIN:-127.0.0.1:8081}" --once --json)
khs=$(jq -r '[.devices[].rates["60s"]] | add // 0 | . / 1000' <<<"$status" 2>/dev/null)
stats=$(jq -c '
  # The bus of 0000:0a:00.0, which is written in hexadecimal, as a number.
  def bus: if . == null then null else split(":")[1] | ascii_downcase | explode
    | reduce .[] as $c (0; . * 16 + (if $c > 57 then $c - 87 else $c - 48 end)) end;
  {
    hs: [.devices[].rates["60s"]],
    hs_units: "hs",
    temp: [.devices[] | .temperatureC // 0 | round],
    fan: [.devices[] | 0],
    uptime: (.uptimeSeconds | floor),
    ver: (.version | split(" ") | last),
    ar: [.totals.acknowledged, .callbacks.givenUp, ([.devices[].nBad] | add // 0)],
    algo: (.stage.profile // "sphere-pow"),
    bus_numbers: [.devices[].pciAddress | bus]
  }' <<<"$status" 2>/dev/null)
# Without an answer there is nothing to say.
[ -n "$khs" ] || khs=0
[ -n "$stats" ] || stats=null
