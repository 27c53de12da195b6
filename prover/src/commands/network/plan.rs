//! What happens to the hosts of a box of processes, and when.

use super::NetworkArgs;
use super::processes::Playbook;
use sphere_pow_network::scenario::Event;
use sphere_pow_network::training::scenario::AWAY;
use std::time::{Duration, Instant};

/// When something happens to hosts.
pub(super) struct Plan {
    /// (by this height, which host, what).
    by_height: Vec<(u64, usize, Event)>,
    /// Kills that were asked for: (after this report, by so many blocks, which host).
    by_report: Vec<(u64, u64, usize)>,
    /// Hosts that were killed on request, and when they start again: by time, since two that are away may leave too few
    /// for a block.
    returns: Vec<(Instant, usize)>,
    /// How long a host that was killed on request stays away.
    away: Duration,
    height: u64,
    /// When the last new block was heard of.
    moved: Instant,
    /// The longest time between two blocks so far, while no host was away.
    pace: Duration,
    /// Whether a host is cut off.
    is_cut: bool,
    /// Whether a host was killed, or stopped, so far.
    has_killed: bool,
    /// Whether the host that dies in a phase has.
    has_died: bool,
}

/// After so long without a block, a host that the scenario took away comes back before its height: with a third of the
/// power, the others make none without it.
const STALL: Duration = Duration::from_secs(10);
/// The same, in times of the longest that a block took before: on a busy machine blocks are slow with all hosts, too.
const STALL_TIMES: u32 = 4;

impl Plan {
    pub(super) fn new(args: &NetworkArgs, book: &Playbook) -> Self {
        let last = args.hosts - 1;
        let of = |event: &Event| {
            let is_of_all = matches!(event, Event::Part | Event::Heal);
            if is_of_all { book.first_odd..args.hosts } else { last..args.hosts }
        };
        let happens =
            |(height, event): &(u64, Event)| of(event).map(|host| (*height, host, *event)).collect();
        let by_height = book.events.iter().flat_map(|entry| -> Vec<_> { happens(entry) }).collect();
        // Spread over all reports, each a little later after its report than the one before.
        let kill = |kill: u32| {
            (u64::from(kill) % args.sprints, u64::from(5 * (kill + 1) % 24), kill as usize % args.hosts)
        };
        let by_report = (0..args.kills).map(kill).collect();
        let away = Duration::from_millis(args.pause).saturating_mul(3);
        let mut plan = Self {
            by_height,
            by_report,
            returns: Vec::new(),
            away,
            height: 0,
            moved: Instant::now(),
            pace: Duration::ZERO,
            is_cut: false,
            has_killed: false,
            has_died: false,
        };
        plan.reported(0);
        plan
    }

    /// A host has a block of this height.
    pub(super) fn reached(&mut self, height: u64) {
        if height > self.height {
            if self.height > 0 && !self.has_killed && !self.is_cut {
                self.pace = self.pace.max(self.moved.elapsed());
            }
            (self.height, self.moved) = (height, Instant::now());
        }
    }

    /// A report was heard.
    pub(super) fn reported(&mut self, number: u64) {
        let now = self.height;
        let due = self.by_report.extract_if(.., |(after, ..)| *after <= number);
        self.by_height.extend(due.map(|(_, blocks, host)| (now + blocks, host, Event::Kill)));
    }

    /// A host is where it dies, the first time that this is heard of. It is back before a window closes.
    pub(super) fn dies(&mut self, host: usize) {
        if !std::mem::replace(&mut self.has_died, true) {
            self.by_height.push((self.height, host, Event::Kill));
            self.by_height.push((self.height + AWAY, host, Event::Start));
        }
    }

    /// A host has stopped, having refused to go on. It starts again when the scenario says so.
    pub(super) fn stopped(&mut self) {
        self.has_killed = true;
    }

    /// A host was cut off when others had a block of this height, which is not heard of yet on a busy machine. It stays away for
    /// as many blocks as the scenario says, from there on.
    pub(super) fn parted(&mut self, host: usize, height: u64) {
        self.is_cut = true;
        let late = height.saturating_sub(self.height);
        for (at, other, event) in &mut self.by_height {
            if *other == host && *event == Event::Heal {
                *at += late;
            }
        }
    }

    /// A host was killed. One that a scenario kills starts again when the scenario says so.
    pub(super) fn killed(&mut self, host: usize) {
        self.has_killed = true;
        if !self.by_height.iter().any(|(_, other, event)| *other == host && *event == Event::Start) {
            self.returns.push((Instant::now() + self.away, host));
        }
    }

    /// Where the next event is, if it brings back a host that is away.
    fn next_return(&self) -> Option<usize> {
        let places = self
            .by_height
            .iter()
            .enumerate()
            .filter(|(_, (.., event))| !matches!(event, Event::Kill | Event::Fill));
        let (place, (at, _, event)) = places.min_by_key(|(_, (at, ..))| *at)?;
        // One that was not there before is not away.
        let is_back = *event == Event::Heal || (*event == Event::Start && self.has_killed);
        (is_back && *at > self.height).then_some(place)
    }

    /// What is to happen now, in order.
    pub(super) fn due(&mut self) -> Vec<(usize, Event)> {
        let (height, now) = (self.height, Instant::now());
        let mut due: Vec<_> = self.by_height.extract_if(.., |(at, ..)| *at <= height).collect();
        due.sort_by_key(|(at, ..)| *at);
        if self.moved.elapsed() > STALL.max(self.pace * STALL_TIMES)
            && let Some(place) = self.next_return()
        {
            // Hosts that were cut off together come back together.
            let (at, _, event) = self.by_height[place];
            due.extend(self.by_height.extract_if(.., |(of, _, other)| (*of, *other) == (at, event)));
            self.moved = now;
        }
        let returns = self.returns.extract_if(.., |(at, _)| *at <= now).map(|(_, host)| (host, Event::Start));
        due.into_iter().map(|(_, host, event)| (host, event)).chain(returns).collect()
    }
}
