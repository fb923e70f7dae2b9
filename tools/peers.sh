#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks allocators of newer Debian suites into a cache folder, where `shale run --list` finds
# them. Nothing is installed; apt's own state is not touched.
#
# The mirror is the one that this machine's apt configuration names, and signatures are checked as
# apt always does. A package that needs a newer C library than this machine has is named and
# skipped: it could not be loaded.
#
# Folder: $SHALE_PEERS, else $XDG_CACHE_HOME/shale/peers, else ~/.cache/shale/peers; in it one
# folder PACKAGE_VERSION each.
set -eu

suites="trixie forky sid"
packages="libmimalloc2.0 libmimalloc3 libjemalloc2 libtcmalloc-minimal4 libtcmalloc-minimal4t64
librpmalloc1 libsnmalloc0 libtbbmalloc2"

say() { printf '%s\n' "$*" >&2; }
die() { say "peers: $*"; exit 1; }

command -v apt-get >/dev/null || die "this needs apt; elsewhere put libraries in a folder of your \
own and name it in SHALE_ALLOCATOR_PATH"
# shellcheck disable=SC1091
. /etc/os-release
[ "${ID-}" = debian ] || die "only Debian's suites are known here, and this is ${ID-another system}; \
put libraries in a folder of your own and name it in SHALE_ALLOCATOR_PATH"

if [ -z "${SHALE_PEERS-}" ] && [ -z "${XDG_CACHE_HOME-}" ] && [ -z "${HOME-}" ]; then
    die "no folder to unpack to: set SHALE_PEERS"
fi
cache=${SHALE_PEERS:-${XDG_CACHE_HOME:-${HOME-}/.cache}/shale/peers}
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
apt_dir=$cache/.apt
mkdir -p "$apt_dir/empty" "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/download"
: >"$apt_dir/status"

# The repository of this very release, as apt understands its own configuration. Debian's by its
# label where the lists were fetched before, else the first.
# shellcheck disable=SC2016
mirror() {
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(RELEASE) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' |
        awk -v release="$VERSION_CODENAME" '
            $(NF - 2) == release && $(NF - 1) == "main" {
                if ($1 == "Debian" && $2 == "Debian") { print $NF; found = 1; exit }
                if (!first) first = $NF
            }
            END { if (!found && first) print first }'
}

uri=$(mirror)
[ -n "$uri" ] || die "apt's configuration names no repository for $VERSION_CODENAME main"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || die "cannot find $keyring; try: apt-get install debian-archive-keyring"

apt_with_own_state() {
    program=$1
    shift
    "$program" -q=2 -o APT::Sandbox::User="$(id -un)" \
        -o Dir::State="$apt_dir/state" -o Dir::State::status="$apt_dir/status" \
        -o Dir::Cache="$apt_dir/cache" -o Dir::Etc::sourcelist="$apt_dir/sources.list" \
        -o Dir::Etc::sourceparts="$apt_dir/empty" -o Dir::Etc::preferences="$apt_dir/empty/none" \
        -o Dir::Etc::preferencesparts="$apt_dir/empty" -o Acquire::GzipIndexes=true \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# PACKAGE VERSION LIBC for each package of each suite; LIBC is the oldest glibc that it can do with
found_packages() {
    # shellcheck disable=SC2086
    apt_with_own_state apt-cache show $packages 2>/dev/null |
        awk '
            /^Package: / { package = $2; libc = "any" }
            /^Version: / { version = $2 }
            /^(Pre-)?Depends: .*libc6 \(>= / {
                sub(/.*libc6 \(>= /, ""); sub(/\).*/, ""); libc = $0
            }
            /^$/ { if (package) print package, version, libc; package = "" }
            END { if (package) print package, version, libc }' | sort -u
}

# "installed" when this machine has the package in that very version anyway
is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null)" = "installed $2" ]
}

unpack() {
    package=$1
    version=$2
    folder=$cache/${package}_$version
    rm -f "$apt_dir"/download/*.deb
    (cd "$apt_dir/download" && apt_with_own_state apt-get download "$package=$version") ||
        return 1
    rm -rf "$folder.part"
    dpkg-deb -x "$apt_dir"/download/*.deb "$folder.part"
    mv "$folder.part" "$folder"
    rm -f "$apt_dir"/download/*.deb
}

libc=$(dpkg-query -W -f '${Version}' libc6)
for suite in $suites; do
    [ "$suite" = "$VERSION_CODENAME" ] || echo "deb [signed-by=$keyring] $uri $suite main"
done >"$apt_dir/sources.list"
say "Reading the package lists of $suites ..."
apt_with_own_state apt-get update || die "cannot read the lists; is the mirror reachable?"

found_packages >"$apt_dir/found"
[ -s "$apt_dir/found" ] || die "the suites hold none of: $packages"

failed=0
while read -r package version needs; do
    if [ -d "$cache/${package}_$version" ]; then
        say "$package $version: here already"
    elif is_installed "$package" "$version"; then
        say "$package $version: installed on this machine"
    elif [ "$needs" != any ] && dpkg --compare-versions "$needs" gt "$libc"; then
        say "$package $version: skipped, it needs glibc $needs and this machine has ${libc%%-*}"
    elif unpack "$package" "$version"; then
        say "$package $version: unpacked"
    else
        say "$package $version: cannot be fetched"
        failed=1
    fi
done <"$apt_dir/found"
say "The folder is $cache; 'shale run --list' shows what it holds."
exit $failed
