# SPDX-License-Identifier: MIT
# Trees of blessed hashes that come and go beside one that stays.
use strict;
use warnings;

package Node;

sub new {
    my ($class, $depth) = @_;
    return undef unless $depth;
    return bless { name => "node $depth", left => Node->new($depth - 1),
                   right => Node->new($depth - 1), tags => [1 .. $depth] }, $class;
}

sub count {
    my ($self) = @_;
    return 1 + ($self->{left} ? $self->{left}->count : 0)
             + ($self->{right} ? $self->{right}->count : 0);
}

package main;

my $kept = Node->new(16);
for my $round (1 .. 60) {
    die "wrong count" if Node->new(12)->count != 2**12 - 1;
}
die "wrong count" if $kept->count != 2**16 - 1;
