//! What is to be told, to whom, and when: the whole state of the sender, without clock, sockets or store. Pure.
//!
//! There is one thread per command that has something to tell. Its lines are told strictly in order, one at a time (R5.1). A thread
//! stays until what was told is on disk and its lane knows of it: until then a change of the command could bring its older entries
//! once more.
//!
//! ```text
//!   offered ─► waiting ─► under way ─► told: the next line waits, or nothing does ─► kept ─► forgotten
//!                 ▲           │
//!                 └─ backoff ─┤
//!                             └─► 24 h after the entry: dead, with every later line of the command ─► kept ─► forgotten
//! ```
//!
//! Conservation: owed = told + dead + waiting, where what is under way counts as waiting.
//!
//! # One endpoint never delays another (R5.3)
//!
//! Nothing that an endpoint needs can be used up by others. Every endpoint that something waits for has a slot of its own, so a call to it
//! begins as soon as it is due and the one before is over. What all share are the further slots, `extra_max` of them; they are only had
//! by endpoints that answer within two seconds ([`endpoint`](super::endpoint)), so each comes back soon, and those who wait for one are
//! served in turn. An application can have at most `endpoints_max` endpoints, so that the slots, too, are bounded; and what it leaves
//! waiting at one of them counts against the bound of that application alone.

mod rules;
#[cfg(test)]
mod tests;
mod thread;

pub use rules::{Counts, Rules};
pub(super) use thread::Keeping;

use super::endpoint::{Bounds, Endpoint, Turned};
use super::letter::{Letter, Line};
use delivery::{AppKey, Command, CommandId, Moment};
use rules::backoff;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use store::DeadCallback;
use thread::{GIVEN_UP, Phase, Thread, lines};

/// Everything that waits, is under way, or is not yet kept.
pub(super) struct Queue {
    rules: Rules,
    threads: HashMap<CommandId, Thread>,
    endpoints: HashMap<u32, Endpoint>,
    names: HashMap<Arc<str>, u32>,
    /// When endpoints can be called next.
    agenda: BTreeSet<(Moment, u32)>,
    /// The place of each endpoint in the agenda.
    planned: HashMap<u32, Moment>,
    /// Endpoints that wait for a shared slot, in turn; those that do not any more are passed over.
    starved: VecDeque<u32>,
    under_way: u32,
    extra_used: u32,
    /// When threads are given up.
    deadlines: BTreeSet<(Moment, CommandId)>,
    applications: HashMap<AppKey, Shares>,
    /// Threads of which something is to be written.
    unkept: HashSet<CommandId>,
    /// Marks that were taken and are not kept yet.
    keeping: usize,
    /// While what was owed before the start is read, nothing is forgotten: it could be read once more.
    loading: bool,
    held: Vec<CommandId>,
    next_ticket: u64,
    next_endpoint: u32,
    counts: Counts,
    turned: Vec<(Arc<str>, Turned)>,
}

/// What an application uses of what is bounded.
#[derive(Default)]
struct Shares {
    waiting: usize,
    endpoints: HashMap<u32, usize>,
}

/// A callback that is to be sent now.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) letter: Arc<Letter>,
    pub(super) line: Line,
}

impl Queue {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            threads: HashMap::new(),
            endpoints: HashMap::new(),
            names: HashMap::new(),
            agenda: BTreeSet::new(),
            planned: HashMap::new(),
            starved: VecDeque::new(),
            under_way: 0,
            extra_used: 0,
            deadlines: BTreeSet::new(),
            applications: HashMap::new(),
            unkept: HashSet::new(),
            keeping: 0,
            loading: true,
            held: Vec::new(),
            next_ticket: 0,
            next_endpoint: 0,
            counts: Counts::default(),
            turned: Vec::new(),
        }
    }

    /// Takes on what a committed change of a command owes; `entries_before` of its history stood before the change.
    pub(super) fn offer(&mut self, command: &Command, entries_before: usize, now: Moment) {
        if !command.callback {
            return;
        }
        let wording = self.rules.wording;
        if let Some(thread) = self.threads.get_mut(&command.id) {
            let seen = usize::try_from(thread.seen).unwrap_or(usize::MAX);
            let fresh = lines(&thread.letter, command, seen, wording);
            thread.note(command);
            let is_dead = thread.is_dead();
            self.counts.take_on(fresh.len(), is_dead);
            if !is_dead {
                thread.lines.extend(fresh);
                if thread.lines.is_empty() {
                    self.unkept.insert(command.id);
                }
                self.rouse(command.id, now);
            }
        } else if command.told == GIVEN_UP {
            // Given up before: whatever follows is dead too, and a replay will tell it (R5.2).
            let fresh = lines(&Letter::of(command), command, entries_before, wording);
            self.counts.take_on(fresh.len(), true);
        } else if command.owed().next().is_some() {
            let not_before = now + self.rules.probe_after;
            let thread = Thread::new(command, command.told, None, (wording, not_before));
            self.begin(thread, now);
        }
    }

    /// Takes on a command whose callbacks were given up and are to be told after all.
    pub(super) fn replay(&mut self, command: &Command, row: DeadCallback, now: Moment) {
        if let Some(thread) = self.threads.get(&command.id) {
            if !thread.is_dead() {
                return;
            }
            self.remove(command.id);
        }
        let not_before = (row.since + self.rules.give_up_after).max(now + self.rules.probe_after);
        let (from, wording) = (row.from, self.rules.wording);
        let thread = Thread::new(command, from, Some(row), (wording, not_before));
        let endpoint = thread.letter.target.as_ref().ok();
        let endpoint = endpoint.and_then(|target| self.names.get(&target.endpoint).copied());
        self.begin(thread, now);
        if let Some(id) = endpoint {
            if let Some(endpoint) = self.endpoints.get_mut(&id) {
                endpoint.probe_now(now);
            }
            self.plan(id);
        }
    }

    /// Whether there is room for one more command of `app`.
    pub(super) fn has_room(&self, app: AppKey) -> bool {
        let shares = self.applications.get(&app);
        shares.is_none_or(|shares| shares.waiting < self.rules.waiting_max)
    }

    /// Everything that was owed at the start is here.
    pub(super) fn loaded(&mut self) {
        self.loading = false;
        for command in std::mem::take(&mut self.held) {
            self.forget(command);
        }
    }

    /// Takes what is to be sent at `now`, and gives up what is too old.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Job> {
        while let Some((at, command)) = self.deadlines.first().copied()
            && at <= now
        {
            self.give_up_waiting(command, now);
        }
        let mut jobs = Vec::new();
        for _ in 0..self.starved.len() {
            if self.extra_used >= self.rules.extra_max {
                break;
            }
            let starved = self.starved.pop_front();
            let endpoint = starved.and_then(|at| self.endpoints.get_mut(&at));
            if let (Some(at), Some(endpoint)) = (starved, endpoint)
                && std::mem::take(&mut endpoint.starved)
            {
                self.fill(at, now, &mut jobs);
            }
        }
        while let Some((at, id)) = self.agenda.first().copied()
            && at <= now
        {
            self.fill(id, now, &mut jobs);
        }
        jobs
    }

    /// Takes in what became of a callback: how long the answer took, or why it failed.
    pub(super) fn done(&mut self, id: CommandId, outcome: Result<Duration, String>, now: Moment) {
        let bounds = self.bounds();
        let Some(thread) = self.threads.get_mut(&id) else {
            return;
        };
        let (Phase::UnderWay { dies_at }, Some(at)) = (&thread.phase, thread.endpoint) else {
            return;
        };
        let (dies_at, endpoint) = (*dies_at, self.endpoints.get_mut(&at));
        let endpoint = endpoint.expect("an endpoint stays while a thread uses it");
        thread.phase = Phase::Quiet;
        self.under_way -= 1;
        if endpoint.under_way > 1 {
            self.extra_used -= 1;
        }
        let turned = match &outcome {
            Ok(took) => endpoint.succeeded(*took, bounds, now),
            Err(why) => endpoint.failed(why.clone(), bounds, now),
        };
        self.turned
            .extend(turned.map(|turned| (endpoint.name.clone(), turned)));
        match outcome {
            Ok(_) => {
                thread.lines.pop_front();
                thread.attempts = 0;
                self.counts.told += 1;
                self.counts.waiting -= 1;
                self.unkept.insert(id);
                self.weigh(id);
                self.rouse(id, now);
            }
            Err(why) => {
                self.counts.failed += 1;
                thread.attempts = thread.attempts.saturating_add(1);
                if dies_at <= now {
                    self.give_up(id, why, now);
                } else {
                    let wait = backoff(&self.rules, id, thread.attempts);
                    self.wait(id, now + wait);
                }
            }
        }
        self.plan(at);
    }

    /// The next moment at which something is to be done though nothing happens; not later than now if something is due.
    pub(super) fn next(&self) -> Option<Moment> {
        let call = self.agenda.first().map(|(at, _)| *at);
        let death = self.deadlines.first().map(|(at, _)| *at);
        let can_share = !self.starved.is_empty() && self.extra_used < self.rules.extra_max;
        let share = can_share.then(Moment::default);
        [call, death, share].into_iter().flatten().min()
    }

    /// Whether nothing is under way, and everything is kept.
    pub(super) fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.unkept.is_empty() && self.keeping == 0 && !self.loading
    }

    /// Whether something is to be written.
    pub(super) fn has_unkept(&self) -> bool {
        !self.unkept.is_empty()
    }

    /// Takes everything that is to be written.
    pub(super) fn take_unkept(&mut self) -> Vec<Keeping> {
        let mut keepings = Vec::with_capacity(self.unkept.len());
        for id in self.unkept.drain() {
            keepings.extend(self.threads.get_mut(&id).map(Thread::keep));
        }
        self.keeping += keepings.len();
        keepings
    }

    /// Something is on disk, and the lane knows of it if it has to.
    pub(super) fn kept(&mut self, command: CommandId) {
        if let Some(thread) = self.threads.get_mut(&command)
            && thread.keeping > 0
        {
            thread.keeping -= 1;
            self.keeping -= 1;
        }
        self.forget(command);
    }

    /// Whether what was owed before the start is still being read.
    pub(super) const fn is_loading(&self) -> bool {
        self.loading
    }

    /// Totals since the start of the process.
    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes the endpoints that went down or came back since the last look.
    pub(super) fn take_turned(&mut self) -> Vec<(Arc<str>, Turned)> {
        std::mem::take(&mut self.turned)
    }

    /// Every endpoint that something has to do with.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.values()
    }

    const fn bounds(&self) -> Bounds {
        Bounds {
            failures_max: self.rules.failures_max,
            probe_after: self.rules.probe_after,
            slots_max: self.rules.slots_max,
        }
    }

    /// Takes a new thread in.
    fn begin(&mut self, thread: Thread, now: Moment) {
        let id = thread.letter.id;
        self.counts.take_on(thread.lines.len(), false);
        if thread.lines.is_empty() {
            self.unkept.insert(id);
        }
        self.threads.insert(id, thread);
        self.rouse(id, now);
    }

    /// Lets the first line of a quiet thread wait for its turn, if there is one; or gives it up if it may not wait.
    fn rouse(&mut self, id: CommandId, now: Moment) {
        let Some(thread) = self.threads.get(&id) else {
            return;
        };
        if thread.lines.is_empty() || thread.phase != Phase::Quiet {
            return;
        }
        let name = match &thread.letter.target {
            Ok(target) => target.endpoint.clone(),
            Err(why) => {
                let why = why.to_string();
                return self.give_up(id, why, now);
            }
        };
        let is_new = !thread.counted && thread.replay.is_none();
        if let Some(why) = self.refusal(thread.letter.app, &name).filter(|_| is_new) {
            return self.give_up(id, why, now);
        }
        if thread.endpoint.is_none() {
            let at = self.endpoint(&name);
            if let Some(thread) = self.threads.get_mut(&id) {
                thread.endpoint = Some(at);
            }
        }
        self.weigh(id);
        self.wait(id, now);
    }

    /// Why an application may not leave one more command here.
    fn refusal(&self, app: AppKey, endpoint: &Arc<str>) -> Option<String> {
        let shares = self.applications.get(&app)?;
        let Rules {
            waiting_max,
            endpoints_max,
            ..
        } = self.rules;
        if shares.waiting >= waiting_max {
            return Some(format!(
                "refused: callbacks of {waiting_max} commands of the application wait already"
            ));
        }
        let known = self.names.get(endpoint);
        let is_new = known.is_none_or(|id| !shares.endpoints.contains_key(id));
        (is_new && shares.endpoints.len() >= endpoints_max).then(|| {
            format!(
                "refused: callbacks of the application wait for {endpoints_max} endpoints already"
            )
        })
    }

    /// The endpoint of this name, with one more thread that uses it.
    fn endpoint(&mut self, name: &Arc<str>) -> u32 {
        let known = self.names.get(name).copied();
        let id = known.unwrap_or_else(|| {
            let id = self.next_endpoint;
            self.next_endpoint += 1;
            self.names.insert(name.clone(), id);
            self.endpoints.insert(id, Endpoint::new(name.clone()));
            id
        });
        if let Some(endpoint) = self.endpoints.get_mut(&id) {
            endpoint.users += 1;
        }
        id
    }

    /// Counts a thread against its application's bound while it has anything to tell.
    fn weigh(&mut self, id: CommandId) {
        let Some(thread) = self.threads.get_mut(&id) else {
            return;
        };
        let (weighs, Some(endpoint)) = (!thread.lines.is_empty(), thread.endpoint) else {
            return;
        };
        if thread.counted == weighs {
            return;
        }
        thread.counted = weighs;
        let app = thread.letter.app;
        let shares = self.applications.entry(app).or_default();
        if weighs {
            shares.waiting += 1;
            *shares.endpoints.entry(endpoint).or_default() += 1;
            return;
        }
        shares.waiting -= 1;
        let left = shares.endpoints.entry(endpoint).or_default();
        *left = left.saturating_sub(1);
        if *left == 0 {
            shares.endpoints.remove(&endpoint);
        }
        if shares.waiting == 0 {
            self.applications.remove(&app);
        }
    }

    fn wait(&mut self, id: CommandId, due: Moment) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let Some(thread) = self.threads.get_mut(&id) else {
            return;
        };
        let (Some(line), Some(at)) = (thread.lines.front(), thread.endpoint) else {
            return;
        };
        let dies_at = (line.entry.at + self.rules.give_up_after).max(thread.not_before);
        thread.phase = Phase::Waiting {
            due,
            ticket,
            dies_at,
        };
        self.deadlines.insert((dies_at, id));
        if let Some(endpoint) = self.endpoints.get_mut(&at) {
            endpoint.wait(due, ticket, id);
        }
        self.plan(at);
    }

    /// Starts as many calls to an endpoint as it may have.
    fn fill(&mut self, at: u32, now: Moment, jobs: &mut Vec<Job>) {
        while let Some(endpoint) = self.endpoints.get_mut(&at) {
            let is_extra = endpoint.needs_extra();
            if is_extra && self.extra_used >= self.rules.extra_max {
                let is_due = endpoint.next().is_some_and(|next| next <= now);
                if is_due && !std::mem::replace(&mut endpoint.starved, true) {
                    self.starved.push_back(at);
                }
                break;
            }
            let Some(id) = endpoint.take(now) else { break };
            self.under_way += 1;
            self.extra_used += u32::from(is_extra);
            let thread = self.threads.get_mut(&id);
            let thread = thread.expect("what waits at an endpoint is a thread");
            let Phase::Waiting { dies_at, .. } = thread.phase else {
                unreachable!("what waits at an endpoint waits")
            };
            thread.phase = Phase::UnderWay { dies_at };
            self.deadlines.remove(&(dies_at, id));
            let line = thread.lines.front().cloned();
            jobs.push(Job {
                letter: thread.letter.clone(),
                line: line.expect("a thread waits with a line"),
            });
        }
        self.plan(at);
    }

    /// Puts an endpoint where it belongs in the agenda; one that waits for a shared slot belongs nowhere.
    fn plan(&mut self, at: u32) {
        let next = self.endpoints.get_mut(&at).and_then(|endpoint| {
            // Its own slot is free again: it has not to wait for one of the others.
            endpoint.starved &= endpoint.needs_extra();
            endpoint.next().filter(|_| !endpoint.starved)
        });
        let planned = self.planned.get(&at).copied();
        if planned == next {
            return;
        }
        if let Some(planned) = planned {
            self.agenda.remove(&(planned, at));
            self.planned.remove(&at);
        }
        if let Some(next) = next {
            self.agenda.insert((next, at));
            self.planned.insert(at, next);
        }
    }

    fn give_up_waiting(&mut self, id: CommandId, now: Moment) {
        let endpoint = self.threads.get(&id).and_then(|thread| thread.endpoint);
        let endpoint = endpoint.and_then(|at| self.endpoints.get(&at));
        let failure = endpoint.and_then(|endpoint| endpoint.last_failure.as_ref());
        let why = failure.map_or_else(|| "it waited too long".to_owned(), |(_, why)| why.clone());
        self.give_up(id, why, now);
    }

    /// Gives a thread up: its first line, and every later one (R5.2).
    fn give_up(&mut self, id: CommandId, reason: String, now: Moment) {
        self.stop_waiting(id);
        let Some(thread) = self.threads.get_mut(&id) else {
            return;
        };
        let lines = u64::try_from(thread.lines.len()).unwrap_or_default();
        self.counts.dead += lines;
        self.counts.waiting -= lines;
        let target = thread.letter.target.as_ref().ok();
        let row = DeadCallback {
            command: id,
            app: thread.letter.app,
            from: thread.lines.front().map_or(thread.seen, |line| line.place),
            endpoint: target.map_or_else(String::new, |target| target.endpoint.to_string()),
            since: now,
            attempts: thread.attempts,
            reason,
            replaying: false,
        };
        thread.lines.clear();
        thread.phase = Phase::Dead(Box::new(row));
        self.unkept.insert(id);
        self.weigh(id);
        self.let_go(id);
    }

    /// Takes a thread out of its endpoint's queue and out of the deadlines.
    fn stop_waiting(&mut self, id: CommandId) {
        let Some(thread) = self.threads.get(&id) else {
            return;
        };
        let Phase::Waiting {
            due,
            ticket,
            dies_at,
        } = thread.phase
        else {
            return;
        };
        self.deadlines.remove(&(dies_at, id));
        if let Some(at) = thread.endpoint {
            if let Some(endpoint) = self.endpoints.get_mut(&at) {
                endpoint.leave(due, ticket);
            }
            self.plan(at);
        }
    }

    /// Forgets a thread of which nothing more comes, once everything of it is kept.
    fn forget(&mut self, id: CommandId) {
        let Some(thread) = self.threads.get(&id) else {
            return;
        };
        if !thread.is_over() || thread.keeping > 0 || self.unkept.contains(&id) {
            return;
        }
        if self.loading {
            self.held.push(id);
        } else {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: CommandId) {
        self.let_go(id);
        if let Some(thread) = self.threads.remove(&id) {
            self.keeping -= usize::try_from(thread.keeping).unwrap_or_default();
        }
    }

    /// Lets a thread go from its endpoint, which is forgotten with the last one.
    fn let_go(&mut self, id: CommandId) {
        let thread = self.threads.get_mut(&id);
        let Some(at) = thread.and_then(|thread| thread.endpoint.take()) else {
            return;
        };
        let Some(endpoint) = self.endpoints.get_mut(&at) else {
            return;
        };
        endpoint.users -= 1;
        if endpoint.users == 0 {
            self.names.remove(&endpoint.name);
            self.endpoints.remove(&at);
            self.plan(at);
        }
    }
}
