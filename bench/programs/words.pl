# SPDX-License-Identifier: MIT
# Counts the words of lines.txt, and the lines that each word of three syllables or more stands in.
use strict;
use warnings;

my (%count, %lines);
open my $in, '<', 'lines.txt' or die "lines.txt: $!";
while (my $line = <$in>) {
    for my $word (split ' ', $line) {
        $count{$word}++;
        push @{$lines{$word}}, $. if length $word >= 6;
    }
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
die "too few words" if @top < 10_000;
print join("\n", map { "$_ $count{$_}" } @top), "\n";
