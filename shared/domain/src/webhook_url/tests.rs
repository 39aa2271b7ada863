use super::WebhookUrlError::{Malformed, NotHttps, NotPublic, UserInfo};
use super::*;

#[test]
fn https_to_a_public_name_or_address_is_taken() {
    for url in [
        "https://hooks.example.com/a?b=c",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com./",
        "https://xn--bcher-kva.example/",
        "https://bücher.example/",
        "https://notlocalhost.example/",
        "https://local.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:8443/x",
    ] {
        assert!(WebhookUrl::parse(url, UrlPolicy::PublicOnly).is_ok(), "{url}");
    }
}

/// URLs that try to lead somewhere else than to a public server, and why each is refused.
const HOSTILE_URLS: [(&str, WebhookUrlError); 72] = [
    // Not a URL, or one without a host.
    ("", Malformed),
    ("hooks.example.com", Malformed),
    ("//hooks.example.com/", Malformed),
    ("https://", Malformed),
    ("https://:443/", Malformed),
    ("https://hooks.example.com:99999/", Malformed),
    ("https://hooks example.com/", Malformed),
    ("https://[::1", Malformed),
    ("https://[fe80::1%25eth0]/", Malformed),
    ("https://256.256.256.256/", Malformed),
    ("https://1.2.3.4.5/", Malformed),
    ("https://0x100000000/", Malformed),
    ("data:text/plain,x", Malformed),
    ("javascript:alert(1)", Malformed),
    // Another scheme.
    ("http://hooks.example.com/", NotHttps),
    ("ftp://hooks.example.com/", NotHttps),
    ("ws://hooks.example.com/", NotHttps),
    ("gopher://hooks.example.com/", NotHttps),
    ("http://169.254.169.254/latest/meta-data/", NotHttps),
    ("http://127.0.0.1/", NotHttps),
    ("file:///etc/passwd", Malformed),
    // User info, also where it makes another host look like ours.
    ("https://user@hooks.example.com/", UserInfo),
    ("https://user:secret@hooks.example.com/", UserInfo),
    ("https://:secret@hooks.example.com/", UserInfo),
    ("https://hooks.example.com@8.8.8.8/", UserInfo),
    ("https://127.0.0.1:80\\@8.8.8.8/", NotPublic),
    // Names that only our own side resolves.
    ("https://localhost/", NotPublic),
    ("https://LOCALHOST/", NotPublic),
    ("https://localhost./", NotPublic),
    ("https://localhost:8443/", NotPublic),
    ("https://foo.localhost/", NotPublic),
    ("https://localhost.localdomain.local/", NotPublic),
    ("https://intranet/", NotPublic),
    ("https://intranet./", NotPublic),
    ("https://printer.local/", NotPublic),
    ("https://metadata.google.internal/", NotPublic),
    ("https://ip-10-0-0-1.ec2.internal/", NotPublic),
    ("https://router.home.arpa/", NotPublic),
    ("https://home.arpa/", NotPublic),
    ("https://hidden.onion/", NotPublic),
    ("https://a.test/", NotPublic),
    ("https://a.invalid/", NotPublic),
    // Full-width letters and digits, dots of other scripts: the same host after IDNA.
    ("https://ｌｏｃａｌｈｏｓｔ/", NotPublic),
    ("https://１２７.０.０.１/", NotPublic),
    ("https://127。0。0。1/", NotPublic),
    // IPv4 as it is not usually written.
    ("https://127.0.0.1/", NotPublic),
    ("https://127.0.0.1./", NotPublic),
    ("https://127.1/", NotPublic),
    ("https://127.0.1/", NotPublic),
    ("https://2130706433/", NotPublic),
    ("https://0x7f000001/", NotPublic),
    ("https://0x7f.1/", NotPublic),
    ("https://0177.0.0.1/", NotPublic),
    ("https://017700000001/", NotPublic),
    ("https://%31%32%37.0.0.1/", NotPublic),
    ("https://0/", NotPublic),
    ("https://0.0.0.0/", NotPublic),
    ("https://0xa9fea9fe/", NotPublic),
    ("https://2852039166/", NotPublic),
    ("https://169.254.169.254/latest/meta-data/", NotPublic),
    ("https://169.254.170.2/v2/credentials", NotPublic),
    ("https://100.100.100.200/", NotPublic),
    ("https://012.1.2.3/", NotPublic),
    // IPv6.
    ("https://[::1]/", NotPublic),
    ("https://[::]/", NotPublic),
    ("https://[0:0:0:0:0:0:0:1]/", NotPublic),
    ("https://[::ffff:127.0.0.1]/", NotPublic),
    ("https://[::ffff:a9fe:a9fe]/", NotPublic),
    ("https://[::127.0.0.1]/", NotPublic),
    ("https://[64:ff9b::a9fe:a9fe]/", NotPublic),
    ("https://[fd00:ec2::254]/", NotPublic),
    ("https://[fe80::1]:8443/", NotPublic),
];

#[test]
fn a_hostile_url_is_refused_for_its_reason() {
    for (url, error) in HOSTILE_URLS {
        assert_eq!(WebhookUrl::parse(url, UrlPolicy::PublicOnly), Err(error), "{url}");
    }
}

#[test]
fn loopback_is_taken_only_where_it_is_allowed() {
    for url in ["http://127.0.0.1:8080/hook", "http://localhost:8080/", "http://[::1]:8080/"] {
        assert!(WebhookUrl::parse(url, UrlPolicy::LoopbackToo).is_ok(), "{url}");
        assert!(WebhookUrl::parse(url, UrlPolicy::PublicOnly).is_err(), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "https://169.254.169.254/",
        "http://hooks.example.com/",
        "http://u@127.0.0.1/",
    ] {
        assert!(WebhookUrl::parse(url, UrlPolicy::LoopbackToo).is_err(), "{url}");
    }
}

/// First, last and one address of every block that is not public: what a resolver may answer.
const HOSTILE_ADDRESSES: [&str; 76] = [
    // This host on this network
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    // private
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    // carrier-grade NAT, a cloud's metadata in it
    "100.64.0.0",
    "100.127.255.255",
    "100.100.100.200",
    // loopback
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    // link-local, metadata of instances and of containers
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    // IETF protocols, documentation, 6to4 relays, benchmarks
    "192.0.0.0",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    // a cloud's platform address
    "168.63.129.16",
    // multicast, reserved, broadcast
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.254",
    "255.255.255.255",
    // unspecified and loopback
    "::",
    "::1",
    // IPv4-compatible
    "::127.0.0.1",
    "::8.8.8.8",
    // IPv4-mapped
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    // IPv4-translated
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    // NAT64, public and local
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::",
    "64:ff9b:1::8.8.8.8",
    // discard
    "100::",
    "100::ffff",
    // Teredo and other protocols, benchmarks, ORCHID
    "2001::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    // documentation
    "2001:db8::",
    "2001:db8:ffff::1",
    "3fff::",
    "3fff:fff::1",
    // 6to4, of private and of public addresses
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    // segment routing
    "5f00::1",
    // unique local, metadata in it
    "fc00::",
    "fd00:ec2::254",
    "fdff:ffff::1",
    // link-local and site-local
    "fe80::1",
    "fec0::1",
    // multicast
    "ff02::1",
    "ff0e::1",
];

#[test]
fn an_address_that_is_not_public_is_never_dialled() {
    for text in HOSTILE_ADDRESSES {
        let address: IpAddr = text.parse().unwrap();
        assert!(!UrlPolicy::PublicOnly.allows(address), "{text}");
        assert_eq!(UrlPolicy::LoopbackToo.allows(address), address.is_loopback(), "{text}");
    }
}

#[test]
fn the_neighbours_of_the_blocks_are_public() {
    for text in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700::1111",
        "3ffe::1",
        "3fff:1000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(UrlPolicy::PublicOnly.allows(text.parse().unwrap()), "{text}");
    }
}
