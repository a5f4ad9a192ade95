//! Who is connected, and what each one holds.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The clients that are connected, by address.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<HashMap<IpAddr, Weak<Client>>>>);

/// All that is reached at one address. It is forgotten when nothing of it is left.
#[derive(Debug)]
pub(super) struct Client {
    address: IpAddr,
    all: Clients,
    pub(super) connections: AtomicUsize,
    pub(super) places: Holdings,
}

/// How many places of each kind somebody holds. Whoever changes it has the lock of all places.
#[derive(Debug, Default)]
pub(super) struct Holdings([AtomicUsize; 3]);

impl Clients {
    /// Returns the client at `address`.
    pub(super) fn at(&self, address: IpAddr) -> Arc<Client> {
        let address = network(address);
        let mut clients = self.lock();
        let known = clients.get(&address).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let all = self.clone();
            let (connections, places) = (AtomicUsize::new(0), Holdings::default());
            let client = Arc::new(Client { address, all, connections, places });
            clients.insert(address, Arc::downgrade(&client));
            client
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Weak<Client>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut clients = self.all.lock();
        // Another may have come to its address since it was let go of.
        if clients.get(&self.address).is_some_and(|client| std::ptr::eq(client.as_ptr(), self)) {
            clients.remove(&self.address);
        }
    }
}

impl Holdings {
    pub(super) fn of(&self, kind: usize) -> usize {
        self.0[kind].load(Ordering::Relaxed)
    }

    pub(super) fn take(&self, kind: usize) {
        self.0[kind].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, kind: usize) {
        self.0[kind].fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns what stands for all addresses that one client can have: of IPv6, whoever has one has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_one_client_can_have_are_one_client() {
        let clients = Clients::default();
        let is_one = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|address| clients.at(address.parse().unwrap()));
            Arc::ptr_eq(&a, &b)
        };
        assert!(is_one("192.0.2.1", "192.0.2.1") && is_one("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(is_one("2001:db8::1", "2001:db8::ffff:0:0:2"));
        assert!(!is_one("192.0.2.1", "192.0.2.2") && !is_one("2001:db8::1", "2001:db8:0:1::1"));
    }

    #[test]
    fn a_client_is_forgotten_when_nothing_of_it_is_left() {
        let clients = Clients::default();
        let address = "192.0.2.1".parse().unwrap();
        let first = clients.at(address);
        drop(clients.at(address));
        assert_eq!(clients.lock().len(), 1);
        drop(first);
        assert_eq!(clients.lock().len(), 0);
    }
}
