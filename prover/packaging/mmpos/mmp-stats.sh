#!/usr/bin/env bash
# Prints what mmpOS's agent wants to know. A hash is a nonce here; air is accepted, invalid, rejected.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/sphere-pow" top "${SPHERE_POW_ADMIN:-127.0.0.1:8081}" --once --json | jq '
  def bus: if . == null then "cpu" else split(":")[1] | ascii_downcase | explode
    | reduce .[] as $c (0; . * 16 + (if $c > 57 then $c - 87 else $c - 48 end)) end;
  {
    busid: [.devices[].pciAddress | bus],
    hash: [.devices[].rates["60s"]],
    units: "hs",
    air: [.totals.acknowledged, ([.devices[].nBad] | add // 0), .callbacks.givenUp] | map(tostring),
    miner_name: "sphere-pow",
    miner_version: (.version | split(" ") | last)
  }'
