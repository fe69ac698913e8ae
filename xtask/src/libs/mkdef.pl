#!/usr/bin/env perl
# Writes a GNU linker version script from a list of OpenSSL's ordinals, to standard output.
# Stands in for the script of this name that trimmed source trees lack; only --ordinals is heeded.
use strict;
use warnings;

my ($list) = map { $ARGV[$_] eq '--ordinals' ? $ARGV[$_ + 1] : () } 0 .. $#ARGV;
die "mkdef.pl: --ordinals FILE is missing\n" unless defined $list;

# Version (with underscores) => names. Names that options left out do no harm: the linker ignores them.
my %names;
open my $lines, '<', $list or die "mkdef.pl: $list: $!\n";
while (my $line = <$lines>) {
    my ($name, undef, $version, $state) = split ' ', $line;
    next unless defined $state && $state =~ /^EXIST:/;
    push @{ $names{$version} }, $name;
}
close $lines;
die "mkdef.pl: no symbol in $list\n" unless %names;

# A number that sorts as text: each part of the version, padded.
sub rank { return join '.', map { sprintf '%05d', $_ } split /_/, $_[0] }

my $before = '';
for my $version (sort { rank($a) cmp rank($b) } keys %names) {
    (my $dotted = $version) =~ tr/_/./;
    my $node = "OPENSSL_$dotted";
    print "$node {\n    global:\n";
    print "        $_;\n" for sort @{ $names{$version} };
    print "    local: *;\n" unless $before;
    print '}', ($before ? " $before" : ''), ";\n\n";
    $before = $node;
}
