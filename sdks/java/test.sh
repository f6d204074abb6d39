#!/usr/bin/env bash
# Builds the Java client and runs its tests against the real server, whose debug binary must be there (`cargo build -p downlink`).
# Everything that is made goes below the target directory. Fails when fewer tests ran than there are: a runner that finds none succeeds.
set -euo pipefail
cd "$(dirname "$0")"

# Raise it with every test that is added.
tests_min=58

fail() {
  echo "java: $*" >&2
  exit 1
}

for tool in java javac mvn python3; do
  command -v "$tool" > /dev/null || fail "$tool is missing; \`scripts/setup test\` installs it"
done
target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
export DOWNLINK_BIN=${DOWNLINK_BIN:-$target/debug/downlink}
[ -x "$DOWNLINK_BIN" ] || fail "$DOWNLINK_BIN is missing: build it with \`cargo build -p downlink\`"

made=$target/sdk-java
rm -rf "$made/surefire-reports"
mkdir -p "$made"
if ! mvn -B -ntp verify -Dbuild.folder="$made" > "$made/log" 2>&1; then
  cat "$made/log"
  fail 'the build or a test failed, see above'
fi

python3 - "$made/surefire-reports" "$tests_min" <<'PYTHON'
import pathlib, sys, xml.etree.ElementTree as xml

reports, least = pathlib.Path(sys.argv[1]), int(sys.argv[2])
suites = [xml.parse(file).getroot() for file in sorted(reports.glob("TEST-*.xml"))]
count = {what: sum(int(suite.get(what)) for suite in suites) for what in ("tests", "failures", "errors", "skipped")}
print("Tests run: {tests}, Failures: {failures}, Errors: {errors}, Skipped: {skipped}".format(**count))
if count["tests"] < least or count["failures"] or count["errors"] or count["skipped"]:
    sys.exit(f"java: at least {least} tests must run, and all of them pass")
PYTHON
