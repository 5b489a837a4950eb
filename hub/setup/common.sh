# Sourced by hub/up, tests/run and the scripts of this folder. Sets: root (the checkout).
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

say() { printf 'consilium: %s\n' "$*"; }
die() { printf 'consilium: %s\n' "$*" >&2; exit 1; }

# A quiet step: its output is shown only when it fails.
# quiet LOGFILE COMMAND…
quiet() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 && return
    tail -n 60 "$log" >&2
    return 1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# Runs a command as the owner of the checkout, so that `sudo ./hub/up` leaves no files of root in it.
as_builder() {
    local owner
    owner=$(stat -c %U "$root")
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}
