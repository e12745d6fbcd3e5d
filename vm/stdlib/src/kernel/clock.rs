//! Clocks and the calendar of the C library.

use super::{Sys, done, errno};
use std::ffi::CStr;
use std::mem::MaybeUninit;

unsafe extern "C" {
    safe fn tzset();
    fn strftime(to: *mut libc::c_char, max: usize, format: *const libc::c_char, tm: *const libc::tm) -> usize;
}

/// A moment, taken apart; months and days of the year count from 0, days of the week from Sunday.
#[derive(Clone, Default, Debug)]
pub struct Tm {
    /// Full year.
    pub year: i64,
    /// 0 to 11.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 61.
    pub second: i64,
    /// 0 is Sunday.
    pub week_day: i64,
    /// 0 to 365.
    pub year_day: i64,
    /// Summer time: 1, 0, or -1 if unknown.
    pub dst: i64,
    /// Name of the time zone.
    pub zone: String,
    /// Seconds east of UTC.
    pub offset: i64,
}

impl Tm {
    /// The nine numbers of Python's time tuple.
    pub fn fields(&self) -> [i64; 9] {
        let week_day = (self.week_day + 6) % 7;
        [
            self.year,
            self.month + 1,
            self.day,
            self.hour,
            self.minute,
            self.second,
            week_day,
            self.year_day + 1,
            self.dst,
        ]
    }

    /// From the nine numbers of Python's time tuple.
    pub fn from_fields(n: [i64; 9]) -> Self {
        Self {
            year: n[0],
            month: n[1] - 1,
            day: n[2],
            hour: n[3],
            minute: n[4],
            second: n[5],
            week_day: if n[6] < -1 { -1 } else { (n[6] + 1) % 7 },
            year_day: n[7] - 1,
            dst: n[8],
            zone: String::new(),
            offset: 0,
        }
    }

    fn of(tm: &libc::tm) -> Self {
        let zone = if tm.tm_zone.is_null() {
            String::new()
        } else {
            // SAFETY: the C library's zone name is a C string that lives as long as the process's time zone.
            unsafe { CStr::from_ptr(tm.tm_zone) }.to_string_lossy().into_owned()
        };
        Self {
            year: i64::from(tm.tm_year) + 1900,
            month: i64::from(tm.tm_mon),
            day: i64::from(tm.tm_mday),
            hour: i64::from(tm.tm_hour),
            minute: i64::from(tm.tm_min),
            second: i64::from(tm.tm_sec),
            week_day: i64::from(tm.tm_wday),
            year_day: i64::from(tm.tm_yday),
            dst: i64::from(tm.tm_isdst),
            zone,
            offset: tm.tm_gmtoff,
        }
    }

    /// The C struct, its zone name pointing to `zone`.
    fn to_c(&self, zone: &CStr) -> libc::tm {
        libc::tm {
            tm_year: (self.year - 1900) as i32,
            tm_mon: self.month as i32,
            tm_mday: self.day as i32,
            tm_hour: self.hour as i32,
            tm_min: self.minute as i32,
            tm_sec: self.second as i32,
            tm_wday: self.week_day as i32,
            tm_yday: self.year_day as i32,
            tm_isdst: self.dst as i32,
            tm_gmtoff: self.offset,
            tm_zone: zone.as_ptr(),
        }
    }
}

/// localtime(3).
pub fn local_time(at: i64) -> Sys<Tm> {
    let mut tm = MaybeUninit::uninit();
    // SAFETY: the struct is filled when the call succeeds.
    unsafe {
        if libc::localtime_r(&at, tm.as_mut_ptr()).is_null() {
            return Err(errno());
        }
        Ok(Tm::of(&tm.assume_init()))
    }
}

/// gmtime(3).
pub fn utc_time(at: i64) -> Sys<Tm> {
    let mut tm = MaybeUninit::uninit();
    // SAFETY: the struct is filled when the call succeeds.
    unsafe {
        if libc::gmtime_r(&at, tm.as_mut_ptr()).is_null() {
            return Err(errno());
        }
        let mut tm = Tm::of(&tm.assume_init());
        tm.zone = "UTC".to_string();
        Ok(tm)
    }
}

/// mktime(3); `None` if there is no such moment.
pub fn make_time(tm: &Tm) -> Option<i64> {
    let mut c = tm.to_c(c"");
    // C sets the day of the week when it succeeds, which tells -1 from the last second before the epoch.
    c.tm_wday = -1;
    // SAFETY: the struct is complete.
    let at = unsafe { libc::mktime(&mut c) };
    if at == -1 && c.tm_wday == -1 { None } else { Some(at) }
}

/// tzset(3).
pub fn reset_zone() {
    tzset();
}

/// strftime(3) of a format without NUL.
pub fn format_time(format: &[u8], tm: &Tm) -> Vec<u8> {
    // A mark at the end tells an empty result from one that did not fit.
    let Ok(format) = std::ffi::CString::new([format, b"x"].concat()) else { return Vec::new() };
    let zone = std::ffi::CString::new(tm.zone.as_bytes()).unwrap_or_default();
    let c = tm.to_c(&zone);
    let mut room = vec![0_u8; 256.max(format.as_bytes().len() * 4)];
    let most = format.as_bytes().len() * 256;
    loop {
        // SAFETY: the room is writable for its length; format and struct are complete, and the zone outlives the call.
        let n = unsafe { strftime(room.as_mut_ptr().cast(), room.len(), format.as_ptr(), &c) };
        if n > 0 {
            room.truncate(n - 1);
            return room;
        }
        if room.len() > most.max(1024) {
            return Vec::new();
        }
        room.resize(room.len() * 2, 0);
    }
}

fn to_duration(ts: libc::timespec) -> std::time::Duration {
    std::time::Duration::new(u64::try_from(ts.tv_sec).unwrap_or(0), ts.tv_nsec as u32)
}

/// clock_gettime(2).
pub fn clock(id: i32) -> Sys<std::time::Duration> {
    let mut ts = MaybeUninit::uninit();
    // SAFETY: the struct is filled when the call succeeds.
    unsafe { done(libc::clock_gettime(id, ts.as_mut_ptr())).map(|()| to_duration(ts.assume_init())) }
}

/// clock_settime(2), in nanoseconds.
pub fn set_clock(id: i32, ns: i64) -> Sys<()> {
    let at = libc::timespec { tv_sec: ns.div_euclid(1_000_000_000), tv_nsec: ns.rem_euclid(1_000_000_000) };
    // SAFETY: the struct is complete.
    done(unsafe { libc::clock_settime(id, &at) })
}

/// pthread_getcpuclockid(3) of a thread that the caller knows to be alive.
pub fn thread_clock(thread: u64) -> Sys<i32> {
    let mut id = 0;
    // SAFETY: the thread is alive, as the caller knows.
    match unsafe { libc::pthread_getcpuclockid(thread as libc::pthread_t, &mut id) } {
        0 => Ok(id),
        e => Err(e),
    }
}

/// clock_getres(2).
pub fn clock_resolution(id: i32) -> Sys<std::time::Duration> {
    let mut ts = MaybeUninit::uninit();
    // SAFETY: the struct is filled when the call succeeds.
    unsafe { done(libc::clock_getres(id, ts.as_mut_ptr())).map(|()| to_duration(ts.assume_init())) }
}
