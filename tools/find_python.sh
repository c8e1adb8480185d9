#!/bin/sh
# Print the first usable Python on this machine: 3.11 up to 3.<$1>, with venv and ensurepip.
# With a second argument (make PYTHON=...), only that one is checked.
#
# The script runs each candidate, because a shim of a version manager can be on PATH and fail, and because Debian's
# python3 has no ensurepip unless python3-venv is installed.
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
echo "The project needs Python 3.11 to 3.$newest_minor with venv and ensurepip (on Debian: the package python3-venv)." >&2
echo "To select one: make PYTHON=/path/to/python ..." >&2
exit 1
