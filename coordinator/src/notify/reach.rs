//! Which machines a coordinator may send messages to.
//!
//! Whoever may create a study names an address, and the coordinator sends something there. So it could be made to talk to
//! what only it reaches. It says no more of an answer than the status, but even that may be too much.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which machines messages may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// All, this one too.
    Any,
    /// All but this one and what has an address of its link alone, as clouds' services that give out keys do.
    #[default]
    Network,
    /// Those of the public internet alone.
    Public,
    /// None: no messages are sent.
    Off,
}

/// Where clouds' services are that give out keys, beside 169.254.0.0/16: Alibaba's, Oracle's, Amazon's.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Reach {
    /// All words of the command line for it, with their meaning.
    pub const ALL: [(&str, Self); 4] = [
        ("any", Self::Any),
        ("network", Self::Network),
        ("public", Self::Public),
        ("off", Self::Off),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }

    /// Whether messages may go to this address.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        let address = embedded(address);
        match self {
            Self::Any => true,
            Self::Network => !is_own(address),
            Self::Public => !is_own(address) && !is_private(address),
            Self::Off => false,
        }
    }
}

/// The address of version 4 that one of version 6 stands for, if it does.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let translated = match v6.segments() {
        // NAT64, and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        // Without a prefix, as was done long ago; but neither `::` nor `::1`.
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => Some((high, low)),
        _ => None,
    };
    match translated {
        Some((high, low)) => Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into(),
        None => address.to_canonical(),
    }
}

/// Addresses of this machine, of its link, of many, and of clouds' own services.
fn is_own(address: IpAddr) -> bool {
    let is_odd = match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0 || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local(),
    };
    is_odd || address.is_multicast() || METADATA.contains(&address)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_shared = a == 100 && b & 0xc0 == 64;
            let is_special = (a, b, c) == (192, 0, 0) || a == 198 && b & 0xfe == 18 || a >= 240;
            v4.is_private() || v4.is_documentation() || is_shared || is_special
        }
        // Unique local, site local (which is no more), and what is for documentation.
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6.is_unique_local()
                || first & 0xffc0 == 0xfec0
                || v6.segments()[..2] == [0x2001, 0xdb8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(reach: Reach, addresses: &[&str]) -> Vec<bool> {
        let address = |text: &&str| text.parse().expect("an address");
        addresses.iter().map(|text| reach.allows(address(text))).collect()
    }

    #[test]
    fn what_may_be_reached_is_what_the_word_says() {
        let own = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "255.255.255.255",
            "224.0.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::7f00:1",
        ];
        let near = [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.2",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "240.0.0.1",
            "203.0.113.1",
            "fd12::1",
            "fc00::1",
            "fec0::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ];
        let far = [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ];
        for (reach, wanted) in [
            (Reach::Any, [true, true, true]),
            (Reach::Network, [false, true, true]),
            (Reach::Public, [false, false, true]),
            (Reach::Off, [false, false, false]),
        ] {
            for (addresses, is_reached) in [&own[..], &near, &far].into_iter().zip(wanted) {
                let found = reached(reach, addresses);
                assert_eq!(found, vec![is_reached; addresses.len()], "{reach:?} {addresses:?}");
            }
        }
    }
}
