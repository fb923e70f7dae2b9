# SPDX-License-Identifier: MIT
# Associative arrays, splitting and joining of strings in the shell itself.
declare -A count
while read -r -a words; do
    for word in "${words[@]}"; do
        count[${word:0:4}]=$((${count[${word:0:4}]:-0} + 1))
        joined=${word/a/-}:${joined:0:200}
        kept+=("$joined")
    done
done < <(head -n 8000 lines.txt)
[ "${#count[@]}" -gt 1000 ] && [ "${#kept[@]}" -gt 40000 ]
