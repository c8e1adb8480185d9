#!/bin/sh
# Which Python on this machine can carry the project? Prints the first that does: 3.11 up to 3.<$1>, with venv and ensurepip.
# With a second argument (make PYTHON=...) only that one is considered.
#
# A candidate is run, not only looked up: a version manager's shim may stand on PATH and fail, and Debian's python3 lacks
# ensurepip until python3-venv is installed.
newest_minor=$1
candidates=${2:-python3 python3.12 python3.11 python3.13}

for candidate in $candidates; do
    if "$candidate" -c "
import sys
assert (3, 11) <= sys.version_info[:2] <= (3, $newest_minor)
import ensurepip, venv
" >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
echo "No usable Python among: $candidates" >&2
echo "Needed: Python 3.11 to 3.$newest_minor with venv and ensurepip (on Debian: the package python3-venv)." >&2
echo "To name one: make PYTHON=/path/to/python ..." >&2
exit 1
