#!/usr/bin/env bash
# What CI runs: everything, once.  Prints "N passed, N failed" at its end; fails when anything did.
set -u
cd "$(dirname "$0")/.."

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed_steps=()

step() { # NAME COMMAND...: its output is shown; its "N passed, N failed" line is summed up below
  local name=$1 begin=$SECONDS status
  shift
  echo "== $name: $*"
  "$@" 2>&1 </dev/null | tee "$logs/$name" | sed -E 's/^([0-9]+ passed, [0-9]+ failed)/   \1/'
  status=${PIPESTATUS[0]}
  echo "== $name: $([ "$status" = 0 ] && echo ok || echo FAILED), $((SECONDS - begin)) s"
  [ "$status" = 0 ] || failed_steps+=("$name")
}

run() { /usr/bin/python3 tests/run.py "$@"; }

step test make --no-print-directory -j2 test
step lint run lint
step browser make --no-print-directory test-browser
step demo build/sluice demo --once
step faults tests/faults/test_faults.py --build build

# Unit tests and the quick integration tests once more under ASan and UBSan.
step asan-build make --no-print-directory -j2 SAN=asan all unit-bins conformance-bins
step asan-unit run --build build/asan unit
step asan-conformance run --build build/asan conformance
step asan-integration run --build build/asan --quick integration

# The workers share nothing but snapshot, metrics and log: TSan looks at runs with two of them, with
# reloads, drains and clients that leave.
step tsan-build make --no-print-directory -j2 SAN=tsan all
step tsan-lifecycle run --build build/tsan --quick --only lifecycle integration
step tsan-chaos run --build build/tsan --quick --only chaos integration
step tsan-shadow run --build build/tsan --quick --only shadow integration
step tsan-stages run --build build/tsan --quick --only stages integration

step clang make --no-print-directory -j2 CC=clang B=build/clang all
step growth-build make --no-print-directory -j2 growth-bins
step growth run --build build growth
step valgrind run --build build valgrind
step fuzz-build make --no-print-directory -j2 fuzz-bins
# What random seeds find is no fault of the change that is checked: each run here is the same.
step fuzz run --build build --fuzz-seconds "${FUZZ_SECONDS:-30}" --fuzz-seed 1 fuzz

# From each log the first, or second, number of its lines `N passed, N failed`.
sum() {
  sed -nE "s/^([0-9]+) passed, ([0-9]+) failed.*/\\$1/p" "$logs"/* | awk '{ n += $1 } END { print n + 0 }'
}
passed=$(sum 1)
failed=$(sum 2)
# A step that broke without a count is a failure too.
failed=$((${failed:-0} + ${#failed_steps[@]}))
if [ ${#failed_steps[@]} != 0 ]; then
  # Once more at the end, which may be all that is seen: what failed in them, in at most 60 lines.
  (cd "$logs" && /usr/bin/python3 "$OLDPWD/tests/failures.py" "${failed_steps[@]}")
  echo "failed steps: ${failed_steps[*]}"
fi
echo "${passed:-0} passed, $failed failed"
[ "$failed" = 0 ] && [ "${passed:-0}" -gt 0 ]
