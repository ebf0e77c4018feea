#!/usr/bin/perl
# A small HTTP server for the traffic tests, in perl because every Debian has it and it starts fast in a guest.
# GET answers with the file named first, GET /N/RATE with N times that at RATE bytes a second; PUT answers with the SHA-256 of the body. Listens on port 8080.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::IP;
use Time::HiRes qw(sleep time);

my $file = shift or die "usage: httpServer.pl FILE\n";
my %where = (LocalPort => 8080, Listen => 16, ReuseAddr => 1);
my $listener = IO::Socket::IP->new(LocalHost => '::', V6Only => 0, %where) // IO::Socket::INET->new(%where)
  or die "port 8080: $!\n";
$SIG{CHLD} = 'IGNORE';
while (my $client = $listener->accept) {
  defined(my $pid = fork) or die "fork: $!\n";
  if ($pid == 0) {
    answer($client);
    exit 0;
  }
  close $client;
}

sub answer {
  my ($client) = @_;
  my ($method, $path) = split ' ', <$client>;
  my $length = 0;
  while (defined(my $line = <$client>)) {
    last if $line =~ /^\r?\n$/;
    $length = $1 if $line =~ /^content-length:\s*(\d+)/i;
  }
  if ($method eq 'PUT') {
    my $digest = receive($client, $length);
    print $client "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", length $digest, "\r\n\r\n", $digest;
  } else {
    my ($times, $rate) = $path =~ m{^/(\d+)/(\d+)$} ? ($1, $2) : (1, 0);
    open my $in, '<:raw', $file or die "$file: $!\n";
    print $client "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", $times * -s $in, "\r\n\r\n";
    my ($sent, $start) = (0, time);
    for (1 .. $times) {
      sysseek $in, 0, 0;
      while (my $count = sysread $in, my $chunk, $rate ? 16384 : 65536) {
        print $client $chunk;
        next if !$rate;
        $sent += $count;
        my $early = $start + $sent / $rate - time;
        sleep $early if $early > 0;
      }
    }
  }
}

sub receive {
  my ($client, $left) = @_;
  my $copy = "/tmp/upload-$$";
  $SIG{CHLD} = 'DEFAULT';
  open my $out, '|-', "sha256sum > $copy" or die "sha256sum: $!\n";
  while ($left > 0 and my $count = read $client, my $chunk, $left < 65536 ? $left : 65536) {
    print $out $chunk;
    $left -= $count;
  }
  close $out;
  open my $in, '<', $copy or die "$copy: $!\n";
  unlink $copy;
  my ($digest) = split ' ', <$in>;
  return $digest;
}
