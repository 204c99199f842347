#!/usr/bin/env bash
# deps.sh PACKAGE[:COMMAND]...: makes sure that Debian packages are installed, or that COMMAND is there
# from elsewhere; installs the missing ones, as root or through sudo, and says what it does.
set -euo pipefail

missing=()
for wanted in "$@"; do
  package=${wanted%%:*}
  if [ "$package" != "$wanted" ] && command -v "${wanted#*:}" >/dev/null; then continue; fi
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "deps: missing packages: ${missing[*]}; run as root or install sudo" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "deps: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get -o Acquire::Retries=5 update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -o Acquire::Retries=5 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
