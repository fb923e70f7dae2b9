-- SPDX-License-Identifier: MIT
-- Binary trees that come and go beside one that stays, and strings put together piece by piece.
local function tree(depth)
    if depth == 0 then return {} end
    return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
    return node[1] and 1 + count(node[1]) + count(node[2]) or 1
end

local kept = tree(17)
for _ = 1, 300 do
    assert(count(tree(12)) == 2 ^ 13 - 1)
end
local parts = {}
for i = 1, 400000 do
    parts[i] = "part " .. i .. ";"
end
assert(#table.concat(parts) > 1000000)
assert(count(kept) == 2 ^ 18 - 1)
