//! itertools.

mod combine;
mod filter;
mod group;
mod number;
mod tee;
mod zip;

use std::cell::{Cell, RefCell};
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::generic_alias;
use typhon_object::{Thread, Value, ops, payload};

/// itertools.
pub static MODULE: ModuleDef = ModuleDef {
    name: "itertools",
    doc: "Functional tools for creating and using iterators.",
    functions: &[def("tee", "($module, iterable, n=2, /)", tee::tee, "Returns a tuple of n independent iterators.")],
    types: &[
        ("accumulate", &ACCUMULATE),
        ("batched", &BATCHED),
        ("chain", &CHAIN),
        ("combinations", &COMBINATIONS),
        ("combinations_with_replacement", &WITH_REPLACEMENT),
        ("compress", &COMPRESS),
        ("count", &COUNT),
        ("cycle", &CYCLE),
        ("dropwhile", &DROP_WHILE),
        ("filterfalse", &FILTER_FALSE),
        ("groupby", &group::GROUP_BY),
        ("_grouper", &group::GROUPER),
        ("islice", &ISLICE),
        ("pairwise", &PAIRWISE),
        ("permutations", &PERMUTATIONS),
        ("product", &PRODUCT),
        ("repeat", &REPEAT),
        ("starmap", &STAR_MAP),
        ("takewhile", &TAKE_WHILE),
        ("_tee", &tee::TEE),
        ("_tee_dataobject", &tee::DATA),
        ("zip_longest", &ZIP_LONGEST),
    ],
    init: None,
};

/// An iterator over others. What the fields mean depends on its kind `K`.
#[repr(C)]
pub(crate) struct It<const K: usize> {
    header: Header,
    a: Slot,
    b: Slot,
    c: Slot,
    n: Cell<isize>,
    m: Cell<isize>,
    at: RefCell<Vec<usize>>,
}

/// What an [`It`] starts with.
#[derive(Default)]
struct Start {
    a: Value,
    b: Value,
    c: Value,
    n: isize,
    m: isize,
    at: Vec<usize>,
}

/// An iterator of a kind, of class `class`.
fn make<const K: usize>(t: &Thread, class: &Value, start: Start) -> Res
where
    It<K>: payload::Payload,
{
    payload::new_for(t, class, |header| It::<K> {
        header,
        a: Slot::new(start.a),
        b: Slot::new(start.b),
        c: Slot::new(start.c),
        n: Cell::new(start.n),
        m: Cell::new(start.m),
        at: RefCell::new(start.at),
    })
}

/// The next item of the iterator in a slot; `None` at its end and when the slot is empty.
#[inline]
fn step(t: &Thread, slot: &Slot) -> Res<Option<Value>> {
    let it = slot.get();
    if it.is_absent() { Ok(None) } else { ops::next(t, &it) }
}

macro_rules! kinds {
    ($($kind:ident = $number:literal, $def:ident, $name:literal, $new:path, $next:path, $extra:expr, $doc:literal;)*) => {$(
        const $kind: usize = $number;

        typhon_object::payload!(It<$number> => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                [&self.a, &self.b, &self.c].iter().for_each(|slot| visit(&slot.get()));
            }
            fn clear(&self) {
                [&self.a, &self.b, &self.c].iter().for_each(|slot| drop(slot.take()));
            }
        });

        pub(crate) static $def: TypeDef = TypeDef {
            name: $name,
            doc: $doc,
            flags: flag::BASETYPE,
            slots: Slots { new: Some($new), next: Some($next), iter: Some(same), ..$extra },
            ..TypeDef { methods: methods_of($number), ..TypeDef::of::<It<$number>>() }
        };
    )*};
}

kinds! {
    ACCUMULATE_KIND = 0, ACCUMULATE, "itertools.accumulate", number::new_accumulate, number::accumulate, Slots::NONE,
        "Return series of accumulated sums (or other binary function results).";
    BATCHED_KIND = 1, BATCHED, "itertools.batched", zip::new_batched, zip::batched, Slots::NONE,
        "Batch data into tuples of length n. The last batch may be shorter than n.";
    CHAIN_KIND = 2, CHAIN, "itertools.chain", zip::new_chain, zip::chain, Slots::NONE,
        "Return a chain object whose .__next__() method returns elements from the\nfirst iterable until it is exhausted, then elements from the next\niterable, until all of the iterables are exhausted.";
    COMBINATIONS_KIND = 3, COMBINATIONS, "itertools.combinations", combine::new_combinations, combine::combinations, Slots::NONE,
        "Return successive r-length combinations of elements in the iterable.\n\ncombinations(range(4), 3) --> (0,1,2), (0,1,3), (0,2,3), (1,2,3)";
    WITH_REPLACEMENT_KIND = 4, WITH_REPLACEMENT, "itertools.combinations_with_replacement", combine::new_with_replacement, combine::with_replacement, Slots::NONE,
        "Return successive r-length combinations of elements in the iterable allowing individual elements to have successive repeats.";
    COMPRESS_KIND = 5, COMPRESS, "itertools.compress", filter::new_compress, filter::compress, Slots::NONE,
        "Return data elements corresponding to true selector elements.";
    COUNT_KIND = 6, COUNT, "itertools.count", number::new_count, number::count, Slots { repr: Some(number::count_repr), ..Slots::NONE },
        "Return a count object whose .__next__() method returns consecutive values.";
    CYCLE_KIND = 7, CYCLE, "itertools.cycle", zip::new_cycle, zip::cycle, Slots::NONE,
        "Return elements from the iterable until it is exhausted. Then repeat the sequence indefinitely.";
    DROP_WHILE_KIND = 8, DROP_WHILE, "itertools.dropwhile", filter::new_drop_while, filter::drop_while, Slots::NONE,
        "Drop items from the iterable while predicate(item) is true.\n\nAfterwards, return every element until the iterable is exhausted.";
    FILTER_FALSE_KIND = 9, FILTER_FALSE, "itertools.filterfalse", filter::new_filter_false, filter::filter_false, Slots::NONE,
        "Return those items of iterable for which function(item) is false.\n\nIf function is None, return the items that are false.";
    ISLICE_KIND = 10, ISLICE, "itertools.islice", filter::new_islice, filter::islice, Slots::NONE,
        "islice(iterable, stop) --> islice object\nislice(iterable, start, stop[, step]) --> islice object\n\nReturn an iterator whose next() method returns selected values from an\niterable.";
    PAIRWISE_KIND = 11, PAIRWISE, "itertools.pairwise", zip::new_pairwise, zip::pairwise, Slots::NONE,
        "Return an iterator of overlapping pairs taken from the input iterator.";
    PERMUTATIONS_KIND = 12, PERMUTATIONS, "itertools.permutations", combine::new_permutations, combine::permutations, Slots::NONE,
        "Return successive r-length permutations of elements in the iterable.\n\npermutations(range(3), 2) --> (0,1), (0,2), (1,0), (1,2), (2,0), (2,1)";
    PRODUCT_KIND = 13, PRODUCT, "itertools.product", combine::new_product, combine::product, Slots::NONE,
        "Cartesian product of input iterables.  Equivalent to nested for-loops.";
    REPEAT_KIND = 14, REPEAT, "itertools.repeat", number::new_repeat, number::repeat, Slots { repr: Some(number::repeat_repr), ..Slots::NONE },
        "repeat(object [,times]) -> create an iterator which returns the object\nfor the specified number of times.  If not specified, returns the object\nendlessly.";
    STAR_MAP_KIND = 15, STAR_MAP, "itertools.starmap", filter::new_star_map, filter::star_map, Slots::NONE,
        "Return an iterator whose values are returned from the function evaluated with an argument tuple taken from the given sequence.";
    TAKE_WHILE_KIND = 16, TAKE_WHILE, "itertools.takewhile", filter::new_take_while, filter::take_while, Slots::NONE,
        "Return successive entries from an iterable as long as the predicate evaluates to true for each entry.";
    ZIP_LONGEST_KIND = 17, ZIP_LONGEST, "itertools.zip_longest", zip::new_zip_longest, zip::zip_longest, Slots::NONE,
        "Return a zip_longest object whose .__next__() method returns a tuple where\nthe i-th element comes from the i-th iterable argument.";
}

const CHAIN_METHODS: &[MethodDef] = &[
    raw(
        "from_iterable",
        "($type, iterable, /)",
        zip::from_iterable,
        "Alternative chain() constructor taking a single iterable argument that evaluates lazily.",
    )
    .class(),
    def("__class_getitem__", "($type, object, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585").class(),
];

const REPEAT_METHODS: &[MethodDef] = &[def(
    "__length_hint__",
    "($self, /)",
    number::repeat_hint,
    "Private method returning an estimate of len(list(it)).",
)];

/// The methods of a kind besides iterating.
const fn methods_of(kind: usize) -> &'static [MethodDef] {
    match kind {
        CHAIN_KIND => CHAIN_METHODS,
        REPEAT_KIND => REPEAT_METHODS,
        _ => &[],
    }
}

fn same(_: &Thread, v: &Value) -> Res {
    Ok(v.clone())
}
