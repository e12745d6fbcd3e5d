//! Turns, by weight and by limit, without a clock: how long each took is what the test says.

use super::*;

struct Job(Arc<Tenant>, u32, i32);

impl Queued for Job {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.0
    }

    fn priority(&self) -> i32 {
        self.2
    }
}

fn tenant(name: &str, quota: Quota) -> Arc<Tenant> {
    let tenant = Tenant::new(name);
    tenant.set_quota(quota);
    tenant
}

fn weighing(weight: u32) -> Quota {
    Quota { weight, ..Quota::default() }
}

fn fill(queue: &FairQueue<Job>, tenant: &Arc<Tenant>, count: u32) {
    for number in 0..count {
        assert!(queue.offer(Job(tenant.clone(), number, 0)).is_ok_and(|out| out.is_none()));
    }
}

/// Serves so many, one at a time, each of which takes as long as `took` says; how often each tenant was served.
fn serve(queue: &FairQueue<Job>, count: usize, took: impl Fn(&str) -> Duration) -> HashMap<String, u32> {
    let mut served = HashMap::new();
    for _ in 0..count {
        let (job, turn) = queue.next().expect("something waits");
        let name = job.0.name.to_string();
        queue.done(turn, took(&name));
        *served.entry(name).or_default() += 1;
    }
    served
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn turns_go_by_weight() {
    let queue = FairQueue::new(1000, 1);
    let (light, heavy) = (tenant("light", weighing(1)), tenant("heavy", weighing(3)));
    fill(&queue, &light, 100);
    fill(&queue, &heavy, 100);
    let served = serve(&queue, 80, |_| SECOND);
    assert!((58..=62).contains(&served["heavy"]), "{served:?}");
}

#[test]
fn turns_go_by_time_and_not_by_number() {
    let queue = FairQueue::new(1000, 1);
    let (quick, slow) = (tenant("quick", weighing(1)), tenant("slow", weighing(1)));
    fill(&queue, &quick, 300);
    fill(&queue, &slow, 300);
    let took = |name: &str| if name == "slow" { SECOND * 9 } else { SECOND };
    let served = serve(&queue, 200, took);
    assert!((170..=190).contains(&served["quick"]), "{served:?}");
}

#[test]
fn who_comes_late_is_served_soon_and_owed_nothing() {
    let queue = FairQueue::new(1000, 1);
    let (early, late) = (tenant("early", weighing(1)), tenant("late", weighing(1)));
    fill(&queue, &early, 200);
    serve(&queue, 100, |_| SECOND);
    fill(&queue, &late, 100);
    let served = serve(&queue, 20, |_| SECOND);
    assert!((9..=12).contains(&served["late"]), "{served:?}");
}

#[test]
fn one_tenant_runs_no_more_than_it_may() {
    let queue = FairQueue::new(1000, 4);
    let (one, other) = (tenant("one", Quota { executions: 1, ..Quota::default() }), tenant("other", Quota::default()));
    fill(&queue, &one, 3);
    fill(&queue, &other, 1);
    let first = queue.next().expect("one or other");
    let second = queue.next().expect("the other one");
    assert_ne!(first.0.0.name, second.0.0.name);
    assert!(queue.state.lock().take().is_none());
    assert_eq!(queue.of(&one), (2, 1));
    let (of_one, of_other) = if &*first.0.0.name == "one" { (first, second) } else { (second, first) };
    queue.done(of_other.1, SECOND);
    assert!(queue.state.lock().take().is_none());
    queue.done(of_one.1, SECOND);
    assert!(queue.state.lock().take().is_some());
}

#[test]
fn a_full_queue_takes_from_the_longest_line() {
    let queue = FairQueue::new(10, 1);
    let (many, few) = (tenant("many", weighing(1)), tenant("few", weighing(1)));
    fill(&queue, &many, 10);
    let full = queue.offer(Job(many.clone(), 10, 0)).err().expect("no room for more of the same");
    assert_eq!((full.0, full.1.1), (Refused::Full, 10));
    for number in 0..5 {
        let out = queue.offer(Job(few.clone(), number, 0)).ok().flatten().expect("the last of the longest");
        assert_eq!((&*out.0.name, out.1), ("many", 9 - number));
    }
    assert!(queue.offer(Job(few.clone(), 5, 0)).is_err());
    assert_eq!((queue.waiting(), queue.of(&many).0, queue.of(&few).0), (10, 5, 5));
}

#[test]
fn a_tenants_urgent_ones_come_first_and_others_lose_nothing_by_them() {
    let queue = FairQueue::new(5, 1);
    let (one, other) = (tenant("one", weighing(1)), tenant("other", weighing(1)));
    for (number, priority) in [(0, 0), (1, 5), (2, -1), (3, 5)] {
        assert!(queue.offer(Job(one.clone(), number, priority)).is_ok());
    }
    fill(&queue, &other, 1);
    // Who has to go is the last in line: the least urgent.
    let out = queue.offer(Job(other.clone(), 1, -9)).ok().flatten().expect("the last of the longest");
    assert_eq!((&*out.0.name, out.1), ("one", 2));
    let mut order: HashMap<String, Vec<u32>> = HashMap::new();
    let mut first_of_other = None;
    for turn in 0..5 {
        let (job, taken) = queue.next().expect("something waits");
        if &*job.0.name == "other" {
            first_of_other.get_or_insert(turn);
        }
        order.entry(job.0.name.to_string()).or_default().push(job.1);
        queue.done(taken, SECOND);
    }
    assert_eq!((&order["one"], &order["other"]), (&vec![1, 3, 0], &vec![0, 1]));
    assert!(first_of_other.is_some_and(|turn| turn < 2), "{first_of_other:?}");
}

#[test]
fn a_line_has_its_own_end() {
    let queue = FairQueue::new(10, 1);
    let short = tenant("short", Quota { waiting: 2, ..Quota::default() });
    fill(&queue, &short, 2);
    let full = queue.offer(Job(short.clone(), 2, 0)).err().expect("its line is full");
    assert_eq!(full.0, Refused::LineFull { max: 2 });
    queue.close();
    assert_eq!(queue.offer(Job(short.clone(), 2, 0)).err().expect("closed").0, Refused::Closed);
    assert!(queue.next().is_some() && queue.next().is_some() && queue.next().is_none());
}

#[test]
fn waits_are_estimated_from_what_waits() {
    let queue = FairQueue::new(1000, 2);
    let (a, b) = (tenant("a", weighing(1)), tenant("b", weighing(1)));
    assert_eq!(queue.estimated_wait(&a), Duration::ZERO);
    fill(&queue, &a, 100);
    serve(&queue, 60, |_| SECOND);
    let wait = queue.estimated_wait(&a).as_secs_f64();
    assert!((18.0..=20.1).contains(&wait), "forty of a second each, and two workers: {wait}");
    let wait = queue.estimated_wait(&b).as_secs_f64();
    assert!(wait <= 1.0, "the next free worker serves it: {wait}");
    a.set_quota(Quota { executions: 1, ..Quota::default() });
    fill(&queue, &a, 1);
    assert!(queue.estimated_wait(&a).as_secs_f64() > 36.0);
}

#[test]
fn who_waits_is_woken_by_the_ring() {
    let queue = Arc::new(FairQueue::<Job>::new(10, 1));
    let waiting = std::thread::spawn({
        let queue = queue.clone();
        move || queue.next().map(|(job, _)| job.1)
    });
    let one = tenant("one", weighing(1));
    assert!(queue.add(Job(one, 7, 0)).is_ok_and(|out| out.is_none()));
    queue.ring();
    assert_eq!(waiting.join().expect("it does not panic"), Some(7));
}
