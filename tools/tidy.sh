#!/bin/sh
# SPDX-License-Identifier: MIT
# tidy.sh BUILD: clang-tidy over every C file, two at a time, with no warning let through.
#
# A file that passed is not looked at again until it, any header, the rules or a build file
# changes: stamps in BUILD/tidy. A C file that no build rule compiles is an error, since nobody would
# notice when it breaks; except the programs that tests compile themselves, and the backends whose
# allocator is not installed.
set -eu
build=$1
stamps=$build/tidy
mkdir -p "$stamps"

git ls-files -z '*.h' .clang-tidy '*meson.build' meson_options.txt | xargs -0 ls -t |
    head -n 1 >"$stamps/newest.txt"
newest=$(cat "$stamps/newest.txt")

# candidates: C files without a valid stamp
candidates() {
    git ls-files '*.c' ':!tests/*/programs/*' | while read -r file; do
        stamp=$stamps/$(printf '%s' "$file" | tr / _).ok
        if [ -e "$stamp" ] && [ -n "$(find "$stamp" -newer "$file" -newer "$newest")" ]; then
            continue
        fi
        printf '%s\n' "$file"
    done
}

if [ "${2-}" = --one ]; then
    file=$3
    if ! grep -q "/$file\"" "$build/compile_commands.json"; then
        case $file in
        src/alloc/backends/*)
            printf '%s: not checked, its allocator is not installed\n' "$file"
            exit 0
            ;;
        esac
        printf '%s: no build rule compiles this file\n' "$file"
        exit 1
    fi
    clang-tidy --quiet -p "$build" "$file" 2>/dev/null || exit 1
    : >"$stamps/$(printf '%s' "$file" | tr / _).ok"
    exit 0
fi
candidates | xargs -r -P 2 -n 1 sh "$0" "$build" --one
