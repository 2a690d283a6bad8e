#!/usr/bin/perl
# Sends frames with an 802.1Q tag out of a network device, as a host does that thinks it is on a VLAN. An AF_PACKET socket
# instead of a VLAN device, because not every kernel has the module 8021q.
#
#   tagged.pl DEVICE VLAN COUNT
use strict;
use warnings;
use Socket;

my ($AF_PACKET, $ETH_P_8021Q, $LOCAL_EXPERIMENTAL) = (17, 0x8100, 0x88b5);
die "tagged.pl DEVICE VLAN COUNT\n" if @ARGV != 3;
my ($device, $vlan, $count) = @ARGV;

sub of_device {
    my ($what) = @_;
    open(my $file, '<', "/sys/class/net/$device/$what") or die "no device $device: $!\n";
    chomp(my $text = <$file>);
    return $text;
}

socket(my $socket, $AF_PACKET, SOCK_RAW, 0) or die "no packet socket: $!\n";
my $mac = pack('H2' x 6, split(/:/, of_device('address')));
my $to = pack('S n l S C C a8', $AF_PACKET, $ETH_P_8021Q, of_device('ifindex'), 0, 0, 6, "\xff" x 6);
my $frame = "\xff" x 6 . $mac . pack('n n n a46', $ETH_P_8021Q, $vlan, $LOCAL_EXPERIMENTAL, 'tagged on purpose');
for (1 .. $count) { send($socket, $frame, 0, $to) or die "$device does not send: $!\n" }
