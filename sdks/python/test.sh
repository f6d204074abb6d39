#!/usr/bin/env bash
# Tests the Python SDK from a clean checkout: installs it with pip into a fresh virtual environment, checks its types, and runs its tests
# against the real server, whose debug build is to be there (`cargo build --locked -p downlink`).
#
# The extension module is built once, in the dev profile and in the workspace's own target directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  printf 'sdks/python/test.sh: %s\n' "$@" >&2
  exit 1
}

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export DOWNLINK_BIN="${DOWNLINK_BIN:-$CARGO_TARGET_DIR/debug/downlink}"
[ -x "$DOWNLINK_BIN" ] || fail "$DOWNLINK_BIN is missing; build it: cargo build --locked -p downlink"
# A shell that is not a login shell may not know where rustup put cargo.
export PATH="$PATH:$HOME/.cargo/bin"

# The first Python that can make environments, for which Debian's needs python3-venv. The package runs from 3.9 on, pytest from 3.10 on.
python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
  if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || fail 'no Python from 3.10 on with venv; on Debian: apt-get install python3-venv'

folder=$CARGO_TARGET_DIR/python
venv=$folder/venv
rm -rf "$venv"
mkdir -p "$folder"
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1
"$venv/bin/pip" install -q -r sdks/python/requirements-test.txt

# What users type, but for the profile: a release build would take minutes, and shows nothing more.
"$venv/bin/pip" install -q ./sdks/python --config-settings=build-args='--profile dev --locked'

cd sdks/python
"$venv/bin/mypy" --cache-dir "$folder/mypy" --strict python/downlink
# What the extension module really has, against its stub.
"$venv/bin/stubtest" downlink._native > "$folder/stubtest.log" || fail "$(cat "$folder/stubtest.log")"
MYPYPATH=tests:.. "$venv/bin/mypy" --cache-dir "$folder/mypy" --strict tests examples

# Pytest's closing line is shown last; what it counts must be no less than what is known to be there.
"$venv/bin/pytest" -p no:cacheprovider -q "$@" </dev/null | tee "$folder/pytest.log"
closing=$(tail -n 1 "$folder/pytest.log")
passed=$(sed -nE 's/^([0-9]+) passed in .*$/\1/p' <<< "$closing")
[ -n "$passed" ] || fail "the tests did not end as they should: $closing"
if [ $# -eq 0 ]; then
  minimum=$(cat tests/minimum)
  [ "$passed" -ge "$minimum" ] || fail "$passed tests ran, and there are at least $minimum"
fi
