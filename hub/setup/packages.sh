# Debian packages of hub/packages.txt. Sourced after common.sh.

# Prints the packages of the given kinds ("run", "test", "bench") that are missing.
packages_missing() {
    local wanted=() name kind words word
    while read -r name words; do
        words=${words%%#*}
        kind=run
        for word in $words; do
            case $word in
            unless:*) command -v "${word#unless:}" >/dev/null && continue 2 ;;
            *) kind=$word ;;
            esac
        done
        case " $* " in *" $kind "*) wanted+=("$name") ;; esac
    done < <(grep -vE '^[[:space:]]*(#|$)' "$root/hub/packages.txt" | sed 's/#.*//')
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
        awk -v wanted="${wanted[*]}" '$1 == "installed" {have[$2]}
            END {n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i]}'
}

# Installs what is missing. No service starts, now or at the next boot, and PostgreSQL makes no cluster of its own.
packages_install() {
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} = 0 ] && return
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    as_root bash "$root/hub/setup/apt-install" "${missing[@]}" || die "the packages could not be installed"
}
