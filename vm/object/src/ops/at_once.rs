//! At once: the items of a dict, a view of one, or a set, as they are at one moment while other threads may change it.

use crate::dict::Dict;
use crate::error::Res;
use crate::thread::Thread;
use crate::tuple;
use crate::types::{dict_views, set_};
use crate::value::Value;

/// The items that one step over all of `iterable` goes by (`list(d)`, `sum(d.values())`, `set.update`), if it is such a
/// container and other threads may come between; `None` if it is to be iterated over.
pub(crate) fn items(t: &Thread, iterable: &Value) -> Res<Option<Vec<Value>>> {
    if !t.has_siblings() {
        return Ok(None);
    }
    if let Some(set) = set_::exactly(iterable) {
        t.check_alloc(set.len() * 8)?;
        return Ok(Some(set.to_vec()));
    }
    let (dict, part) = match iterable.exact::<Dict>() {
        Some(_) => (iterable.clone(), dict_views::Part::Keys),
        None => match dict_views::of(iterable) {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let dict = Dict::of(&dict);
    t.check_alloc(dict.len() * 16)?;
    let all = dict.items().into_iter();
    Ok(Some(match part {
        dict_views::Part::Keys => all.map(|(k, _)| k).collect(),
        dict_views::Part::Values => all.map(|(_, v)| v).collect(),
        dict_views::Part::Items => all.map(|(k, v)| tuple::from_vec(t, vec![k, v])).collect::<Res<_>>()?,
    }))
}
