# SPDX-License-Identifier: MIT
# Counts words and pairs of neighbours of lines.txt.
NR <= 120000 {
    for (i = 1; i <= NF; i++) {
        words[$i]++
        if (i > 1)
            pairs[substr($i, 1, 4) " " substr($(i - 1), 1, 4)]++
    }
}
END {
    for (word in words)
        sum += words[word]
    for (pair in pairs)
        kinds++
    print sum, kinds
}
