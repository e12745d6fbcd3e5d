//! Numbers and containers without an interpreter. Expected numbers and orders are CPython 3.14's.

use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{exceptions, int, list_, range, set_, slice};
use typhon_object::{Res, Value, convert, error, ops, process, strs, tuple};

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    process::set_up();
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, 64 << 20);
    let out = t.attach(1 << 20, f);
    t.close();
    out
}

fn ints(items: &[i64]) -> Vec<Value> {
    items.iter().map(|&i| Value::small(i)).collect()
}

fn text(t: &Thread, v: &Value) -> String {
    ops::repr_text(t, v).unwrap()
}

#[track_caller]
fn raises(t: &Thread, r: Res, message: &str) {
    let e = r.unwrap_err();
    assert_eq!(strs::display(&ops::str(t, e.value()).unwrap()), message);
}

#[test]
fn hashes_are_cpythons() {
    with_thread(|t| {
        let hash = |v: &Value| ops::hash(t, v).unwrap();
        assert_eq!(hash(process::empty_tuple()), 5_740_354_900_026_072_187);
        assert_eq!(hash(&tuple::from_vec(t, ints(&[1, 2, 3])).unwrap()), 529_344_067_295_497_451);
        assert_eq!(hash(&set_::frozenset(t, ints(&[3, 1, 2])).unwrap()), -272_375_401_224_217_160);
        assert_eq!(hash(&set_::frozenset(t, vec![]).unwrap()), 133_146_708_735_736);
        let [a, b, c] = [1, 2, 3].map(Value::small);
        assert_eq!(hash(&slice::new(t, a, b, c).unwrap()), -2_340_833_382_717_974_474);
        assert_eq!(hash(&convert::from_f64(t, 1e300).unwrap()), 1_224_995_262_755_759_164);
        assert_eq!(hash(&int::lshift(t, &Value::small(1), &Value::small(100)).unwrap()), 549_755_813_888);
    });
}

#[test]
fn a_set_gives_its_elements_in_cpythons_order() {
    with_thread(|t| {
        let sevens: Vec<i64> = (0..20).map(|i| i * 7).collect();
        let set = set_::from_vec(t, ints(&sevens)).unwrap();
        let expect = "{0, 133, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98, 105, 112, 119, 126}";
        assert_eq!(text(t, &set), expect);
        let s = set_::expect(&set);
        for i in (0..20).step_by(2) {
            let key = Value::small(i * 7);
            assert!(s.remove(t, &key, ops::hash(t, &key).unwrap()).unwrap());
        }
        assert_eq!(s.len(), 10);
        assert!(set_::contains(t, s, &Value::small(7)).unwrap());
        assert!(!set_::contains(t, s, &Value::small(14)).unwrap());
        assert_eq!(s.pop().unwrap().as_small(), Some(133));
    });
}

#[test]
fn ints_cross_the_border_of_a_word_and_come_back() {
    with_thread(|t| {
        let top = Value::small((1 << 61) - 1);
        let past = int::add(t, &top, &Value::small(1)).unwrap();
        assert!(!past.is_small());
        assert_eq!(text(t, &past), "2305843009213693952");
        let back = int::sub(t, &past, &Value::small(1)).unwrap();
        assert!(back.is(&top));
        let power = int::pow(t, &Value::small(-7), &Value::small(30), &Value::NONE).unwrap();
        assert_eq!(text(t, &power), "22539340290692258087863249");
        let rest = int::modulo(t, &power, &Value::small(-1000)).unwrap();
        assert_eq!(rest.as_small(), Some(-751));
    });
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_built() {
    with_thread(|t| {
        let huge = Value::small(1_000_000_000_000);
        let e = int::lshift(t, &Value::small(1), &huge).unwrap_err();
        assert!(e.is(&exceptions::MEMORY_ERROR));
        let e = int::pow(t, &Value::small(10), &huge, &Value::NONE).unwrap_err();
        assert!(e.is(&exceptions::MEMORY_ERROR));
        let list = List::from_vec(t, ints(&[1, 2])).unwrap();
        let e = ops::binary(t, ops::MUL, &list, &huge).unwrap_err();
        assert!(e.is(&exceptions::MEMORY_ERROR));
        let digits = int::lshift(t, &Value::small(1), &Value::small(100_000)).unwrap();
        raises(
            t,
            ops::repr(t, &digits),
            "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit",
        );
    });
}

#[test]
fn sorting_is_stable_in_both_directions() {
    with_thread(|t| {
        for reverse in [false, true] {
            // Pairs (key, position): a stable sort by key alone keeps equal keys in their first order.
            let keys: Vec<i64> = (0..1000).map(|i| i * 7919 % 37).collect();
            let rows = keys.iter().enumerate().map(|(i, &k)| tuple::new(t, &ints(&[k, i as i64])).unwrap());
            let list = List::from_vec(t, rows.collect()).unwrap();
            // By the tuple's item 0: the slot wrapper of list does as a key function.
            let order = List::from_vec(t, ints(&keys)).unwrap();
            let getitem = typhon_object::attr::get_text(t, &order, "__getitem__").unwrap();
            let positions: Vec<i64> = (0..1000).collect();
            let index = List::from_vec(t, ints(&positions)).unwrap();
            list_::sort(t, index.expect(), Some(&getitem), reverse).unwrap();
            let got: Vec<i64> = index.expect::<List>().to_vec().iter().map(|v| v.as_small().unwrap()).collect();
            let mut expect = positions;
            expect.sort_by_key(|&i| if reverse { -keys[i as usize] } else { keys[i as usize] });
            assert_eq!(got, expect);
            list_::sort(t, list.expect(), None, false).unwrap();
            assert_eq!(text(t, &list.expect::<List>().get(0).unwrap()), "(0, 0)");
        }
    });
}

#[test]
fn extended_slices_delete_and_assign() {
    with_thread(|t| {
        let list = List::from_vec(t, ints(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).unwrap();
        let every = |step: i64| slice::new(t, Value::NONE, Value::NONE, Value::small(step)).unwrap();
        ops::delitem(t, &list, &every(-3)).unwrap();
        assert_eq!(text(t, &list), "[1, 2, 4, 5, 7, 8]");
        let three = List::from_vec(t, ints(&[-1, -2, -3])).unwrap();
        ops::setitem(t, &list, &every(2), &three).unwrap();
        assert_eq!(text(t, &list), "[-1, 2, -2, 5, -3, 8]");
        let e = ops::setitem(t, &list, &every(3), &three).unwrap_err();
        let message = strs::display(&ops::str(t, e.value()).unwrap());
        assert_eq!(message, "attempt to assign sequence of size 3 to extended slice of size 2");
    });
}

#[test]
fn a_range_knows_its_numbers_without_counting() {
    with_thread(|t| {
        let big = int::lshift(t, &Value::small(1), &Value::small(80)).unwrap();
        let r = range::new(t, Value::small(0), big.clone(), Value::small(3)).unwrap();
        assert!(ops::contains(t, &r, &Value::small(300_000_000_000)).unwrap());
        assert!(!ops::contains(t, &r, &Value::small(300_000_000_001)).unwrap());
        let last = ops::getitem(t, &r, &Value::small(-1)).unwrap();
        assert_eq!(text(t, &last), "1208925819614629174706175");
        raises(t, ops::len(t, &r).map(|_| Value::NONE), "Python int too large to convert to C ssize_t");
        let it = ops::iter(t, &r).unwrap();
        assert_eq!(ops::next(t, &it).unwrap().unwrap().as_small(), Some(0));
        assert_eq!(ops::next(t, &it).unwrap().unwrap().as_small(), Some(3));
    });
}

#[test]
fn a_dict_that_changes_under_an_iterator_is_noticed() {
    with_thread(|t| {
        let d = Dict::create(t);
        Dict::of(&d).set(t, &Value::small(1), &Value::NONE).unwrap();
        let it = ops::iter(t, &d).unwrap();
        Dict::of(&d).set(t, &Value::small(2), &Value::NONE).unwrap();
        raises(t, ops::next(t, &it).map(|_| Value::NONE), "dictionary changed size during iteration");
        let list = List::create(t).unwrap();
        raises(
            t,
            Dict::of(&d).set(t, &list, &Value::NONE).map(|()| list.clone()),
            "cannot use 'list' as a dict key (unhashable type: 'list')",
        );
        list.expect::<List>().push(t, list.clone()).unwrap();
        assert_eq!(text(t, &list), "[[...]]");
        list.expect::<List>().clear_items();
    });
}
