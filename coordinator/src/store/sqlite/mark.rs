//! The number in a store's header that counts its logs: see `pair.rs`.

use rusqlite::Connection;

/// Where the number stands in the file's first page.
pub(super) const PLACE: std::ops::Range<usize> = 60..64;

/// Draws a new store's number.
pub(super) fn draw(conn: &Connection) -> rusqlite::Result<()> {
    // Even, not 0, and far from the largest.
    let drawn = conn.query_row("SELECT (random() & 0x3fffff00) | 0x100", [], |row| row.get(0))?;
    set(conn, drawn)
}

/// The number as file and log say together.
pub(super) fn read(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
}

/// Says that there is a log.
pub(super) fn make_odd(conn: &Connection) -> rusqlite::Result<()> {
    let now = read(conn)?;
    if is_odd(now) { Ok(()) } else { set(conn, now + 1) }
}

/// Says that nothing is missing in what file and log say together.
pub(super) fn make_even(conn: &Connection) -> rusqlite::Result<()> {
    let now = read(conn)?;
    if is_odd(now) { set(conn, now + 1) } else { Ok(()) }
}

fn set(conn: &Connection, number: u32) -> rusqlite::Result<()> {
    conn.pragma_update(None, "user_version", number.cast_signed())
}

/// Whether a file of this number has a log.
pub(super) fn is_odd(number: u32) -> bool {
    !number.is_multiple_of(2)
}

/// What stands in the first page of the file, or of a log.
pub(super) fn in_page(page: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(page.get(PLACE)?.try_into().ok()?))
}
