//! The models: one file per protocol, one program, because each would be linked apart otherwise.
#![cfg(vm_loom)]

mod alone;
mod attributes;
mod claim;
mod crossing;
mod delayed_release;
mod entries;
mod fork;
mod handover;
mod latch;
mod map;
mod published;
mod qsbr_grace;
mod qsbr_join;
mod qsbr_offline;
mod qsbr_requests;
mod qsbr_retire;
mod qsbr_waiting;
mod rc_behind;
mod rc_counts;
mod rc_lock;
mod rc_queue;
mod rc_sections;
mod rc_try_retain;
mod row;
mod share;
mod shelf;
mod site;
mod stop_world;
