#!/usr/bin/perl
# The demo's sFlow collector, in the Perl that every Debian has: it shares no code with the agent it listens to.
#
#   sflow.pl collect PCAP PORTFILE   listens on a free UDP port of 127.0.0.1, writes its number to PORTFILE and each
#                                    datagram to PCAP (raw IPv4, so that tshark can read it) until SIGTERM
#   sflow.pl decode PCAP             counts and prints what is in it (sFlow version 5, sflow.org/sflow_version_5.txt)
use strict;
use warnings;
use Socket;

my $MAX_LINES = 6;

sub collect {
    my ($file, $portfile) = @_;
    socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "no UDP socket: $!\n";
    bind($socket, sockaddr_in(0, INADDR_LOOPBACK)) or die "no UDP port: $!\n";
    my ($port) = sockaddr_in(getsockname($socket));
    open(my $out, '>:raw', $file) or die "$file cannot be written: $!\n";
    select((select($out), $| = 1)[0]);
    # pcap, LINKTYPE_RAW (101): packets begin with their IP header.
    print $out pack('LSSlLLL', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101);
    open(my $told, '>', "$portfile.new") or die "$portfile cannot be written: $!\n";
    print $told "$port\n";
    close($told);
    rename("$portfile.new", $portfile) or die "$portfile cannot be written: $!\n";
    $SIG{TERM} = sub { exit 0 };
    while (defined(my $from = recv($socket, my $datagram, 65535, 0))) {
        my ($source) = sockaddr_in($from);
        my $ip = pack('CCnnnCCna4a4', 0x45, 0, 28 + length $datagram, 0, 0, 64, 17, 0, INADDR_LOOPBACK, INADDR_LOOPBACK);
        my $udp = pack('nnnn', $source, $port, 8 + length $datagram, 0);
        my $packet = $ip . $udp . $datagram;
        print $out pack('LLLL', time, 0, length $packet, length $packet), $packet;
    }
}

# One frame in words: addresses, protocol, VLAN of the tag when there is one.
sub frame {
    my ($bytes) = @_;
    my ($to, $from, $type, $rest) = unpack('H12 H12 n a*', $bytes);
    my $tag = '';
    if ($type == 0x8100) { (my $tci, $type, $rest) = unpack('n n a*', $rest); $tag = ' vlan ' . ($tci & 0xfff) }
    if ($type == 0x0800 && length $rest >= 20) {
        my ($proto, $a, $b) = (unpack('C', substr($rest, 9)), substr($rest, 12, 4), substr($rest, 16, 4));
        my $name = { 1 => 'ICMP', 6 => 'TCP', 17 => 'UDP' }->{$proto} // "protocol $proto";
        return inet_ntoa($a) . ' > ' . inet_ntoa($b) . " $name$tag";
    }
    $_ = join(':', /../g) for $from, $to;
    return sprintf('%s > %s type 0x%04x%s', $from, $to, $type, $tag);
}

sub port { my ($value) = @_; return $value >> 30 == 1 ? 'dropped, reason ' . ($value & 0x3fffffff)
    : $value >> 31 ? ($value & 0x7fffffff) . ' ports' : "port $value" }

sub flow_sample {
    my ($sample) = @_;
    my ($number, $source, $rate, $pool, $drops, $in, $out, $records, $rest) = unpack('N8 a*', $sample);
    for (1 .. $records) {
        my ($format, $length) = unpack('NN', $rest);
        my $record = substr($rest, 8, $length);
        $rest = substr($rest, 8 + $length);
        next if $format != 1;
        my ($protocol, $frame_length, $stripped, $size) = unpack('N4', $record);
        return sprintf('%s -> %s, 1 in %d, %d bytes: %s', port($in), port($out), $rate, $frame_length,
            frame(substr($record, 16, $size)));
    }
    return 'a flow sample without a frame';
}

sub decode {
    my ($file) = @_;
    open(my $in, '<:raw', $file) or die "$file cannot be read: $!\n";
    local $/;
    my $capture = <$in>;
    my ($at, $datagrams, $flows, $counters, @lines) = (24, 0, 0, 0);
    while ($at + 16 <= length $capture) {
        my $size = unpack('L', substr($capture, $at + 8, 4));
        my $datagram = substr($capture, $at + 16 + 28, $size - 28);
        $at += 16 + $size;
        my ($version, $family) = unpack('NN', $datagram);
        die "a datagram of version $version, not 5\n" if $version != 5;
        $datagrams++;
        my $head = $family == 2 ? 24 : 12;
        my ($samples) = unpack('N', substr($datagram, $head + 12, 4));
        my $rest = substr($datagram, $head + 16);
        for (1 .. $samples) {
            my ($format, $length) = unpack('NN', $rest);
            my $sample = substr($rest, 8, $length);
            $rest = substr($rest, 8 + $length);
            if ($format == 1) { $flows++; push @lines, flow_sample($sample) if @lines < $MAX_LINES }
            elsif ($format == 2) { $counters++ }
            else { die "a sample of unknown format $format\n" }
        }
        die length($rest) . " bytes left over at the end of a datagram\n" if length $rest;
    }
    print "$datagrams datagrams: $flows flow samples, $counters counters samples\n", map { "  $_\n" } @lines;
    exit($flows && $counters ? 0 : 1);
}

my ($verb, @files) = @ARGV;
if (($verb // '') eq 'collect' && @files == 2) { collect(@files) }
elsif (($verb // '') eq 'decode' && @files == 1) { decode(@files) }
else { die "sflow.pl collect PCAP PORTFILE, or sflow.pl decode PCAP\n" }
