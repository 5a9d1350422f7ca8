# A PSGI application with a route for each thing that a test looks at.
use strict;
use warnings;
use Digest::SHA;
use Plack::Request;

my %routes = (
    '/echo' => sub {
        my $env = shift;
        my @names = grep { !ref $env->{$_} && !/^psgix?\./ } sort keys %$env;
        return text(200, join '', map { "$_=$env->{$_}\n" } @names);
    },
    '/hash' => sub {
        my $env = shift;
        my ($hash, $length) = (Digest::SHA->new(256), 0);
        while (my $read = $env->{'psgi.input'}->read(my $part, 65536)) {
            $length += $read;
            $hash->add($part);
        }
        return text(200, "$length bytes, " . $hash->hexdigest);
    },
    '/form' => sub {
        my $request = Plack::Request->new(shift);
        my $upload = $request->upload('file');
        my $hash = Digest::SHA->new(256)->addfile($upload->path)->hexdigest;
        return text(200, $request->param('text') . ', ' . $upload->size . " bytes, $hash");
    },
    '/redirect' => sub { [303, ['Location' => '/echo', 'Content-Type' => 'text/plain'], ['gone']] },
    '/cookies' => sub {
        [200, ['Content-Type' => 'text/plain', map { ('Set-Cookie' => "c$_=$_; Path=/") } 1 .. 3], ['set']]
    },
    '/empty' => sub { [204, [], []] },
    '/die' => sub { die "Nobody catches this\n" },
    '/log' => sub {
        my $env = shift;
        $env->{'psgi.errors'}->print("A line for the log\n");
        return text(200, 'logged');
    },
    '/stream' => sub {
        my $env = shift;
        return sub {
            my $writer = shift->([200, ['Content-Type' => 'text/plain']]);
            $writer->write("part $_\n") for 1 .. 3;
            $writer->close;
        };
    },
);

sub text {
    my ($status, $body) = @_;
    return [$status, ['Content-Type' => 'text/plain', 'Content-Length' => length $body], [$body]];
}

sub {
    my $env = shift;
    my ($first) = $env->{PATH_INFO} =~ m{^(/[^/]*)};
    my $route = $routes{$first // ''} or return text(404, "No page $env->{PATH_INFO}\n");
    return $route->($env);
};
