"""Which addresses an agent may reach: only names, only those allowed, and nothing that is not public."""

import pytest

from quadrille.act.addresses import Target, is_public
from quadrille.errors import Invalid

HOSTS = ["docs.example.com", "*.example.org"]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://docs.example.com", Target("https", "docs.example.com", 443, "/")),
        ("HTTP://Docs.Example.COM:80/a%20b?q=1#end", Target("http", "docs.example.com", 80, "/a%20b?q=1")),
        ("https://a.b.example.org:80/", Target("https", "a.b.example.org", 80, "/")),
        ("https://xn--bcher-kva.example.org/", Target("https", "xn--bcher-kva.example.org", 443, "/")),
    ],
)
def test_a_plain_name_on_the_list_is_a_target(url, target):
    assert Target.of(url, HOSTS) == target


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "https://example.com/",
        "https://evil.com/",
        "https://docs.example.com.evil.com/",
        "https://evildocs.example.com/",
        "https://notexample.org/",
        "https://docs.example.com@evil.com/",
        "https://evil.com@docs.example.com/",
        "https://user:secret@docs.example.com/",
        "https://docs.example.com./",
        "https://docs.example.com:22/",
        "https://docs.example.com:8080/",
        "https://docs.example.com:0/",
        "https://docs.example.com:99999/",
        "https://docs.example.com:４４３/",
        "https://docs.example.com:+443/",
        "https://docs.example.com\\@evil.com/",
        "https:\\\\docs.example.com/",
        "https://docs.example.com\t/",
        "https://docs.example.com/\r\nHost: evil.com",
        "https://docs.example.com/ä",
        "https://docs.example.com/ x",
        " https://docs.example.com/",
        "https://docs%2eexample.com/",
        "https://ｄocs.example.com/",
        "https://docs。example.com/",
        "https://..example.org/",
        "https://-a.example.org/",
        "https:docs.example.com",
        "https:///docs.example.com/",
        "//docs.example.com/",
        "docs.example.com",
        "file:///etc/passwd",
        "gopher://docs.example.com/",
        "ftp://docs.example.com/",
        "javascript:alert(1)",
        "data:text/plain,hi",
        "",
        "https://docs.example.com/" + "x" * 2_000,
        "http://[docs.example.com]/",
        "http://[::1",
    ],
)
def test_everything_else_is_refused(url):
    with pytest.raises(Invalid, match=r"^url: "):
        Target.of(url, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "169.254.169.254",
        "8.8.8.8",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0.0.0x1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "1.2.3.0x4",
        "①②⑦.⓪.⓪.①",
        "١٢٧.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fd00:ec2::254]",
        "[fe80::1%25eth0]",
        "localhost",
        "metadata",
        "",
    ],
)
def test_no_number_is_a_host_even_if_it_is_on_the_list(host):
    with pytest.raises(Invalid, match=r"^url: "):
        Target.of(f"http://{host}/", [*HOSTS, host, host.strip("[]"), "*.0.1", "*.1"])


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_what_is_public_may_be_reached(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::127.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001:0:a9fe:a9fe::",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_what_is_not_public_may_not_be_reached(address):
    assert not is_public(address)
