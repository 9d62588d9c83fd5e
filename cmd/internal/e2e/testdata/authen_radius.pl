# A guest's visit through Authen::Radius, which checks the Response Authenticator and the
# Message-Authenticator of every reply. No dictionary: attributes go by number.
#
# usage: authen_radius.pl AUTH-PORT ACCT-PORT SECRET
use strict;
use warnings;
use Authen::Radius;

my ($auth, $acct, $secret) = @ARGV;
my %names = (ACCESS_ACCEPT, 'accept', ACCESS_REJECT, 'reject', ACCOUNTING_RESPONSE, 'acknowledged');

sub play {
	my ($step, $port, $type, @attributes) = @_;
	my $r = Authen::Radius->new(Host => "127.0.0.1:$port", Secret => $secret, TimeOut => 10, Rfc3579MessageAuth => $type == ACCESS_REQUEST)
		or die 'cannot open a socket: ' . Authen::Radius->get_error();
	$r->add_attributes(
		{ Name => 30, Type => 'string', Value => '00-27-22-AA-00-10:Guest WiFi' },
		{ Name => 32, Type => 'string', Value => 'authen-radius' },
		@attributes,
	);
	$r->send_packet($type) or die "$step: cannot send: " . $r->strerror();
	my $code = $r->recv_packet();
	if (!defined $code) {
		print "$step: " . $r->strerror() . "\n";
		return;
	}
	my ($message) = map { $_->{RawValue} } grep { $_->{Code} == 18 } $r->get_attributes();
	print "$step: ", $names{$code} // $code, (defined $message ? " $message" : ''), "\n";
}

my @anna = ({ Name => 1, Type => 'string', Value => 'anna' }, { Name => 31, Type => 'string', Value => '80:41:00:00:02:01' });
play('pap', $auth, ACCESS_REQUEST, @anna, { Name => 2, Type => 'string', Value => 'portal-pass' });
play('mac', $auth, ACCESS_REQUEST,
	{ Name => 1, Type => 'string', Value => '8041.0000.0202' },
	{ Name => 2, Type => 'string', Value => '8041.0000.0202' },
	{ Name => 31, Type => 'string', Value => '80-41-00-00-02-02' });
my %status = (start => 1, interim => 3, stop => 2);
for my $step (qw(start interim stop)) {
	play($step, $acct, ACCOUNTING_REQUEST, @anna,
		{ Name => 40, Type => 'integer', Value => $status{$step} },
		{ Name => 44, Type => 'string', Value => 'perl-1' });
}
