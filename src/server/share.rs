//! How much one client may take of what all of them want.

/// How much one client may take, in percent of all that there is.
///
/// The rest is for those who hold nothing, one for each. So one that is alone has nearly all, and whoever holds on to what it has, to do harm, needs as
/// many names as there are left to keep others out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    percent_max: u8,
}

impl Share {
    pub(super) fn new(percent_max: u8) -> Share {
        Share { percent_max: percent_max.min(100) }
    }

    /// Returns how many more one may take who holds `held`, while `free` are left of `all`.
    pub(super) fn room(self, held: usize, free: usize, all: usize) -> usize {
        let kept = all - all.saturating_mul(usize::from(self.percent_max)) / 100;
        let room = free.saturating_sub(kept);
        if held == 0 { room.max(free.min(1)) } else { room }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_is_alone_has_the_share_and_no_more() {
        let room = |held| Share::new(90).room(held, 100 - held, 100);
        assert_eq!((room(0), room(89), room(90)), (90, 1, 0));
        assert_eq!(Share::new(100).room(99, 1, 100), 1);
    }

    #[test]
    fn the_rest_is_for_those_who_hold_nothing_one_for_each() {
        for free in 0..=10 {
            let share = Share::new(90);
            assert_eq!((share.room(1, free, 100), share.room(0, free, 100)), (0, free.min(1)));
        }
    }

    #[test]
    fn fewer_than_the_rest_who_take_all_they_can_leave_room_for_another() {
        for clients in 1..13 {
            let (share, mut held, mut free) = (Share::new(90), vec![0; clients], 128);
            while let Some(one) = (0..clients).find(|&one| 0 < share.room(held[one], free, 128)) {
                held[one] += 1;
                free -= 1;
            }
            assert_eq!(share.room(0, free, 128), 1, "{clients} clients");
        }
    }
}
