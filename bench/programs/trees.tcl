# SPDX-License-Identifier: MIT
# Binary trees of lists, made, summed and dropped; and words in an array.
proc grow {depth} {
    if {$depth == 0} {
        return [list leaf]
    }
    incr depth -1
    return [list node [grow $depth] [grow $depth]]
}

proc count {tree} {
    if {[lindex $tree 0] eq "leaf"} {
        return 1
    }
    return [expr {1 + [count [lindex $tree 1]] + [count [lindex $tree 2]]}]
}

for {set round 0} {$round < 8} {incr round} {
    puts [count [grow 15]]
}
for {set i 0} {$i < 200000} {incr i} {
    lappend words([expr {$i * 7919 % 30011}]) "word $i"
}
puts [array size words]
