#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh NAME FILE OUTPUT: an assembler file that holds FILE's bytes between NAME and NAME_end.
# It carries their checksum, so that a compiler's cache sees when they change.
set -eu
name=$1 file=$2 output=$3
case $file in /*) ;; *) file=$PWD/$file ;; esac
cat >"$output" <<END
/* $(cksum <"$file") */
    .section .rodata
    .globl $name
    .hidden $name
$name:
    .incbin "$file"
    .globl ${name}_end
    .hidden ${name}_end
${name}_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
END
