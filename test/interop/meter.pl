#!/usr/bin/perl
# Reads a download to its end and prints its SHA-256, its bytes, and the longest time without a byte in milliseconds.
# Each second it writes the bytes so far to the file named first.
use strict;
use warnings;
use Digest::SHA;
use Time::HiRes qw(time);

my $file = shift or die "usage: meter.pl FILE\n";
my ($bytes, $longest, $last, $noted) = (0, 0, undef, 0);
my $digest = Digest::SHA->new(256);
while (my $count = sysread STDIN, my $chunk, 65536) {
  my $now = time;
  $longest = $now - $last if defined $last && $now - $last > $longest;
  $last = $now;
  $bytes += $count;
  $digest->add($chunk);
  next if $now - $noted < 1;
  $noted = $now;
  open my $out, '>', $file or die "$file: $!\n";
  print $out $bytes;
}
printf "%s %d %d\n", $digest->hexdigest, $bytes, $longest * 1000;
