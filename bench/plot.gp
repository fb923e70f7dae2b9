# SPDX-License-Identifier: MIT
# Bars of the leading figures, as ratios to the first allocator; reads bench.dat, writes bench.svg.
#
#     gnuplot plot.gp      in the folder that `shale bench --plot` wrote
stats "bench.dat" using 0 nooutput
rows = STATS_records
columns = STATS_columns
set terminal svg size 260 + 34 * rows, 560 background "white"
set output "bench.svg"
machine = system("sed -n '2s/^# //p' bench.dat")
set title "Ratio to the first allocator, leading figure of each workload (lower is better)\n{/*0.8 " \
    . machine . "}"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set logscale y 2
set grid ytics
set key outside right top
set xtics rotate by -50 noenhanced
set datafile missing "?"
set datafile columnheaders
plot for [i = 2:columns] "bench.dat" using i:xtic(1) title columnheader(i) noenhanced
