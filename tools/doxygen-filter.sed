# Turns the comments of the public headers into doxygen's, for docs/Doxyfile.
s|\([A-Za-z]\)@\([A-Z]\)|\1\\@\2|g
2s|^/\* \(.*\)|/** @file\n * \1|
2s|^/\*$|/** @file\n *|
3,$s|^\( *\)/\*$|\1/**|
3,$s|^\( *\)/\* |\1/** |
3,$s|\([^ ].*[;,{]\) */\* \(.*\)$|\1 /**< \2|
s%^ \* \(Threads[a-z /,]*\|Signals\|Fork\|Ownership\|Cost\|Since\|Example\): % *\n * **\1:** %
